"""Machines made side by side, with a stand-in for Vagrant: what an interrupt does."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from orchestrator.errors import LabError
from orchestrator.providers.vagrant import crew
from orchestrator.providers.vagrant.machines import Tell, Vagrant


class Slow(Vagrant):
    """One box fails; the other is not done before it is stopped."""

    def __init__(self) -> None:
        self.failed, self.stopped = threading.Event(), threading.Event()

    def make(self, box: str, tell: Tell) -> None:
        if box == "bad":
            self.failed.set()
            raise LabError("it fails")
        self.failed.wait()
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        self.stopped.wait(10)

    def stop(self) -> None:
        self.stopped.set()


def test_an_interrupt_stops_what_a_failure_left_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "labctl" / "instances" / "lab").mkdir(parents=True)
    vagrant = Slow()
    made = crew.Crew("lab", vagrant, crew.Journal(provider="libvirt"), lambda event: None)
    with pytest.raises(KeyboardInterrupt):
        made.make(["slow", "bad"], first_alone=False)
    assert vagrant.stopped.is_set()
