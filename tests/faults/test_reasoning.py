"""The reasoning of `diagnose`, and the order of what `break` does: pure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator import faults, labfile
from orchestrator.diagnose import diagnose
from orchestrator.diagnose.look import Sight
from orchestrator.faults import FAULTS
from orchestrator.iproute import Observed
from orchestrator.verify.results import CheckResult, Evidence, Report, Status
from tests.conftest import CHECKOUT

LAB = labfile.load(CHECKOUT / "labs/lab10/lab.yml")
NEXT = {"boxA": "boxB", "boxB": "boxC", "boxC": "boxA"}
FILTER = Sight("boxA", "out", "a packet filter on what leaves: table t", "nft list ruleset")


def results(failed: set[str], heard: dict[str, str]) -> Iterator[CheckResult]:
    """All of lab10's checks of paths. `heard`: the boxes whose flooded frames each box's probe reports."""

    def result(id: str, *evidence: str) -> CheckResult:
        said = tuple(Evidence("probe", 0, f"frames\tok\t{heard.get(box, '')}\n") for box in evidence)
        status: Status = "failed" if id in failed else "passed"
        return CheckResult(id, id.split("/")[0], "vxlan0", id, status, 0.0, "", "", said)

    for box, peer in NEXT.items():
        for other in NEXT:
            if other != box:
                yield result(f"{box}/vxlan0/ping/{other}")
                yield result(f"{box}/vxlan0/fdb/{other}")
        yield result(f"{box}/vxlan0/tcp/{peer}")
        yield result(f"{box}/vxlan0/size/{peer}")
        yield result(f"{peer}/vxlan0/flood/{box}", box, peer)
        yield result(f"{peer}/vxlan0/isolation/{box}", box, peer)


@pytest.mark.parametrize(
    "failed",
    [
        {"boxA/vxlan0/flood/boxC"},
        {"boxA/vxlan0/flood/boxC", "boxC/vxlan0/tcp/boxA"},
        # boxB had forgotten boxA while boxA still knew boxB: it is boxB that has to ask before it can answer.
        {"boxA/vxlan0/flood/boxC", "boxC/vxlan0/tcp/boxA", "boxA/vxlan0/tcp/boxB"},
    ],
    ids=["flood", "flood-tcp", "flood-tcp-tcp"],
)
def test_a_box_that_is_deaf_to_the_group(failed: set[str]) -> None:
    """What boxC's probe heard is nothing that boxA heard, although it is evidence of the same check."""
    heard = {"boxA": "100", "boxB": "100 flood/boxA", "boxC": "100 flood/boxB flood/boxA"}
    report = Report("lab10", "netns", tuple(results(failed, heard)), 0.0)
    found = diagnose(LAB, report, lambda boxes: [FILTER])
    assert [finding.id for finding in found.findings] == ["boxA/vxlan0/multicast-in"]
    assert found.unexplained == ()


def test_the_box_is_broken_before_the_switch() -> None:
    """A querier that asks before the box is silenced may be answered, and nothing is broken."""
    fault = FAULTS["igmp-lost"]
    site = faults.places(LAB, "netns", fault)[0]
    boxes = [act.box for act in faults.acts(fault, site, Observed([], [], [], {}))]
    assert boxes == ["boxA", "", ""]
    sign = faults.until(fault, site)
    assert sign is not None
    assert sign.argv[-3:] == ("sw0", "239.255.0.1", "2")
