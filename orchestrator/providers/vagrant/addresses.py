"""Where the SSH of a lab's boxes is, and their host keys: what is kept of both beside the instance."""

from __future__ import annotations

import os
from collections.abc import Sequence

from msgspec import Struct

from orchestrator import store
from orchestrator.connections import ssh
from orchestrator.connections.ssh import Address, Ssh
from orchestrator.errors import Exit, LabError
from orchestrator.model import Lab
from orchestrator.providers.vagrant.machines import Vagrant

_ADDRESSES, _HOST_KEYS = FILES = "ssh.json", "known_hosts"


class Addresses(Struct, frozen=True):
    """Where each box's SSH is."""

    boxes: dict[str, Address]


def ask(lab: Lab, vagrant: Vagrant) -> Ssh:
    """Asks Vagrant: a port may be another one after each start. Raises VagrantError where a box does not run."""
    boxes = vagrant.addresses([box.name for box in lab.boxes])
    store.save(lab.name, _ADDRESSES, Addresses(boxes))
    return _ssh(lab, boxes)


def read(lab: Lab) -> Ssh:
    """As Vagrant said when the boxes were last started."""
    known = store.load(lab.name, _ADDRESSES, Addresses)
    if known is None:
        raise LabError(f"{lab.name} is not finished", hint=f"labctl up {lab.name}")
    return _ssh(lab, known.boxes)


def known(name: str) -> bool:
    """Whether every box's is known."""
    return all((store.folder(name) / file).exists() for file in FILES)


def forget(name: str, boxes: Sequence[str]) -> None:
    """Boxes are about to be made, and will show other host keys; until all are known again, none counts as known."""
    store.remove(name, _ADDRESSES)
    ssh.forget(store.folder(name) / _HOST_KEYS, boxes)


def _patience(lab: Lab) -> float:
    """Seconds that SSH gets to answer: a fifth of what a box gets to boot."""
    told = os.environ.get("LABCTL_BOOT_TIMEOUT") or str(lab.machine.boot_timeout)
    if not told.isdecimal():
        raise LabError(f"LABCTL_BOOT_TIMEOUT is {told!r}", hint="it takes a number of seconds", code=Exit.USAGE)
    return int(told) / 5


def _ssh(lab: Lab, boxes: dict[str, Address]) -> Ssh:
    return Ssh(boxes, store.folder(lab.name) / _HOST_KEYS, _patience(lab))
