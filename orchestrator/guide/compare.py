"""Whether a command printed what its guide says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

ANYTHING = "…"


class Difference(NamedTuple):
    """The first line that a guide expects and that was not there; "" where more was printed than it expects."""

    expected: str


def difference(expected: Sequence[str], output: str) -> Difference | None:
    """Where `output` departs from the expected lines; None where it does not.

    Blanks count as one, empty lines do not count. … stands for anything in a line, and alone for any number of lines.
    """
    wanted = [words for line in expected if (words := _plain(line))]
    seen = "".join(f"{words}\n" for line in output.splitlines() if (words := _plain(line)))
    if _matches(wanted, seen):
        return None
    for number in range(len(wanted), 0, -1):
        if _matches([*wanted[:number], ANYTHING], seen):
            return Difference(wanted[number] if number < len(wanted) else "")
    return Difference(wanted[0] if wanted else "")


def _plain(line: str) -> str:
    return " ".join(line.split())


def _matches(wanted: Sequence[str], seen: str) -> bool:
    parts = (r"(?:[^\n]*\n)*?" if line == ANYTHING else _line(line) for line in wanted)
    return re.fullmatch("".join(parts), seen) is not None


def _line(line: str) -> str:
    return "[^\n]*?".join(re.escape(part.strip()) for part in line.split(ANYTHING)) + "\n"
