"""`diagnose`: all checks, what their results say together, and a ping traced where only paths tell of the cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from orchestrator.diagnose import Diagnosis, Finding, diagnose
from orchestrator.diagnose.look import look
from orchestrator.engine.instances import running, verify
from orchestrator.events import Emit, Stage
from orchestrator.model import Lab

if TYPE_CHECKING:
    from orchestrator.connections import Connection
    from orchestrator.verify.results import Report

_PATIENCE = 0.5
"""Seconds that a traced ping waits for its answer."""


def diagnose_lab(name: str, *, deadline: float, emit: Emit) -> tuple[Diagnosis, Report]:
    """The most likely causes of what is wrong with a lab that is up."""
    instance, report = verify(name, trust=False, deadline=deadline, emit=emit)
    _, _, connection = running(name)
    emit(Stage(name, "looking for the cause"))
    found = diagnose(instance.lab, report, lambda boxes: look(boxes, connection))
    if not found.findings or found.findings[0].loses is None:
        return found, report
    traced = _traced(found.findings[0], instance.lab, instance.provider, connection, emit)
    return msgspec.structs.replace(found, findings=(traced, *found.findings[1:])), report


def _traced(finding: Finding, lab: Lab, provider: str, connection: Connection, emit: Emit) -> Finding:
    """The finding, and where a frame that goes the suspected way was last seen."""
    from orchestrator.engine.tracing import conduct
    from orchestrator.trace.journey import last_seen

    assert finding.loses is not None
    sender, receiver = finding.loses
    trace, _ = conduct(
        lab, provider, connection, sender, receiver, overlay=finding.place, deadline=_PATIENCE, emit=emit
    )
    seen = last_seen(trace, sender, receiver)
    if seen.place == "taken":
        return finding
    where = _PLACES[seen.place].format(box=seen.box, overlay=finding.place)
    told = f"a ping from {sender} to {receiver}, traced: its frame was last seen {where}. {seen.why}"
    return msgspec.structs.replace(finding, because=(*finding.because, told))


_PLACES = {
    "nowhere": "nowhere: {box} sent none",
    "sender": "on {box}'s own {overlay}, and never left {box}",
    "underlay": "as it left {box}",
    "adapter": "as it reached {box}'s underlay adapter, and not behind it",
    "device": "as it came out of {box}'s {overlay}",
}
