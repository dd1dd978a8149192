"""libvirt, by virsh(1)."""

from __future__ import annotations

import json
import os
from pathlib import Path

from orchestrator import command
from orchestrator.errors import Exit, LabError
from orchestrator.providers.vagrant import failures, home
from orchestrator.providers.vagrant.failures.known import INSTALL_LIBVIRT
from orchestrator.providers.vagrant.marked import Machine, Usable, marked, run

NAME = "libvirt"

_PLUGINS = Path("/usr/share/vagrant-plugins/plugins.d/vagrant-libvirt.json")
"""Where Debian's package says that the plugin is installed."""

_FOLDER = "labctl: "
"""What stands before it in the description; see Vagrantfile.j2."""

_STATES = {"running": "running", "shut off": "off", "paused": "paused"}


def _virsh(*words: str) -> command.Result:
    uri = os.environ.get("LIBVIRT_DEFAULT_URI") or "qemu:///system"
    return run(["virsh", "--quiet", "--connect", uri, *words])


def _asked(*words: str) -> str:
    """What virsh answers. Raises LabError in the words of the table of failures where it refuses."""
    result = _virsh(*words)
    if result.returncode:
        failure = failures.explain(f"virsh {words[0]}", "", result.stderr.splitlines() or ["virsh said nothing"])
        raise LabError(failure.cause, where=NAME, hint=failure.hint, code=failure.code)
    return result.stdout


def _names(*words: str) -> list[str]:
    return [name for line in _asked(*words).splitlines() if marked(name := line.strip())]


def _fields(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _info(name: str) -> dict[str, str]:
    """What is known of a domain, nothing where there is none."""
    result = _virsh("dominfo", name)
    if result.returncode and "failed to get domain" in result.stderr:
        return {}
    return _fields(command.require(result, f"{name} cannot be looked at").stdout)


def machines() -> list[Machine]:
    """See hypervisors.machines."""
    found = []
    for name in _names("list", "--all", "--name"):
        info = _info(name)
        if info:  # else it went meanwhile
            state = info.get("State", "")
            found.append(Machine(name, info.get("UUID", ""), _STATES.get(state, state), NAME))
    return found


def remove(machine: Machine) -> None:
    """See hypervisors.remove. Only the disk that bears the machine's own name goes along: another may be somebody's."""
    info = _info(machine.name)
    if info:
        if _STATES.get(info.get("State", "")) != "off":
            _virsh("destroy", machine.name)  # where it fails, it has ended by itself; or undefining will tell
        _asked("undefine", machine.name, "--managed-save", "--snapshots-metadata", "--nvram")
    for pool, volume in _volumes():
        if volume == f"{machine.name}.img":
            _asked("vol-delete", "--pool", pool, volume)


def _volumes() -> list[tuple[str, str]]:
    """The pool and the name of each marked disk."""
    pools = [pool.strip() for pool in _asked("pool-list", "--name").splitlines() if pool.strip()]
    lines = ((pool, line.split()) for pool in pools for line in _asked("vol-list", "--pool", pool).splitlines())
    return [(pool, words[0]) for pool, words in lines if words and marked(words[0])]


def _networks() -> list[str]:
    return _names("net-list", "--all", "--name")


def remove_networks(prefix: str) -> None:
    """Removes the networks whose names begin so."""
    running = _names("net-list", "--name")
    for name in _networks():
        if name.startswith(prefix):
            if name in running:
                _asked("net-destroy", name)
            if name in _networks():  # a transient one is gone by now
                _asked("net-undefine", name)


def remove_volumes(prefix: str) -> None:
    """Removes the disks whose names begin so, and that no machine has any more."""
    there = _names("list", "--all", "--name")
    for pool, volume in _volumes():
        if volume.startswith(prefix) and volume.removesuffix(".img") not in there:
            _asked("vol-delete", "--pool", pool, volume)


def folder(machine: Machine) -> str | None:
    """The rendered directory that a machine was made from; its description says so. None where it says nothing."""
    said = _asked("desc", machine.name).strip()
    return said.removeprefix(_FOLDER) if said.startswith(_FOLDER) else None


def version() -> str:
    """libvirt's."""
    return command.require(run(["virsh", "--version"]), "virsh does not say its version").stdout.strip()


def usable() -> Usable:
    """See hypervisors.usable."""
    try:
        found = version()
    except LabError as error:
        if error.code != Exit.HOST:
            raise
        return Usable(False, "libvirt is not installed", INSTALL_LIBVIRT)
    if not _plugin():
        return Usable(False, "Vagrant's plugin for libvirt is not installed", INSTALL_LIBVIRT)
    uri = _asked("uri").strip()
    driver = os.environ.get("LABCTL_LIBVIRT_DRIVER") or "kvm"
    if driver == "kvm" and not Path("/dev/kvm").exists():
        hint = "sudo modprobe kvm_intel or kvm_amd; emulated, and slow: LABCTL_LIBVIRT_DRIVER=qemu"
        return Usable(False, "KVM cannot be used here: there is no /dev/kvm", hint)
    return Usable(True, f"libvirt {found}, {uri}, {driver}")


def _plugin() -> bool:
    """Asks Vagrant's own lists: `vagrant plugin list` takes a second."""
    try:
        installed = json.loads((home.path() / "plugins.json").read_text()).get("installed", {})
    except (OSError, ValueError):  # none was installed by hand
        installed = {}
    return _PLUGINS.exists() or "vagrant-libvirt" in installed
