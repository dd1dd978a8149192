"""What is wrong with a lab file: every problem with its place, in words that are safe to print."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from orchestrator.errors import Exit, LabError

LONGEST = 60
"""Characters of a file's own text that a message quotes."""


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong: in which file and where (line and column count from 1), and how to mend it."""

    path: str
    line: int
    column: int
    what: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.path}:{self.line}:{self.column}: {self.what}{hint}"


class LabFileError(LabError):
    """A lab file with problems; as text, a line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda p: (p.line, p.column, p.what)))
        super().__init__("\n".join(map(str, self.problems)), code=Exit.USAGE)


def printable(text: str) -> str:
    """`text` without anything that a terminal would act on, shortened."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: LONGEST + 1])
    return safe if len(safe) <= LONGEST else f"{safe[: LONGEST - 1]}…"


def shown(value: Any) -> str:
    """A value of the file as it may stand in a message."""
    if isinstance(value, str):
        return f'"{printable(value)}"'
    if isinstance(value, dict):
        return "a group of keys"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    return printable(str(value)).lower() if isinstance(value, bool) else printable(str(value))


def listed(words: Iterable[Any], most: int = 12) -> str:
    """The words, with commas; not all of very many."""
    every = [printable(str(word)) for word in words]
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` was probably meant to be."""
    from difflib import get_close_matches

    by_small = {each.lower(): each for each in words}
    found = get_close_matches(word[:LONGEST].lower(), by_small, 1)
    return by_small[found[0]] if found else None


def suggestion(word: str, words: Iterable[str], *, close: bool = True) -> str:
    """The hint for a name that is not among `words`; close: also the one that was probably meant, which takes time."""
    words = list(words)
    near = nearest(word, words) if close else None
    allowed = f"allowed here: {listed(words)}" if words else "none is allowed here"
    return f"did you mean {printable(near)}? {allowed}" if near else allowed
