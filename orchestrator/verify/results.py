"""What verification found: frozen values, and the one JSON shape that they have."""

from __future__ import annotations

from typing import Literal

import msgspec

from orchestrator.errors import Exit
from orchestrator.model import encode

Status = Literal["passed", "failed", "error", "skipped"]

EVIDENCE_LIMIT = 4000
"""Characters of a command's output that evidence keeps; the middle of what is longer is left out."""


class Evidence(msgspec.Struct, frozen=True):
    """A command that was run in a box, its exit status, and what it printed (standard output, then standard error)."""

    command: str
    returncode: int
    output: str


class Cause(msgspec.Struct, frozen=True):
    """Why a check may have failed, and the command that shows whether that is it."""

    what: str
    command: str


class CheckResult(msgspec.Struct, frozen=True):
    """One check's result. `id` is stable and unique in a report; `check` is for people; no `overlay`: the underlay.

    failed: the lab is not what its file says; error: the check could not be run, so that nothing is known.
    causes: of a failure, the most likely one first; hint: the first one, in a line.
    """

    id: str
    box: str
    overlay: str | None
    check: str
    status: Status
    seconds: float
    expected: str
    saw: str
    evidence: tuple[Evidence, ...]
    hint: str = ""
    causes: tuple[Cause, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """All results of one verification. `sampled`: the sentence that says which pairs were left out, if any were.

    stages: seconds by what they were spent on, in order.
    """

    lab: str
    provider: str
    results: tuple[CheckResult, ...]
    seconds: float
    sampled: str | None = None
    notes: tuple[str, ...] = ()
    stages: dict[str, float] = {}

    def count(self, status: Status) -> int:
        """How many results have this status."""
        return sum(result.status == status for result in self.results)

    @property
    def exit_code(self) -> Exit:
        """0: all passed. 1: a check failed. 5: one could not run, or none ran; an error outranks a failure."""
        if self.count("error") or len(self.results) == self.count("skipped"):
            return Exit.CHECK_ERROR
        return Exit.CHECK_FAILED if self.count("failed") else Exit.OK


def bounded(text: str, limit: int = EVIDENCE_LIMIT) -> str:
    """The text, or its beginning and end with a note of what was left out between them."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out …]\n{text[-half:]}"


def as_json(report: Report) -> bytes:
    """`{lab, provider, seconds, sampled, notes, exit_code, counts: {passed, failed, error, skipped}, results: […]}`.

    A result has the fields of CheckResult, its evidence those of Evidence. Keys are only ever added.
    """
    statuses: tuple[Status, ...] = ("passed", "failed", "error", "skipped")
    return encode(
        {
            "lab": report.lab,
            "provider": report.provider,
            "seconds": report.seconds,
            "sampled": report.sampled,
            "notes": report.notes,
            "exit_code": int(report.exit_code),
            "counts": {status: report.count(status) for status in statuses},
            "results": report.results,
        }
    )
