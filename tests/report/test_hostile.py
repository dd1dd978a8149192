"""Whatever a lab file or a box says is text in the page, and can be seen; and the same values make the same page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import report
from orchestrator.report import Facts
from orchestrator.verify import CheckResult, Evidence, Report
from orchestrator.verify.results import Cause, Status
from tests.browser import DESKTOP, NARROW, Browse, Scheme, too_faint
from tests.sample_labs import HOSTILE, hostile, long

FACTS = Facts(date=HOSTILE, source=HOSTILE, versions=((HOSTILE, HOSTILE),), hashes=((HOSTILE, HOSTILE),),
              made={HOSTILE: 1.0})  # fmt: skip
BYTES = "".join(map(chr, range(0x20))) + "\x7f\x9b\u200f\u2028\ud800 end"
ATTACK = '<img src=http://192.0.2.1/ onerror=hit()>"><script>hit()</script><style>*{display:none}</style>{{ 7 * 7 }}'


STATUSES: tuple[Status, ...] = ("passed", "failed", "error", "skipped")


def results() -> Report:
    """Every status, for checks as hostile as they come."""
    evidence, causes = (Evidence(ATTACK, 1, BYTES), Evidence(HOSTILE, 1, "")), (Cause(ATTACK, ATTACK),)
    checks = [
        CheckResult(
            f"{ATTACK}/{number}", HOSTILE, HOSTILE, ATTACK, status, 1.0, ATTACK, HOSTILE, evidence, ATTACK, causes
        )
        for number, status in enumerate(STATUSES)
    ]
    return Report(HOSTILE, ATTACK, tuple(checks), 1.0, ATTACK, (ATTACK, HOSTILE), {ATTACK: 0.5})


def test_hostile_text_is_only_text(browse: Browse, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    report.write(hostile(), results(), FACTS, path)
    opened = browse(path)
    opened.unfold()
    assert (opened.requests, opened.errors) == ([], [])
    assert opened.ask("() => [...document.querySelectorAll('script, img, iframe, [onerror]')].length") == 0
    assert opened.ask("() => document.querySelectorAll('style').length") == 2, "the page's and the picture's"
    text = opened.page.inner_text("main")
    assert text.count(ATTACK) > 4 * 4
    assert "49" not in text
    assert "⟨U+0007⟩⟨U+0008⟩\t\n⟨U+000B⟩⟨U+000C⟩⟨U+000D⟩" in text
    assert "⟨U+001B⟩⟨U+001C⟩⟨U+001D⟩⟨U+001E⟩⟨U+001F⟩⟨U+007F⟩⟨U+009B⟩⟨U+200F⟩⟨U+2028⟩⟨U+D800⟩ end" in text


def test_nothing_is_in_the_file_that_a_terminal_or_an_editor_would_obey(tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    report.write(hostile(), results(), FACTS, path)
    odd = {letter for letter in path.read_text() if not letter.isprintable()}
    assert odd <= set("\n\t")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_status_has_contrast(browse: Browse, tmp_path: Path, scheme: Scheme) -> None:
    path = tmp_path / "hostile.html"
    report.write(hostile(), results(), FACTS, path)
    opened = browse(path, scheme=scheme)
    opened.unfold()
    assert {status for status in STATUSES if opened.page.locator(f".status.{status}").count()} == set(STATUSES)
    assert too_faint(opened)[0] == []


@pytest.mark.parametrize("size", [DESKTOP, NARROW], ids=["desktop", "phone"])
def test_long_names_stay_within_the_page(browse: Browse, tmp_path: Path, size: tuple[int, int]) -> None:
    name = long().boxes[0].name
    check = CheckResult("c" * 400, name, name, "check " * 50, "failed", 1.0, "e" * 400, "s" * 400,
                        (Evidence("x" * 400, 1, "y" * 4000),))  # fmt: skip
    path = tmp_path / "long.html"
    report.write(long(), Report("l" * 60, "netns", (check,), 1.0), FACTS, path)
    opened = browse(path, size)
    assert opened.ask("() => document.documentElement.scrollWidth") == size[0]


def test_the_same_values_make_the_same_page() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from orchestrator import report; from tests.report import test_hostile as t\n"
        "sys.stdout.write(report.page(t.hostile(), t.results(), t.FACTS))\n"
    )
    root = Path(__file__).parent.parent.parent
    pages = [
        subprocess.run(
            [sys.executable, "-c", script, str(root)], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    ]
    assert pages[0] == pages[1] == report.page(hostile(), results(), FACTS).encode()
    assert len(pages[0]) > 10_000
