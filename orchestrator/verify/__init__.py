"""Proof that a running lab is what its file says: checks from the model, run by pytest and testinfra, with evidence.

Importing this costs nothing; pytest and testinfra are imported by the first `run`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.connections import Connection
from orchestrator.model import Lab
from orchestrator.verify.results import CheckResult, Evidence, Report

__all__ = ["CheckResult", "Evidence", "Report", "run"]


def _silent(result: CheckResult) -> None:
    """Tells nobody."""


def run(
    lab: Lab,
    connection: Connection,
    *,
    provider: str,
    directory: Path | None = None,
    trust: bool = False,
    deadline: float = 15.0,
    emit: Callable[[CheckResult], None] = _silent,
) -> Report:
    """Checks the running lab behind `connection`, and empties what the checks taught it (FDB, neighbours).

    directory: where the lab's own test_*.py lie, which run only with `trust`; deadline: seconds for which what does
    not answer is asked again; emit: called with each result as it comes. What cannot be checked is a result, not an
    exception. Ctrl-C raises KeyboardInterrupt, after the emptying.
    """
    from orchestrator.verify.session import Request
    from orchestrator.verify.session import run as run_session

    return run_session(Request(lab, connection, provider, directory, trust, deadline), emit)
