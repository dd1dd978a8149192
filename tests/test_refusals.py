"""What `up` refuses of a lab that is up."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from orchestrator import labfile
from orchestrator.engine import refusals
from orchestrator.errors import LabError
from orchestrator.model import Lab, Machine
from orchestrator.store import Instance
from tests.conftest import CHECKOUT

SOURCE = CHECKOUT / "labs/lab9/lab.yml"
LAB = labfile.load(SOURCE)


def require(machine: Machine, provider: str, now: Machine, lab: Lab = LAB) -> None:
    stored = Instance(
        lab=msgspec.structs.replace(LAB, machine=machine),
        provider=provider,
        source=str(SOURCE),
        created="",
        uid=0,
        gid=0,
    )
    refusals.require_same(msgspec.structs.replace(lab, machine=now), stored, Path(SOURCE), "auto")


def test_machines_of_another_box_are_refused() -> None:
    bento = Machine(image="bento/debian-12", version="202502.21.0")
    for now in (bento, msgspec.structs.replace(bento, version="202510.26.0")):
        was = Machine() if now is bento else bento
        with pytest.raises(LabError, match=f"are made of {was.image}"):
            require(was, "libvirt", now)
        require(was, "netns", now)  # namespaces are made of nothing


def test_a_greater_mtu_of_the_underlay_is_refused_on_libvirt(tmp_path: Path) -> None:
    text = SOURCE.read_text().replace("192.168.50.0/24}", "192.168.50.0/24, mtu: 9000}")
    (tmp_path / "lab.yml").write_text(text)
    greater = labfile.load(tmp_path / "lab.yml", name="lab9")
    with pytest.raises(LabError, match="enp0s8 of boxA was made for an MTU of 1500"):
        require(Machine(), "libvirt", Machine(), greater)
    require(Machine(), "netns", Machine(), greater)


def test_more_memory_and_a_newer_box_of_our_own_are_not() -> None:
    require(Machine(), "virtualbox", Machine(version="9.9.9", memory=512))
