"""One verification, from the request to the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from orchestrator.connections import Connection
from orchestrator.model import Lab
from orchestrator.verify import targets
from orchestrator.verify.backend import registered
from orchestrator.verify.results import CheckResult, Report
from orchestrator.verify.survey import Survey


class Request(NamedTuple):
    """What `orchestrator.verify.run` was asked."""

    lab: Lab
    connection: Connection
    provider: str
    directory: Path | None
    trust: bool
    deadline: float


def run(request: Request, emit: Callable[[CheckResult], None]) -> Report:
    """See `orchestrator.verify.run`."""
    laps = [("", time.monotonic())]
    results: list[CheckResult] = []
    notes: list[str] = []

    def take(result: CheckResult) -> None:
        results.append(result)
        emit(result)

    def lap(stage: str) -> None:
        laps.append((stage, time.monotonic()))

    files = own_tests(request.directory)
    if files and not request.trust:
        take(not_run(files))
        notes.append(results[-1].saw)
    with registered(request.connection) as channel:
        survey = Survey(request.lab, channel, request.deadline)
        with survey.surely_emptied(notes.append):
            from orchestrator.verify import runner  # imports pytest, while the boxes already answer

            lap("loading pytest, while the boxes are asked")
            runner.run(request.lab, survey, take)
            lap("the boxes' answers, and judging them")
            if files and request.trust:
                runner.run_own(request.lab, survey, files, take)
                lap("the lab's own tests")
    lap("emptying what the checks taught the boxes")
    return Report(
        request.lab.name, request.provider, tuple(results), laps[-1][1] - laps[0][1],
        targets.sampled(request.lab), tuple(notes), _seconds(laps),
    )  # fmt: skip


def _seconds(laps: list[tuple[str, float]]) -> dict[str, float]:
    return {stage: end - start for (_, start), (stage, end) in pairwise(laps)}


def own_tests(directory: Path | None) -> list[Path]:
    """A lab's own tests: the test_*.py beside its file."""
    return sorted(path for path in directory.glob("test_*.py") if path.is_file()) if directory else []


def not_run(files: list[Path]) -> CheckResult:
    """What stands for a lab's own tests where they are not trusted: they are somebody's Python on this host."""
    names = ", ".join(path.name for path in files)
    saw = f"{names}: not run without --trust"
    return CheckResult("own-tests", "", None, "the lab's own tests", "skipped", 0.0, "", saw, ())
