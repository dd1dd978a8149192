"""What `up` refuses to do, before it has touched anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.command import require
from orchestrator.errors import Exit, LabError
from orchestrator.model import Lab, Machine
from orchestrator.plan import Plan
from orchestrator.providers import VIRTUAL
from orchestrator.store import Instance

if TYPE_CHECKING:
    from orchestrator.connections import Connection


def require_same(lab: Lab, stored: Instance, source: Path, provider: str) -> None:
    """Refuses another file, another provider, or other boxes under the name of what is up."""
    name = lab.name
    if stored.source != str(source):
        raise LabError(
            f"{name} is up already, from another file: {stored.source}",
            where=str(source),
            hint=f"labctl down {name}, or give this one a name of its own: labctl up … --name NAME",
            code=Exit.USAGE,
        )
    if provider not in ("auto", stored.provider):
        raise LabError(f"{name} is up on {stored.provider}", hint=f"labctl down {name} first", code=Exit.USAGE)
    if stored.provider in VIRTUAL and _disk(lab) != _disk(stored.lab):
        raise LabError(
            f"the machines of {name} are made of {' '.join(filter(None, _disk(stored.lab)[:2]))}",
            where=str(source),
            hint=f"labctl down {name} && labctl up {source} makes them of another box",
            code=Exit.USAGE,
        )
    if _substrate(lab) != _substrate(stored.lab):
        raise LabError(
            f"the boxes or networks of {name} are others than those that are up",
            where=str(source),
            hint=f"labctl down {name} && labctl up {source}; overlays, routes and MTUs change in place",
            code=Exit.USAGE,
        )
    if stored.provider == "libvirt":
        _require_room(lab, stored, source)


def _require_room(lab: Lab, stored: Instance, source: Path) -> None:
    """Refuses a greater MTU of the underlay: libvirt's bridge and taps have the one that they were made with."""
    made = {interface.mac: interface.mtu for box in stored.lab.boxes for interface in box.interfaces}
    for box in lab.boxes:
        for interface in box.interfaces:
            if interface.mtu > max(made[interface.mac], 1500):
                raise LabError(
                    f"{interface.name} of {box.name} was made for an MTU of {made[interface.mac]}",
                    where=str(source),
                    hint=f"labctl down {lab.name} && labctl up {source} makes it for {interface.mtu}",
                    code=Exit.USAGE,
                )


def _disk(lab: Lab) -> tuple[str | None, ...]:
    """What the disks of virtual machines were copied from. The version of labctl's own box comes with labctl."""
    image, version = lab.machine.image, lab.machine.version
    return image, None if image == Machine().image else version, lab.machine.sha256


def _substrate(lab: Lab) -> object:
    """What cannot be changed while a lab is up: which boxes there are, and what they are plugged into."""
    return (
        [network.name for network in lab.networks],
        [(box.name, [(i.name, i.network, i.mac) for i in box.interfaces]) for box in lab.boxes],
    )


def refuse_taken_ports(lab: Lab, todo: Plan, connection: Connection) -> None:
    """Refuses to go on where a process holds the UDP port that a tunnel device is about to need: bind(2), EADDRINUSE.

    Raises LabError with its PID, as the box counts, before anything is touched.
    """
    for step in todo.steps:
        for overlay, _ in lab.vteps(step.where):
            if any(overlay.name in c.argv and ("up" in c.argv or "add" in c.argv) for c in step.commands):
                ports = ["ss", "-Hlunp", "sport", "=", f":{overlay.port}"]
                said = require(connection.run(step.where, ports), f"cannot read the sockets of {step.where}").stdout
                holder = re.search(r'users:\(\("([^"]*)",pid=(\d+)', said)
                if holder:
                    raise LabError(
                        f"process {holder[2]} ({holder[1]}) has UDP port {overlay.port}, which {overlay.name} needs",
                        where=step.where,
                        hint=f"stop it: labctl exec {lab.name} {step.where} -- kill {holder[2]}",
                        code=Exit.HOST,
                    )
