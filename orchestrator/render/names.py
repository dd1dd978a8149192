"""What a lab's machines and networks are called. The Vagrantfile says the same in Ruby, and a test compares."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path


def prefix(lab: str, directory: Path) -> str:
    """What the names of all machines and networks of the lab in `directory` begin with, and of no others: the mark of
    ownership. It is the same for VirtualBox and libvirt."""
    return f"labctl-{lab}-{copy(directory)}-"


def copy(directory: Path) -> str:
    """What tells the labs of one directory from those of all others: eight hexadecimal digits."""
    return sha256(os.fsencode(os.path.realpath(directory))).hexdigest()[:8]


def machine_name(lab: str, box: str, directory: Path) -> str:
    """What the box's machine is called in VirtualBox, and its domain in libvirt."""
    return prefix(lab, directory) + box


def network_name(lab: str, network: str, directory: Path) -> str:
    """What the network is called: an internal network of VirtualBox's, or a network of libvirt's."""
    return prefix(lab, directory) + network
