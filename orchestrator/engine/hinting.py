"""`hint`: the most likely cause of what fails, in steps: where to look, what is wrong, what mends it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from msgspec import Struct

from orchestrator import store
from orchestrator.converge import direct
from orchestrator.engine import breaking
from orchestrator.engine.diagnosing import diagnose_lab
from orchestrator.engine.instances import as_made, running
from orchestrator.events import Emit
from orchestrator.plan import plan

if TYPE_CHECKING:
    from orchestrator.diagnose import Diagnosis, Finding
    from orchestrator.verify.results import Report

STEPS = 3
_FILE = "hint.json"


class Given(Struct, frozen=True):
    """What was told last: the finding's id, and up to which step."""

    id: str
    step: int


class Hint(Struct, frozen=True, kw_only=True):
    """What is told now; everything is empty where nothing is wrong. step: from 1, where to look, to STEPS.

    wrong: from step 2; mend: commands in `box`, from step 3, none where labctl knows of none.
    """

    lab: str
    step: int = 0
    box: str = ""
    look: str = ""
    wrong: tuple[str, ...] = ()
    mend: tuple[str, ...] = ()


def hint(name: str, *, deadline: float, emit: Emit) -> tuple[Hint, Report]:
    """One step more on what is most likely wrong with a lab that is up; from the first step once that has changed."""
    found, report = diagnose_lab(name, deadline=deadline, emit=emit)
    with store.locked(name):
        given = store.load(name, _FILE, Given)
        finding = _finding(found, given)
        if finding is None:
            store.remove(name, _FILE)
            return Hint(lab=name), report
        step = min(given.step + 1, STEPS) if given and given.id == finding.id else 1
        store.save(name, _FILE, Given(finding.id, step))
    return _hint(name, finding, step), report


def _finding(found: Diagnosis, given: Given | None) -> Finding | None:
    """What the last hint was about, if that is still wrong, or else what is most likely."""
    same = (finding for finding in found.findings if given and finding.id == given.id)
    return next(same, found.findings[0] if found.findings else None)


def _hint(name: str, finding: Finding, step: int) -> Hint:
    return Hint(
        lab=name,
        step=step,
        box=finding.box,
        look=finding.command,
        wrong=(finding.what, *finding.because) if step > 1 else (),
        mend=_mend(name, finding.box) if step > 2 else (),
    )


def _mend(name: str, box: str) -> tuple[str, ...]:
    """The commands that make this box as it should be: those of `up`, without its own mark."""
    instance, _, connection = running(name)
    observed = direct.observe(instance.lab, connection)
    todo = plan(as_made(instance, observed), observed)
    steps = [*breaking.undo_steps(name), *todo.steps]
    commands = [command.argv for step in steps if step.where == box for command in step.commands]
    return tuple(shlex.join(argv) for argv in commands if "alias" not in argv)
