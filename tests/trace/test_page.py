"""A conversation as a page, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.trace import page
from tests.browser import NARROW, Browse, Scheme, browse, chromium, too_faint
from tests.trace import samples

__all__ = ["browse", "chromium"]


@pytest.fixture(params=samples.EVERY)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    path = tmp_path / "trace.html"
    path.write_text(page.render(samples.EVERY[request.param]))
    return request.param, path


def test_it_asks_for_nothing_and_runs_nothing(written: tuple[str, Path], browse: Browse) -> None:
    opened = browse(written[1])
    opened.unfold()
    assert (opened.requests, opened.errors) == ([], [])
    assert opened.ask("() => document.scripts.length") == 0


def test_it_fits_a_phone(written: tuple[str, Path], browse: Browse) -> None:
    opened = browse(written[1], size=NARROW)
    opened.unfold()
    assert opened.ask("() => document.documentElement.scrollWidth") <= NARROW[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_both_schemes(written: tuple[str, Path], scheme: Scheme, browse: Browse) -> None:
    opened = browse(written[1], scheme=scheme)
    opened.unfold()
    faint, looked = too_faint(opened)
    assert faint == []
    assert looked > 20


def test_every_frame_can_be_reached_by_keyboard(browse: Browse, tmp_path: Path) -> None:
    path = tmp_path / "trace.html"
    path.write_text(page.render(samples.lab10()))
    opened = browse(path)
    reached = set()
    for _ in range(40):
        opened.page.keyboard.press("Tab")
        reached.add(opened.ask("() => document.activeElement.getAttribute('href') || document.activeElement.tagName"))
    assert {f"#frame-{number}" for number in range(1, 5)} <= reached
    assert "SUMMARY" in reached
    opened.page.locator("a[href='#frame-2']").focus()
    opened.page.keyboard.press("Enter")
    assert opened.ask("() => document.querySelector(':target h3').textContent").startswith("2. boxB sends ARP")


def test_the_drawing_tells_the_frames_apart(browse: Browse, tmp_path: Path) -> None:
    path = tmp_path / "trace.html"
    path.write_text(page.render(samples.lab10()))
    opened = browse(path)
    assert opened.ask("() => document.querySelectorAll('.sequence .flooded').length") == 2
    assert opened.ask("() => document.querySelectorAll('.sequence .single').length") == 2
    assert opened.ask("() => document.querySelectorAll('.sequence circle.ignored').length") == 2
    wide = opened.ask("""() => {
      const room = document.querySelector('.sequence').getBoundingClientRect();
      return [...document.querySelectorAll('.sequence text')].filter(
        each => each.getBoundingClientRect().right > room.right).map(each => each.textContent);
    }""")
    assert wide == []


def test_headers_are_those_of_the_frame(browse: Browse, tmp_path: Path) -> None:
    path = tmp_path / "trace.html"
    path.write_text(page.render(samples.lab10()))
    opened = browse(path)
    opened.unfold()
    shown = opened.page.locator("#frame-1 .layers").inner_text()
    for value in ("01:00:5e:7f:00:01", "239.255.0.1", "TTL 5", "4789", "VNI 100", samples.A, samples.ALL):
        assert value in shown


def test_the_same_trace_gives_the_same_bytes() -> None:
    assert page.render(samples.lab10()) == page.render(samples.lab10())


def test_text_of_others_is_text() -> None:
    html = page.render(samples.hostile())
    assert "<script" not in html
    assert all(char.isprintable() or char in "\n\t" for char in html)
