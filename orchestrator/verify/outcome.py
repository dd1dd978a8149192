"""What a check's function gives back, and a check that is ready to be made."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from orchestrator.verify.results import Cause, Evidence


class Outcome(NamedTuple):
    """A check's judgement, in words, with what it rests on."""

    passed: bool
    expected: str
    saw: str
    evidence: tuple[Evidence, ...]


class AbsentError(Exception):
    """What a check looks at is not there: the check has failed."""

    def __init__(self, what: str, evidence: Evidence) -> None:
        super().__init__(what)
        self.what, self.evidence = what, evidence


class Planned(NamedTuple):
    """A check of one thing in one box. `judge` raises CannotRunError or AbsentError where it cannot look."""

    id: str
    box: str
    overlay: str | None
    title: str
    judge: Callable[[], Outcome]
    causes: Callable[[], tuple[Cause, ...]]


def equal(expected: object, saw: object, *evidence: Evidence) -> Outcome:
    """Passed where both are the same."""
    return Outcome(expected == saw, words(expected), words(saw), evidence)


def words(value: object) -> str:
    """A value as a person reads it: a set or list by its members, nothing as "none"."""
    if isinstance(value, (set, frozenset, tuple, list)):
        return ", ".join(sorted(map(str, value))) or "none"
    return "none" if value is None or value == "" else str(value)
