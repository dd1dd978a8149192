"""A box of our own: Debian for labs, built from its packages, for VirtualBox and libvirt.

ensure("libvirt", NAME, version(), emit)    # Vagrant has it now, or LabError says how to build it
"""

from __future__ import annotations

from orchestrator.box.shelf import NAME
from orchestrator.events import Emit

__all__ = ["NAME", "ensure", "version"]


def version() -> str:
    """The version of the box that this labctl builds."""
    from orchestrator.box import lock

    return lock.read().version


def ensure(provider: str, image: str, version: str, emit: Emit) -> None:
    """Sees to it that Vagrant has the box `image`, of ours, in this version for this provider; see stock.ensure."""
    from orchestrator.box import stock

    stock.ensure(provider, image, version, emit)
