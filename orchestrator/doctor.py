"""What this host can run, what is missing, and the command that mends it. Tries the real thing wherever it can."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from orchestrator import command, store
from orchestrator.connections.nsenter import ENVIRONMENT, Nsenter
from orchestrator.errors import LabError
from orchestrator.providers.netns import holder, host

TOOLS = {
    "ip": "iproute2",
    "bridge": "iproute2",
    "ss": "iproute2",
    "ping": "iputils-ping",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "sysctl": "procps",
    "bash": "bash",
}
"""Programs that labs need, and Debian's packages of them."""

EXTRAS = {"nft": ("nftables", "some faults of labctl break"), "ethtool": ("ethtool", "labctl break's tcp-damaged")}
"""Programs that are needed now and then: Debian's packages of them, and what for."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing looked at. status: good, warning (labs work all the same) or missing; hint: how to mend it."""

    name: str
    status: Literal["good", "warning", "missing"]
    saw: str
    hint: str = ""


def examine() -> list[Finding]:
    """Everything that a lab on this host depends on."""
    return [_python(), _kernel(), *_tools(), *_extras(), _namespaces(), *_neighbours(), _state(), *_machines()]


def _finding(name: str, good: bool, saw: str, hint: str) -> Finding:
    return Finding(name=name, status="good" if good else "missing", saw=saw, hint="" if good else hint)


def _python() -> Finding:
    return _finding("Python", sys.version_info >= (3, 11), platform.python_version(), "labctl needs 3.11 or later")


def _kernel() -> Finding:
    release = platform.release()
    numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:2])
    return _finding("Linux", numbers >= (5, 10), release, "namespaces need Linux 5.10 or later")


def _tools() -> Iterator[Finding]:
    for tool, package in TOOLS.items():
        found = shutil.which(tool, path=ENVIRONMENT["PATH"])  # where labctl looks for them, whatever the user's PATH
        yield _finding(tool, found is not None, found or "not installed", f"sudo apt-get install {package}")


def _extras() -> Iterator[Finding]:
    for tool, (package, purpose) in EXTRAS.items():
        found = shutil.which(tool, path=ENVIRONMENT["PATH"])
        hint = "" if found else f"{purpose} cannot be made; sudo apt-get install {package}"
        saw = found or "not installed"
        yield Finding(name=tool, status="good" if found else "warning", saw=saw, hint=hint)


def _namespaces() -> Finding:
    """Makes a box, and in it a VXLAN device, and lets both go."""
    name = "namespaces, vxlan"
    owner = holder.account()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            holder.Holder("doctor", {"box": holder.BoxSpec({}, {})}, Path(folder, "holder"), owner) as made,
        ):
            connection = Nsenter(made.pid, ["box"], holder.prefix(owner))
            add = ["ip", "link", "add", "name", "vxlan0", "type", "vxlan", "id", "1", "dstport", "4789"]
            command.require(connection.run("box", add, timeout=10), "no VXLAN device can be made")
    except LabError as error:
        return _finding(name, False, error.what, error.hint or "sudo modprobe vxlan")
    who = f"user {owner.uid}" if owner else f"user {os.getuid()}"
    return _finding(name, True, f"a box with a VXLAN device was made, as {who}, and is gone again", "")


def _neighbours() -> Iterator[Finding]:
    table = host.neighbours()
    if table is not None:
        saw = f"{table.entries} of at most {table.limit} entries; was full {table.table_fulls} times since boot"
        warning = table.near or table.table_fulls > 0
        status: Literal["warning", "good"] = "warning" if warning else "good"
        hint = f"all labs share it; {host.NEIGHBOUR_ADVICE}" if warning else ""
        yield Finding(name="neighbour table", status=status, saw=saw, hint=hint)


def _machines() -> Iterator[Finding]:
    """What labs on virtual machines need; without it, labs on namespaces work all the same."""
    from orchestrator.providers import VIRTUAL
    from orchestrator.providers.vagrant import hypervisors, orphans

    lost: list[str] = []
    for provider in VIRTUAL:
        good, saw, hint = hypervisors.usable(provider)
        yield Finding(name=provider, status="good" if good else "warning", saw=saw, hint=hint)
        try:
            lost += [machine.name for machine in orphans.find(provider)] if good else []
        except LabError as error:
            yield Finding(name="orphans", status="warning", saw=str(error), hint=error.hint)
    if lost:
        yield Finding(name="orphans", status="warning", saw=", ".join(lost), hint="labctl down --orphans removes them")


def _state() -> Finding:
    root = store.root()
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        hint = "set XDG_STATE_HOME to a folder that can be written"
        return _finding("state folder", False, f"{root}: {error.strerror}", hint)
    return _finding("state folder", True, str(root), "")
