"""What the page says, before it is HTML."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator import report
from orchestrator.model import encode
from orchestrator.report import Facts
from orchestrator.report.content import content, outcome
from orchestrator.report.render import duration
from orchestrator.verify import CheckResult, Report
from orchestrator.verify.results import Status
from tests import sample_labs as samples

FACTS = Facts(date="", source="", versions=(), hashes=())


def check(identity: str, status: Status = "failed") -> CheckResult:
    box, _, rest = identity.partition("/") if "::" not in identity else ("", "", "")
    overlay = "vxlan0" if rest.startswith("vxlan0") else None
    return CheckResult(identity, box, overlay, "c", status, 0.0, "", "", ())


SPOKEN = {
    "all checks passed": (["passed"] * 2, "all 2 checks passed"),
    "one check": (["passed"], "all 1 check passed"),
    "some skipped": (["passed", "passed", "skipped"], "2 of 3 checks passed, 1 skipped"),
    "some failed": (["passed", "failed"], "1 of 2 checks failed"),
    "some failed, some could not run": (["failed", "error", "error"], "1 of 3 checks failed, 2 could not run"),
    "some could not run": (["passed", "error"], "1 of 2 checks could not run"),
    "none was made": (["skipped"], "no check was made"),
    "there is none": ([], "no check was made"),
}


@pytest.mark.parametrize(("statuses", "words"), SPOKEN.values(), ids=SPOKEN)
def test_the_outcome_in_words(statuses: list[Status], words: str) -> None:
    checks = (check(f"t::{number}", status) for number, status in enumerate(statuses))
    assert outcome(Report("lab", "netns", tuple(checks), 1.0)) == words


def test_what_others_rest_on_is_told_first() -> None:
    ground_up = ["boxB/enp0s8/up", "boxA/underlay/reach/192.168.50.5", "boxB/vxlan0/mtu", "boxA/vxlan0/ping/boxB",
                 "test_own.py::test_it"]  # fmt: skip
    found = content(samples.lab10(), Report("lab10", "netns", tuple(map(check, reversed(ground_up))), 1.0), FACTS)
    assert [item.result.id for item in found.red] == ground_up


def test_pairs_that_nobody_asked_are_not_said_to_be_good() -> None:
    one = check("boxA/vxlan0/ping/boxB", "error")
    _, overlay = content(samples.lab10(), Report("lab10", "netns", (one,), 1.0), FACTS).matrices
    assert [[cell.status for cell in cells] for _, cells in overlay.rows] == [
        ["own", "error", "unasked"], ["unasked", "own", "unasked"], ["unasked", "unasked", "own"]
    ]  # fmt: skip


def test_a_router_has_a_column_for_each_of_its_addresses() -> None:
    one = check("boxC/underlay/reach/192.168.51.1", "passed")
    underlay, _ = content(samples.routed(), Report("routed", "netns", (one,), 1.0), FACTS).matrices
    assert underlay.columns[-2:] == (("router", "192.168.50.1"), ("router", "192.168.51.1"))
    assert [cell.status for cell in dict(underlay.rows)["boxC"]][-2:] == ["unasked", "passed"]


def test_the_facts_are_this_host_s(tmp_path: Path) -> None:
    file = tmp_path / "lab.yml"
    file.write_text("anything")
    now = datetime.fromisoformat("2026-01-02T03:04:05+02:00")
    facts = report.gather(samples.lab9(), source=file, provider="netns", now=now)
    said = subprocess.run(["ip", "-V"], capture_output=True, text=True, check=True).stdout
    assert f"iproute2-{dict(facts.versions)['iproute2']}," in said
    assert "unknown" not in dict(facts.versions).values()
    assert facts.hashes == (
        ("lab file", hashlib.sha256(b"anything").hexdigest()),
        ("resolved lab", hashlib.sha256(encode(samples.lab9())).hexdigest()),
    )
    assert (facts.date, facts.source, facts.made) == ("2026-01-02 01:04:05 UTC", str(file), {})
    file.unlink()
    gone = report.gather(samples.lab9(), source=file, provider="netns", now=now.astimezone(UTC))
    assert gone.hashes[0] == ("lab file", "unknown: No such file or directory")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "0.00 ms"), (0.00012, "0.12 ms"), (0.0123, "12 ms"), (0.9, "900 ms"), (2.5, "2.50 s")]
)
def test_durations_have_a_unit_that_suits_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words
