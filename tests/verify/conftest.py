"""Running labs for the tests of verification: the real provider, never committed, so that they go with the test."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import pytest

from orchestrator import store
from orchestrator.connections import Connection
from orchestrator.model import Lab

Running = Callable[[Lab], AbstractContextManager[Connection]]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Running:
    """Makes a lab and gives the way into its boxes."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return _running


@contextlib.contextmanager
def _running(lab: Lab) -> Iterator[Connection]:
    from orchestrator.converge import direct
    from orchestrator.plan import plan
    from orchestrator.providers.netns.provider import Netns

    lab = msgspec.structs.replace(lab, name=f"{lab.name}-{os.getpid()}")
    provider = Netns()
    with store.locked(lab.name), provider.create(lab, lambda event: None) as fresh:
        direct.apply(plan(lab).steps, fresh.connection)
        provider.settle(lab)
        yield fresh.connection
