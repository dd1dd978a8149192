"""guide.md → Guide. It is plain Markdown (CommonMark); what is special are fences by their info string:

    console             lines `boxA# COMMAND` and `$ labctl …`, each followed by what it must print
    exercise FAULT BOX  something to break, with what the learner is told
    console solution    after an exercise: what mends it

In a console, a last line `(exit status N)` says how the command must end, and a capture may have ` &` behind it.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from orchestrator.errors import Exit, LabError
from orchestrator.guide.model import Command, Exercise, Guide, Prose, Step
from orchestrator.model import Lab

if TYPE_CHECKING:
    from markdown_it.token import Token

_PROMPT = re.compile(r"(?:(?P<box>[A-Za-z][A-Za-z0-9-]*)#|\$) (?P<text>.+)")
_STATUS = re.compile(r"\(exit status (\d{1,3})\)")
_MOST_BYTES = 1 << 20

VERBS: dict[str, frozenset[str]] = {
    "up": frozenset(),
    "verify": frozenset(),
    "status": frozenset(),
    "diagnose": frozenset(),
    "explain": frozenset(),
    "trace": frozenset({"--count", "--keep", "--overlay"}),
}
"""What a guide may ask of labctl itself, with its options: nothing that writes a file, or concerns another lab."""

CAPTURE = re.compile(
    r"labctl capture (?P<lab>\S+) (?P<box>\S+)(?: -i (?P<device>\S+))?(?: --count (?P<count>[1-9][0-9]{0,3}))?"
    r"(?P<hex> --hex)?"
)
"""A capture, which goes on beside the next command."""


def read(path: Path, lab: Lab) -> Guide:
    """The guide in the file at `path`, of `lab` under its own name.

    Raises LabError, with the line, for what makes no sense; exit status 2.
    """
    try:
        data = path.read_bytes()[:_MOST_BYTES]
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cannot read the guide: {error}", where=str(path), code=Exit.USAGE) from error
    return Guide(tuple(_Reader(path, lab, text).steps()), hashlib.sha256(data).hexdigest())


class _Reader:
    def __init__(self, path: Path, lab: Lab, text: str) -> None:
        self.path, self.lab, self.lines = path, lab, text.splitlines()
        self.text = text

    def steps(self) -> Iterator[Step]:
        from markdown_it import MarkdownIt

        exercise: Exercise | None = None
        end = 0
        fences = [token for token in MarkdownIt().parse(self.text) if token.type == "fence" and token.level == 0]
        for fence in fences:
            kind, *more = fence.info.split() or [""]
            if kind not in ("console", "exercise"):
                continue
            assert fence.map
            first, last = fence.map
            solution = kind == "console" and more == ["solution"]
            if exercise and not solution:
                raise self._wrong(exercise.line - 1, "an exercise has to have a fence `console solution` after it")
            if not (exercise and solution):
                yield from self._prose(end, first)
            end = last
            if kind == "exercise":
                exercise = self._exercise(fence, more, first)
            elif solution:
                if not exercise:
                    raise self._wrong(first, "a solution has to follow its exercise")
                yield msgspec.structs.replace(exercise, solution=tuple(self._commands(fence, first)))
                exercise = None
            else:
                yield from self._commands(fence, first)
        if exercise:
            raise self._wrong(exercise.line - 1, "an exercise has to have a fence `console solution` after it")
        yield from self._prose(end, len(self.lines))

    def _prose(self, first: int, last: int) -> Iterator[Prose]:
        while first < last and not self.lines[first].strip():
            first += 1
        if first < last:
            yield Prose("\n".join(self.lines[first:last]).rstrip(), first + 1)

    def _exercise(self, fence: Token, words: list[str], line: int) -> Exercise:
        if len(words) != 2:
            raise self._wrong(line, "an exercise names a fault and a box")
        from orchestrator.faults import FAULTS

        fault, box = words
        if fault not in FAULTS:
            raise self._wrong(line, f"there is no fault {fault}")
        self._box(box, line)
        return Exercise(fault, box, fence.content.strip(), (), line + 1)

    def _commands(self, fence: Token, first: int) -> Iterator[Command]:
        command: Command | None = None
        for number, line in enumerate(fence.content.splitlines(), first + 1):
            prompt, status = _PROMPT.fullmatch(line.rstrip()), _STATUS.fullmatch(line.strip())
            if prompt:
                if command:
                    yield command
                command = self._command(prompt, number)
            elif command is None:
                raise self._wrong(number, "a console begins with a prompt: `boxA# COMMAND` or `$ labctl …`")
            elif status:
                command = msgspec.structs.replace(command, status=int(status[1]))
            else:
                command = msgspec.structs.replace(command, expected=(*command.expected, line))
        if command:
            yield command

    def _command(self, prompt: re.Match[str], line: int) -> Command:
        box, text = prompt["box"], prompt["text"].strip()
        if box:
            self._box(box, line)
            return Command(box, text, (), line + 1)
        beside = text.endswith(" &")
        command = Command("", text.removesuffix(" &").strip(), (), line + 1, beside=beside)
        capture = CAPTURE.fullmatch(command.text)
        if capture and beside and capture["lab"] == self.lab.name:
            self._box(capture["box"], line)
        elif beside or arguments(command, self.lab.name) is None:
            raise self._wrong(line, f"a guide of {self.lab.name} may not run this; it may: {_allowed(self.lab.name)}")
        return command

    def _box(self, name: str, line: int) -> None:
        if name not in [box.name for box in self.lab.boxes]:
            raise self._wrong(line, f"{self.lab.name} has no box {name}")

    def _wrong(self, line: int, what: str) -> LabError:
        return LabError(what, where=f"{self.path}:{line + 1}", code=Exit.USAGE)


def arguments(command: Command, name: str) -> list[str] | None:
    """labctl's arguments in a command of its own, of which the second is the lab's name; None where it is not one."""
    try:
        words = shlex.split(command.text)
    except ValueError:
        return None
    if len(words) < 3 or words[0] != "labctl" or words[1] not in VERBS or words[2] != name:
        return None
    options = {word for word in words[3:] if word.startswith("-")}
    return words[1:] if options <= VERBS[words[1]] else None


def _allowed(name: str) -> str:
    return ", ".join([*(f"labctl {verb} {name}" for verb in VERBS), f"labctl capture {name} BOX &"])
