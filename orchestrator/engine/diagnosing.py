"""`diagnose`: all checks, and what their results say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.diagnose import Diagnosis, diagnose
from orchestrator.diagnose.look import look
from orchestrator.engine.instances import running, verify
from orchestrator.events import Emit, Stage

if TYPE_CHECKING:
    from orchestrator.verify.results import Report


def diagnose_lab(name: str, *, deadline: float, emit: Emit) -> tuple[Diagnosis, Report]:
    """The most likely causes of what is wrong with a lab that is up."""
    instance, report = verify(name, trust=False, deadline=deadline, emit=emit)
    _, _, connection = running(name)
    emit(Stage(name, "thinking"))
    return diagnose(instance.lab, report, lambda boxes: look(boxes, connection)), report
