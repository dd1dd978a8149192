"""What VirtualBox and libvirt really hold, whatever Vagrant remembers: machines that bear labctl's mark.

Nothing here touches what does not bear the mark: `labctl-LAB-COPY-BOX`, see `render.names`.
"""

from __future__ import annotations

import shutil
from typing import Protocol

from orchestrator.errors import Exit, LabError
from orchestrator.providers.vagrant.marked import Machine, Usable, kernel, marked


def machines(provider: str) -> list[Machine]:
    """The machines that bear the mark. Raises LabError where the hypervisor does not answer."""
    return _of(provider).machines()


def remove(machine: Machine) -> None:
    """Ends a machine and removes it with its disks; nothing where it is gone. Refuses one without the mark."""
    if not marked(machine.name):
        raise LabError(f"{machine.name} is no machine of labctl's, so it stays", where=machine.provider)
    _of(machine.provider).remove(machine)


def remove_disks(provider: str, prefix: str) -> None:
    """Removes the disks that no machine has, and whose names begin with `prefix` (`render.prefix`).

    libvirt's only: in VirtualBox a disk and its machine come and go together.
    """
    _require_mark(provider, prefix)
    if provider == "libvirt":
        from orchestrator.providers.vagrant import virsh

        virsh.remove_volumes(prefix)


def remove_networks(provider: str, prefix: str) -> None:
    """Removes the networks whose names begin with `prefix` (`render.prefix`).

    libvirt's only: VirtualBox's internal networks are there only as long as a machine names them.
    """
    _require_mark(provider, prefix)
    if provider == "libvirt":
        from orchestrator.providers.vagrant import virsh

        virsh.remove_networks(prefix)


def _require_mark(provider: str, prefix: str) -> None:
    if not marked(f"{prefix}x"):
        raise LabError(f"{prefix!r} is no mark of labctl's", where=provider)


def folder(machine: Machine) -> str | None:
    """The rendered directory that a machine was made from, where its hypervisor knows: users share a libvirt."""
    if machine.provider != "libvirt":
        return None
    from orchestrator.providers.vagrant import virsh

    return virsh.folder(machine)


def usable(provider: str) -> Usable:
    """Whether labs can be made with it here; only looks."""
    if shutil.which("vagrant") is None:
        return Usable(False, "Vagrant is not installed", "sudo apt-get install vagrant")
    try:
        return _of(provider).usable()
    except LabError as error:
        return Usable(False, error.what, error.hint)


def require(provider: str) -> None:
    """Raises LabError where labs cannot be made with it."""
    found = usable(provider)
    if not found.good:
        raise LabError(found.saw, where=provider, hint=found.hint, code=Exit.HOST)


def versions(provider: str) -> dict[str, str]:
    """The versions that advice depends on: of the `kernel` and of the hypervisor, as far as they can be told."""
    found = kernel()
    try:
        found[provider] = _of(provider).version()
    except LabError:  # then there is none to tell
        found[provider] = ""
    return found


class _Hypervisor(Protocol):
    """What vboxmanage.py and virsh.py can do."""

    def machines(self) -> list[Machine]: ...
    def remove(self, machine: Machine) -> None: ...
    def usable(self) -> Usable: ...
    def version(self) -> str: ...


def _of(provider: str) -> _Hypervisor:
    from orchestrator.providers.vagrant import vboxmanage, virsh

    known: dict[str, _Hypervisor] = {vboxmanage.NAME: vboxmanage, virsh.NAME: virsh}
    return known[provider]
