"""`down --all`, with a stand-in for the engine."""

from __future__ import annotations

from argparse import Namespace

import pytest

from orchestrator import engine, store
from orchestrator.cli import living
from orchestrator.console import Console
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit


def test_a_lab_that_cannot_go_keeps_no_other_from_going(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def down(name: str, emit: Emit) -> bool:
        if name == "deaf":
            raise LabError("libvirt does not answer", hint="start it", code=Exit.HOST)
        return True

    monkeypatch.setattr(engine, "down", down)
    monkeypatch.setattr(store, "names", lambda: ["a", "deaf", "z"])
    options = Namespace(name=None, all=True, orphans=False, json=False)
    assert living.down(options, Console(verbose=False)) == Exit.HOST
    said = capsys.readouterr().err
    assert "a, z: down, and nothing is left" in said
    assert "libvirt does not answer" in said
