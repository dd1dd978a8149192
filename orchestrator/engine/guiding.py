"""`guide`: a lab's guide, step by step, against the lab that it is about."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from orchestrator import engine, guide, labfile, store
from orchestrator.engine import breaking, making
from orchestrator.engine.commands import Commands
from orchestrator.engine.instances import running
from orchestrator.engine.proof import Options
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit, Stage
from orchestrator.guide import Command, Exercise, Guide
from orchestrator.store import Instance

if TYPE_CHECKING:
    from orchestrator.verify.results import Report

_DEADLINE = 3.0
"""Seconds that a check of an exercise may try."""


class Progress(Struct, frozen=True):
    """How far a guide was read: its digest, the steps that are done, and the instance (its id) that has seen them."""

    digest: str
    step: int
    instance: str


def find(reference: str, options: Options) -> tuple[Instance | None, Path, Guide, str]:
    """What is stored of the lab, its file, its guide and the lab's name in it.

    Raises LabError, exit status 2, where there is no guide, or it is not labctl's own and nobody trusts it.
    """
    lab, source = making.read(reference, options)
    path = source.parent / "guide.md"
    if not path.is_file():
        there = ", ".join(file.parent.name for file in labfile.shipped() if (file.parent / "guide.md").is_file())
        raise LabError(f"{lab.name} has no guide", where=str(path), hint=f"labs with one: {there}", code=Exit.USAGE)
    if not options.trust and not labfile.is_shipped(source):
        raise LabError(
            "this guide is not labctl's own, and its commands run as root in the lab's boxes",
            where=str(path), hint="--trust says that this is wanted", code=Exit.USAGE,
        )  # fmt: skip
    own = labfile.load(source)
    return store.read(lab.name) if lab.name in store.names() else None, source, guide.read(path, own), own.name


class Session:
    """A guide that is being read. To be used in a `with` block. `step`: how many steps are done."""

    def __init__(self, reference: str, options: Options, emit: Emit, *, restart: bool) -> None:
        instance, source, self.guide, called = find(reference, options)
        self.name = options.name or (instance.lab.name if instance else labfile.load(source).name)
        self._emit = emit
        self._options = msgspec.structs.replace(options, bare=True, name=self.name)
        self._source, self.step, self.resumed = source, 0, False
        self.commands = Commands(self.name, called, source)
        self._stand(instance, restart)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.commands.close()

    def _stand(self, instance: Instance | None, restart: bool) -> None:
        """Has the lab up as the steps so far have left it."""
        mark = store.bookmark(self.name, Progress)
        up = instance is not None and engine.status(self.name).state == "up"
        ours = bool(up and instance and mark and instance.id == mark.instance)
        if mark and mark.digest == self.guide.digest and not restart:
            self.step, self.resumed = mark.step, mark.step > 0
            if ours:
                return
        if up and instance and not ours and (self.resumed or not instance.bare):
            begin = ", or --restart begins in this one" if instance.bare else ""
            raise LabError(
                f"{self.name} is up already, and not from its guide",
                hint=f"labctl down {self.name}; the guide then makes it anew{begin}",
                code=Exit.USAGE,
            )
        if ours:
            engine.down(self.name, self._emit)
        self._begin()

    def _begin(self) -> None:
        result = self._up(self._options)
        if result.report and result.report.exit_code:
            raise LabError(
                f"the underlay of {self.name} is not in order",
                hint=f"labctl verify {self.name}",
                code=Exit.CHECK_FAILED,
            )
        before = [step for step in self.guide.steps[: self.step] if isinstance(step, Command)]
        again = [step for step in before if step.box or step.text.startswith("labctl up ")]
        if again:
            self._emit(Stage(self.name, f"running the {len(again)} commands so far again"))
        for step in again:
            self.commands.run(step, lambda text: None)
        self._keep()

    @property
    def boxes(self) -> list[str]:
        """The names of the lab's boxes."""
        return [box.name for box in running(self.name)[0].lab.boxes]

    def _up(self, options: Options) -> engine.Up:
        result = engine.up(str(self._source), options, self._emit)
        # `up` holds interrupts back for good once the lab is there, for then it is at its end. Here it is not.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        return result

    def done(self) -> None:
        """The step is done."""
        self.step += 1
        self._keep()

    def _keep(self) -> None:
        instance, _, _ = running(self.name)
        store.mark(self.name, Progress(self.guide.digest, self.step, instance.id))

    def plant(self, exercise: Exercise) -> None:
        """Breaks what the exercise is about, unless that is done already."""
        if (exercise.fault, exercise.box) not in [(made.fault, made.box) for made in breaking.faults_of(self.name)]:
            breaking.break_lab(self.name, exercise.fault, exercise.box, self._emit)

    def check(self) -> Report:
        """Whether an exercise is mended: all checks. What labctl had written down to undo is forgotten then."""
        _, report = engine.verify(self.name, trust=False, deadline=_DEADLINE, emit=self._emit)
        if report.exit_code == Exit.OK:
            self._forget()
        return report

    def give_up(self) -> None:
        """Mends an exercise by what labctl knows, and not by the learner."""
        self._up(msgspec.structs.replace(self._options, bare=False, verify=False))

    def _forget(self) -> None:
        with store.locked(self.name):
            breaking.revert(self.name, running(self.name)[2])
            breaking.forget(self.name)
