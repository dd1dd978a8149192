"""A guide as read: frozen values."""

from __future__ import annotations

from msgspec import Struct


class Prose(Struct, frozen=True, tag="prose"):
    """Markdown to be read, without fences of commands. `line`: in guide.md, from 1, as everywhere here."""

    text: str
    line: int


class Command(Struct, frozen=True, tag="command"):
    """A command, and what it must print.

    box: where a shell of root's runs `text`, or "" for one of labctl's own, whose arguments `text` then is.
    expected: lines, in which … stands for anything, and alone for any number of lines; status: the exit status that
    it must have; beside: a capture that goes on until the next command has ended, and is printed then.
    """

    box: str
    text: str
    expected: tuple[str, ...]
    line: int
    status: int = 0
    beside: bool = False

    @property
    def typed(self) -> str:
        """As the guide shows it."""
        return f"{self.box}# {self.text}" if self.box else f"$ {self.text}{' &' if self.beside else ''}"


class Exercise(Struct, frozen=True, tag="exercise"):
    """Something that is broken, for the learner to find and mend. `box`: where; solution: commands that mend it."""

    fault: str
    box: str
    text: str
    solution: tuple[Command, ...]
    line: int


Step = Prose | Command | Exercise


class Guide(Struct, frozen=True):
    """A guide: its steps in order. `digest`: SHA-256 of the file, in hexadecimal."""

    steps: tuple[Step, ...]
    digest: str
