"""What does not need a hypervisor: a stand-in is here for VirtualBox."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import labfile
from orchestrator.errors import LabError
from orchestrator.providers.vagrant import half_made, hypervisors, vboxmanage
from orchestrator.providers.vagrant.crew import Journal
from orchestrator.providers.vagrant.provider import VirtualMachines
from tests.conftest import CHECKOUT

AT = 1795541575658
LEFT = {"1": f"temp_clone_{AT}_1", "2": f"labctl-debian-12_{AT}_1", "3": f"temp_clone_{AT - 1}_1", "4": "somebodys"}


def test_down_removes_what_has_no_name_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("VAGRANT_HOME", str(tmp_path))
    monkeypatch.setattr(hypervisors, "machines", lambda provider: [])
    monkeypatch.setattr(vboxmanage, "registered", lambda: LEFT)
    monkeypatch.setattr(vboxmanage, "info", lambda uuid: {"VMState": "poweroff"})
    monkeypatch.setattr(vboxmanage, "remove", lambda machine: gone.append(machine.id))
    (tmp_path / "labctl" / "instances" / "lab").mkdir(parents=True)
    Journal(provider="virtualbox", before=half_made.Before(AT, (), "labctl/debian-12")).save("lab")
    assert VirtualMachines("virtualbox").destroy("lab")
    assert gone == ["1", "2"]


def test_a_folder_that_ssh_would_take_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "50%d"))
    monkeypatch.setattr(hypervisors, "require", lambda provider: None)
    with pytest.raises(LabError, match="a folder with % in its name"):
        VirtualMachines("libvirt").create(labfile.load(CHECKOUT / "labs/lab9/lab.yml"), lambda event: None)
