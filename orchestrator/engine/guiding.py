"""`guide`: a lab's guide, step by step, against the lab that it is about."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from orchestrator import engine, guide, labfile, store
from orchestrator.command import Stream
from orchestrator.engine import breaking, making
from orchestrator.engine.instances import running
from orchestrator.engine.proof import Options
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit, Stage
from orchestrator.guide import Command, Difference, Exercise, Guide
from orchestrator.guide.source import arguments
from orchestrator.store import Instance

if TYPE_CHECKING:
    from orchestrator.trace.capture import Capture
    from orchestrator.verify.results import Report

Show = Callable[[str], None]
"""Takes what a command prints, as it prints it."""

SECONDS = 60
"""How long a guide's command may take."""

_DEADLINE = 3.0
_BESIDE = 1.0
"""Seconds after a command in which a capture beside it may still see frames."""


class Progress(Struct, frozen=True):
    """How far a guide was read: its digest, the steps that are done, and the instance (its id) that has seen them."""

    digest: str
    step: int
    instance: str


class Outcome(NamedTuple):
    """What came of a command. `difference`: from what its guide expects; None where there is none."""

    output: str
    status: int
    difference: Difference | None = None


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
        instance, source, self.guide, self._called = find(reference, options)
        self.name = options.name or (instance.lab.name if instance else labfile.load(source).name)
        self._emit, self._beside = emit, ExitStack()
        self._captures: list[tuple[Capture, threading.Thread, list[str]]] = []
        self._options = msgspec.structs.replace(options, bare=True, name=self.name)
        self._source, self.step, self.resumed = source, 0, False
        self._stand(instance, restart)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._beside.close()

    def _stand(self, instance: Instance | None, restart: bool) -> None:
        """Has the lab up as the steps so far have left it."""
        mark = store.bookmark(self.name, Progress)
        up = instance is not None and engine.status(self.name).state == "up"
        ours = bool(up and instance and mark and instance.id == mark.instance)
        if mark and mark.digest == self.guide.digest and not restart:
            self.step, self.resumed = mark.step, mark.step > 0
            if ours:
                return
        if up and instance and not (ours or instance.bare):
            raise LabError(
                f"{self.name} is up already, and not from its guide",
                hint=f"labctl down {self.name}; the guide then makes it anew",
                code=Exit.USAGE,
            )
        if ours or (up and self.resumed):
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
            self.run(step, lambda text: None)
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

    def run(self, command: Command, show: Show) -> Outcome:
        """Runs one of the guide's commands, and compares."""
        if command.beside:
            self._capture(command)
            return Outcome("", 0)
        if command.box:
            done = self.typed(command.box, command.text, show)
        else:
            words = arguments(command, self._called)
            assert words
            done = _labctl([words[0], *self._meant(words[0]), *words[2:]], show)
        captured = "".join(f"{line}\n" for line in self._captured())
        show(captured)
        output = done.output + captured
        wrong = guide.difference(command.expected, output)
        if wrong is None and done.status != command.status:
            wrong = Difference(f"(exit status {command.status}), not {done.status}")
        return Outcome(output, done.status, wrong)

    def _meant(self, verb: str) -> list[str]:
        """The lab, as this verb takes it: a file, or the name of what is up."""
        if verb == "up":
            return [str(self._source), "--name", self.name]
        return [str(self._source) if verb == "explain" else self.name]

    def typed(self, box: str, text: str, show: Show) -> Outcome:
        """Runs a line of bash in a box: what it prints, standard error included."""
        _, _, connection = running(self.name)
        program = ("timeout", "--foreground", str(SECONDS), "bash", "-c", f"exec 2>&1 </dev/null\n{text}")
        return _follow(connection.stream(box, program), show)

    def plant(self, exercise: Exercise) -> None:
        """Breaks what the exercise is about, unless that is done already."""
        if not any(
            (known.fault, known.box) == (exercise.fault, exercise.box) for known in breaking.faults_of(self.name)
        ):
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

    def _capture(self, command: Command) -> None:
        from orchestrator.engine.tracing import capturing

        words = arguments(command, self._called) or []
        device, count = _after("-i", words), int(_after("--count", words) or "100")
        _, capture = self._beside.enter_context(capturing(self.name, words[2], device, count=count, seconds=SECONDS))
        lines: list[str] = []
        thread = threading.Thread(target=lambda: lines.extend(_lines(capture, "--hex" in words)), daemon=True)
        thread.start()
        self._captures.append((capture, thread, lines))

    def _captured(self) -> list[str]:
        """What the captures beside the last command saw."""
        for capture, thread, _ in self._captures:
            thread.join(_BESIDE)
            capture.stop()
            thread.join()
        seen = [line for _, _, lines in self._captures for line in lines]
        self._captures.clear()
        self._beside.close()
        return seen


def _after(option: str, words: Sequence[str]) -> str | None:
    return next((value for word, value in pairwise(words) if word == option), None)


def _lines(capture: Capture, whole: bool) -> list[str]:
    from orchestrator.trace.decode import decode, hexdump
    from orchestrator.trace.text import frame

    lines = []
    for each in capture.frames():
        read = decode(each.data)
        lines += [frame(read.outer, read.inner), *(hexdump(each.data) if whole else ())]
    return lines


def _labctl(words: list[str], show: Show) -> Outcome:
    """labctl itself, as a program of its own, with none of the options that the caller's environment holds."""
    keep = {key: value for key, value in os.environ.items() if not key.startswith("LABCTL_") or key == "LABCTL_PROGRAM"}
    argv = [sys.executable, "-I" if sys.flags.isolated else "-P", "-m", "orchestrator.cli", *words]
    return _follow(Stream(argv, environment={**keep, "NO_COLOR": "1"}), show)


def _follow(stream: Stream, show: Show) -> Outcome:
    """What a program prints until its end, shown meanwhile; where it fails, what it printed on stderr, too."""
    parts = []
    with stream:
        while data := stream.read():
            parts.append(data.decode(errors="replace"))
            show(parts[-1])
        stream.process.wait()
        assert stream.process.stderr
        if stream.process.returncode:
            parts.append(stream.process.stderr.read().decode(errors="replace"))
            show(parts[-1])
    return Outcome("".join(parts), stream.process.returncode)
