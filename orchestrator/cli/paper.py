"""Guides on a terminal: Markdown in words, as wide as the terminal is, 88 columns at most. rich renders it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from io import StringIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown

from orchestrator.guide import Command, Exercise, Guide, Prose

_WIDTH = 88


class _Heading(Heading):
    """A heading without a frame, at the left."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Markdown(Markdown):
    elements = {**Markdown.elements, "heading_open": _Heading}  # noqa: RUF012 - rich's own, and never written to


class Paper:
    """Writes the parts of a guide to stdout."""

    def __init__(self, *, colour: bool) -> None:
        width = min(shutil.get_terminal_size().columns, _WIDTH)
        self._rich = Console(file=sys.stdout, width=width, no_color=not colour, highlight=False, force_terminal=colour)
        self._column = 0

    def prose(self, text: str) -> None:
        """Markdown."""
        self.ended()
        self._rich.print()
        self._rich.print(_Markdown(text))

    def command(self, typed: str) -> None:
        """A command, as one types it."""
        self.ended()
        self._rich.print(f"\n{_escaped(typed)}", style="bold cyan", soft_wrap=True)

    def exercise(self, text: str) -> None:
        """What the learner is to find."""
        self.ended()
        self._rich.print("\nExercise", style="bold yellow")
        self._rich.print(_Markdown(text))

    def output(self, text: str) -> None:
        """What a command prints, as it comes."""
        if text:
            self._rich.out(_printable(text), end="", highlight=False)
            self._column = 0 if text.endswith("\n") else 1

    def praise(self, words: str) -> None:
        """That something is right."""
        self.ended()
        if words:
            self._rich.print(f"  ✓ {words}", style="green")

    def ended(self) -> None:
        """Whatever comes next begins a line."""
        if self._column:
            self._rich.out("")
            self._column = 0


def plain(guide: Guide) -> str:
    """The whole guide as text, 80 columns wide."""
    file = StringIO()
    rich = Console(file=file, width=80, no_color=True, highlight=False)
    for step in guide.steps:
        if isinstance(step, Prose):
            rich.print()
            rich.print(_Markdown(step.text))
        elif isinstance(step, Exercise):
            rich.print("\nExercise")
            rich.print(_Markdown(step.text))
        else:
            rich.print("\n".join(_console(step)), markup=False, soft_wrap=True)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def _console(step: Command) -> Iterator[str]:
    yield f"\n    {step.typed}"
    for line in step.expected:
        yield f"    {line}"


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _printable(text: str) -> str:
    """Without what would move the cursor or change the terminal: a box is not ours to trust."""
    return "".join(char for char in text if char.isprintable() or char in "\n\t")
