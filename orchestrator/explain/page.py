"""The explanation as a page for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from textwrap import wrap

from orchestrator.explain import Explanation, Look, Step

BOLD, DIM, CYAN = "1", "2", "36"
DEEP = 34
"""Columns for an argument; its sentence stands beside it, or below where the argument is longer."""


def page(explanation: Explanation, *, colour: bool, width: int) -> str:
    """The text. A sentence that was said above is not said again."""
    return "\n".join(_Page(colour, max(width, 60)).lines(explanation))


class _Page:
    def __init__(self, colour: bool, width: int) -> None:
        self.colour, self.width = colour, width
        self.said: set[str] = set()

    def lines(self, explanation: Explanation) -> Iterator[str]:
        yield from self.prose(f"{explanation.lab}: {explanation.title}", "", BOLD)
        for box in explanation.boxes:
            yield ""
            yield from self.prose(f"In {box.box}", "", BOLD)
            for step in box.steps:
                yield ""
                yield from self.step(step)
        for overlay in explanation.overlays:
            yield ""
            yield from self.prose(f"What to look at afterwards: {overlay.overlay}, in {overlay.box}", "", BOLD)
            for look in overlay.looks:
                yield ""
                yield from self.look(look)

    def step(self, step: Step) -> Iterator[str]:
        yield from self.prose(step.why, "  ", DIM)
        yield from self.command([argument.argument for argument in step.arguments])
        for argument in step.arguments:
            if argument.why not in self.said:
                self.said.add(argument.why)
                yield from self.argument(argument.argument, argument.why)

    def look(self, look: Look) -> Iterator[str]:
        yield self.paint(f"    {look.command}", CYAN)
        yield from self.prose(look.see, "      ")

    def command(self, arguments: list[str]) -> Iterator[str]:
        """The command as it can be pasted: lines that do not fit are broken with a backslash."""
        line = "    "
        for argument in map(_typed, arguments):
            if len(line) + len(argument) + 2 > self.width and line.strip():
                yield self.paint(f"{line}\\", CYAN)
                line = "        "
            line += f"{argument} "
        yield self.paint(line.rstrip(), CYAN)

    def argument(self, argument: str, why: str) -> Iterator[str]:
        head = f"      {argument}"
        beside = len(head) + 2 <= DEEP
        if not beside:
            yield self.paint(head, BOLD)
        room = self.width - DEEP
        for index, line in enumerate(wrap(why, room)):
            start = head if beside and index == 0 else ""
            yield self.paint(start, BOLD) + " " * (DEEP - len(start)) + line

    def prose(self, text: str, indent: str, style: str = "") -> Iterator[str]:
        for line in wrap(text, self.width, initial_indent=indent, subsequent_indent=indent):
            yield self.paint(line, style)

    def paint(self, text: str, style: str) -> str:
        return f"\033[{style}m{text}\033[0m" if self.colour and style and text else text


def _typed(argument: str) -> str:
    return shlex.join(argument.split(" "))
