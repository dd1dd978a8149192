"""What `up` refuses of a lab that is up."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from orchestrator import labfile
from orchestrator.engine import refusals
from orchestrator.errors import LabError
from orchestrator.model import Machine
from orchestrator.store import Instance
from tests.conftest import CHECKOUT

SOURCE = CHECKOUT / "labs/lab9/lab.yml"
LAB = labfile.load(SOURCE)


def require(machine: Machine, provider: str, now: Machine) -> None:
    stored = Instance(
        lab=msgspec.structs.replace(LAB, machine=machine),
        provider=provider,
        source=str(SOURCE),
        created="",
        uid=0,
        gid=0,
    )
    refusals.require_same(msgspec.structs.replace(LAB, machine=now), stored, Path(SOURCE), "auto")


def test_machines_of_another_box_are_refused() -> None:
    bento = Machine(image="bento/debian-12", version="202502.21.0")
    for now in (bento, msgspec.structs.replace(bento, version="202510.26.0")):
        was = Machine() if now is bento else bento
        with pytest.raises(LabError, match=f"are made of {was.image}"):
            require(was, "libvirt", now)
        require(was, "netns", now)  # namespaces are made of nothing


def test_more_memory_and_a_newer_box_of_our_own_are_not() -> None:
    require(Machine(), "virtualbox", Machine(version="9.9.9", memory=512))
