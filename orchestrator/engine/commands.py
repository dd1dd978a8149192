"""A guide's commands, as they are run: in the boxes, by labctl itself, and captures beside them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orchestrator import command, guide
from orchestrator.connections import Stream
from orchestrator.engine.instances import running
from orchestrator.guide import Command, Difference
from orchestrator.guide.source import CAPTURE, arguments

if TYPE_CHECKING:
    from orchestrator.trace.capture import Capture

Show = Callable[[str], None]
"""Takes what a command prints, as it prints it."""

SECONDS = 60
"""How long a guide's command may take."""

_BESIDE = 1.0
"""Seconds after a command in which a capture beside it may still see frames."""


class Outcome(NamedTuple):
    """What came of a command. `difference`: from what its guide expects; None where there is none."""

    output: str
    status: int
    difference: Difference | None = None


class Commands:
    """Runs commands for the lab that is up as `name`. called: its name in the guide; source: its lab file."""

    def __init__(self, name: str, called: str, source: Path) -> None:
        self._name, self._called, self._source = name, called, source
        self._beside = ExitStack()
        self._captures: list[tuple[Capture, threading.Thread, list[str]]] = []

    def close(self) -> None:
        """Ends what still runs."""
        self._beside.close()

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
            return [str(self._source), "--name", self._name]
        return [str(self._source) if verb == "explain" else self._name]

    def typed(self, box: str, text: str, show: Show) -> Outcome:
        """Runs a line of bash in a box: what it prints, standard error included."""
        _, _, connection = running(self._name)
        program = ("timeout", "--foreground", str(SECONDS), "bash", "-c", f"exec 2>&1 </dev/null\n{text}")
        return _follow(connection.stream(box, program), show)

    def _capture(self, command: Command) -> None:
        from orchestrator.engine.tracing import capturing

        found = CAPTURE.fullmatch(command.text)
        assert found
        count = int(found["count"] or 100)
        begun = capturing(self._name, found["box"], found["device"], count=count, seconds=SECONDS)
        _, capture = self._beside.enter_context(begun)
        lines: list[str] = []
        thread = threading.Thread(target=lambda: lines.extend(_lines(capture, bool(found["hex"]))), daemon=True)
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
    return _follow(command.Stream(argv, environment={**keep, "NO_COLOR": "1"}), show)


def _follow(stream: Stream, show: Show) -> Outcome:
    """What a program prints until its end, shown meanwhile; where it fails, what it printed on stderr, too."""
    parts = []
    with stream:
        while data := stream.read():
            parts.append(data.decode(errors="replace"))
            show(parts[-1])
        status, said = stream.ended()
        if status:
            parts.append(said)
            show(parts[-1])
    return Outcome("".join(parts), status)
