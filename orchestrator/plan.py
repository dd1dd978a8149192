"""What is to be done, before anything is done: pure, Lab and observations in, steps out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.iproute import Command, Desired, Link, Observed, fresh, reconcile
from orchestrator.model import Box, Lab, Overlay, Vtep


class Step(NamedTuple):
    """Commands that run in one place: a box's name, or "" for where the switches are."""

    where: str
    commands: tuple[Command, ...]


class Plan(NamedTuple):
    """The steps that make boxes equal to their lab, and what stays as it is: sentences, by box.

    left_alone: what labctl did not make and does not touch; conflicts: what of it stands in the way.
    """

    steps: tuple[Step, ...]
    left_alone: tuple[str, ...]
    conflicts: tuple[str, ...]


def plan(lab: Lab, observed: Mapping[str, Observed] | None = None) -> Plan:
    """What is left to do in each box; with no observations, all that boxes need which were just made."""
    steps: list[Step] = []
    left_alone: list[str] = []
    conflicts: list[str] = []
    for box in lab.boxes:
        wanted = desired(lab, box)
        changes = reconcile(wanted, fresh(wanted) if observed is None else observed[box.name])
        if changes.commands:
            steps.append(Step(box.name, changes.commands))
        left_alone += [f"{box.name}: {sentence}" for sentence in changes.left_alone]
        conflicts += [f"{box.name}: {sentence}" for sentence in changes.conflicts]
    return Plan(tuple(steps), tuple(left_alone), tuple(conflicts))


def desired(lab: Lab, box: Box) -> Desired:
    """All that `box` must show: its adapters, the bridges and tunnel devices of its overlays, its routes and
    sysctls."""
    links: list[Link] = [
        {
            "kind": "adapter",
            "name": interface.name,
            "mac": interface.mac,
            "mtu": interface.mtu,
            "addresses": [str(interface.address)],
        }
        for interface in box.interfaces
    ]
    for overlay, vtep in lab.vteps(box.name):
        if overlay.bridge:
            links.append(_bridge(overlay, vtep))
        links.append(_vxlan(overlay, vtep))
    return {
        "links": links,
        "routes": {str(route.to): str(route.via) for route in box.routes},
        "sysctls": sysctls(lab, box),
    }


def hosts(lab: Lab) -> dict[str, str]:
    """What is called what in every box: a box, by its first adapter's address, and a box on an overlay."""
    found = {box.name: str(interface.address.ip) for box in lab.boxes for interface in box.interfaces[:1]}
    return found | {f"{v.box}.{overlay.name}": str(v.address.ip) for overlay in lab.overlays for v in overlay.vteps}


def sysctls(lab: Lab, box: Box) -> dict[str, str]:
    """The kernel settings that a lab depends on, and that a new namespace would else inherit from its host.

    IPv6 is off because its neighbour discovery fills the FDB before the first ping. So would a bridge that reports its
    own membership in 224.0.0.106 (RFC 4286, section 4; ip-sysctl.rst, igmp_link_local_mcast_reports).
    """
    bridged = any(overlay.bridge for overlay, _ in lab.vteps(box.name))
    return {
        "net.ipv4.ip_forward": "1" if box.forwarding else "0",
        "net.ipv4.conf.all.rp_filter": "0",
        "net.ipv4.conf.default.rp_filter": "0",
        **({"net.ipv4.igmp_link_local_mcast_reports": "0"} if bridged else {}),
        "net.ipv6.conf.all.disable_ipv6": "1",
        "net.ipv6.conf.default.disable_ipv6": "1",
    }


def _bridge(overlay: Overlay, vtep: Vtep) -> Link:
    assert overlay.bridge is not None
    return {
        "kind": "bridge",
        "name": overlay.bridge,
        "mac": vtep.mac,
        "mtu": overlay.mtu,
        "addresses": [str(vtep.address)],
    }


def _vxlan(overlay: Overlay, vtep: Vtep) -> Link:
    return {
        "kind": "vxlan",
        "name": overlay.name,
        "mac": vtep.mac,
        "mtu": overlay.mtu,
        "addresses": [] if overlay.bridge else [str(vtep.address)],
        "master": overlay.bridge,
        "vni": overlay.vni,
        "port": overlay.port,
        "device": vtep.device,
        "group": str(overlay.group) if overlay.group else None,
        "remote": str(vtep.remote) if vtep.remote else None,
        "flood": [str(address) for address in vtep.flood],
        "ttl": overlay.ttl,
        "learning": overlay.learning,
    }
