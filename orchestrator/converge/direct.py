"""Convergence without Ansible: what the plan says is run in the boxes as batches, two boxes at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from orchestrator import iproute
from orchestrator.command import Result, require
from orchestrator.connections import Connection, Running
from orchestrator.iproute import Observed
from orchestrator.model import Lab
from orchestrator.plan import Step, sysctls

WORKERS = 2
"""Boxes that are worked on at once: more gained nothing when it was measured, the kernel's rtnl lock is one."""


_PATIENCE = 30.0
"""Seconds that a box's batch may take."""


class Job(NamedTuple):
    """A program to run in a box."""

    box: str
    argv: tuple[str, ...]
    stdin: str | None = None


def observe(lab: Lab, connection: Connection) -> dict[str, Observed]:
    """What every box shows now, by one read-only program a box. Raises LabError where it cannot be read."""
    jobs = [Job(box.name, iproute.observe(sysctls(lab, box))) for box in lab.boxes]
    return {
        job.box: iproute.parse(require(result, f"cannot read the state of {job.box}").stdout)
        for job, result in run(jobs, connection)
    }


def apply(steps: Sequence[Step], connection: Connection) -> None:
    """Runs all steps. Raises LabError with the program's own words where one is refused."""
    rounds: list[list[Job]] = []
    for step in steps:
        for number, (argv, lines) in enumerate(iproute.batches(step.commands)):
            if number == len(rounds):
                rounds.append([])
            rounds[number].append(Job(step.where, argv, lines or None))
    for jobs in rounds:  # a box's batches in their order, those of different boxes side by side
        for job, result in run(jobs, connection):
            require(result, f"cannot configure {job.box}")


def run(jobs: Iterable[Job], connection: Connection) -> Iterator[tuple[Job, Result]]:
    """Runs programs in boxes, WORKERS at a time, and yields the results in order."""
    running: deque[tuple[Job, Running]] = deque()
    waiting = iter(jobs)
    try:
        while True:
            while len(running) < WORKERS and (job := next(waiting, None)) is not None:
                running.append((job, connection.start(job.box, job.argv, stdin=job.stdin)))
            if not running:
                return
            job, process = running.popleft()
            yield job, process.wait(_PATIENCE + connection.allowance)
    finally:
        for _, process in running:
            process.kill()
