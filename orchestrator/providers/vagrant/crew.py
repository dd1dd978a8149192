"""Several machines made at once: the first alone, for it brings what the others share; then a bounded number."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from msgspec import Struct

from orchestrator import store
from orchestrator.errors import LabError
from orchestrator.events import Emit, Stage
from orchestrator.providers import JOURNAL
from orchestrator.providers.vagrant import failures, home, hypervisors, output
from orchestrator.providers.vagrant.failures import Failure
from orchestrator.providers.vagrant.half_made import Before
from orchestrator.providers.vagrant.machines import Vagrant, VagrantError

WORKERS = 2
"""Machines that are made at once: importing is bound by the disk, booting by the processor."""

_ATTEMPTS = 3


class Journal(Struct, kw_only=True):
    """What was done with a lab's machines, each step written before it is taken. boxes: each `wanted`, `begun` or
    `finished`; before: what VirtualBox held before the first.
    """

    provider: str
    boxes: dict[str, str] = {}
    before: Before | None = None

    def save(self, lab: str) -> None:
        """Stores it durably."""
        store.save(lab, JOURNAL, self)

    def note(self, lab: str, box: str, state: str) -> None:
        """A step that is about to be taken, or was."""
        self.boxes[box] = state
        self.save(lab)

    def unfinished(self) -> list[str]:
        """The boxes that were begun, and of which no more is known."""
        return [box for box, state in self.boxes.items() if state == "begun"]


def explained(stage: str, box: str, error: VagrantError, vagrant: Vagrant) -> Failure:
    """Why a run of Vagrant failed."""
    holder = home.holder(vagrant.folder, box)
    versions = hypervisors.versions(vagrant.provider)
    return failures.explain(stage, box, error.lines, str(vagrant.log), versions=versions, holder=holder)


class Crew:
    """Makes a lab's machines, or starts those that are off."""

    def __init__(self, lab: str, vagrant: Vagrant, journal: Journal, emit: Emit) -> None:
        self._lab, self._vagrant, self._journal, self._emit = lab, vagrant, journal, emit
        self._lock = threading.Lock()
        self._doing: dict[str, str] = {}

    def make(self, boxes: Sequence[str], *, first_alone: bool) -> None:
        """Returns when all run. Raises LabError for the first that cannot, once those under way have ended.

        first_alone: there is none yet, so that the first brings what they share: the image, the networks.
        """
        alone = int(first_alone)
        workers = int(os.environ.get("LABCTL_WORKERS") or WORKERS)
        with ThreadPoolExecutor(workers) as pool:
            try:
                try:
                    for together in (boxes[:alone], boxes[alone:]):
                        _joined([pool.submit(self._make, box) for box in together])
                except LabError:  # those that are under way may come to their end, unless an interrupt comes first
                    pool.shutdown(cancel_futures=True)
                    raise
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._vagrant.stop()
                raise

    def _make(self, box: str) -> None:
        if self._journal.boxes.get(box) != "finished":  # one that is only off is never to be thrown away
            self._note(box, "begun")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._vagrant.make(box, lambda line: self._progress(box, line))
                break
            except VagrantError as error:
                failure = explained("up", box, error, self._vagrant)
                if not failure.retry or attempt == _ATTEMPTS:
                    raise failure.error() from error
        self._note(box, "finished")
        self._doing.pop(box, None)

    def _note(self, box: str, state: str) -> None:
        with self._lock:
            self._journal.note(self._lab, box, state)

    def _progress(self, box: str, line: str) -> None:
        """What each box is at, all on one line."""
        words = output.progress(line)
        if words and self._doing.get(box) != words:
            with self._lock:
                self._doing[box] = words
                self._emit(Stage(self._lab, "; ".join(f"{name}: {what}" for name, what in self._doing.items())))


def _joined(futures: Sequence[Future[None]]) -> None:
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()
