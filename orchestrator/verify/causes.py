"""Why a check may have failed, the most likely cause first, each with the command that shows whether it is the one.

Commands run in a box of the lab: `labctl exec LAB BOX -- COMMAND`. {words} are those of `_words`; {peer} is the other
box of a path.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.model import Lab
from orchestrator.verify.results import Cause

_Row = tuple[tuple[str, str, str], ...]
"""Sentences, each with the box where to look and the command for it."""

_CABLE: _Row = (("somebody set it down", "{box}", "ip link show dev {adapter}"),)
_MADE: _Row = (
    ("it was made with other arguments, by hand or by another exercise", "{box}", "ip -d link show dev {device}"),
)
_SILENT: _Row = (
    ("{peer}'s end has another VNI, port or group", "{peer}", "ip -d link show dev {device}"),
    ("a packet filter drops UDP {port}, here or there", "{peer}", "nft list ruleset"),
    ("this box's own end is down or has other settings", "{box}", "ip -d link show dev {device}"),
    ("the underlay does not carry it", "{box}", "ping -c 1 -I {underlay} {peer_underlay}"),
)

CAUSES: Mapping[str, _Row] = {
    "box/up": (("a new network namespace has an lo that is down", "{box}", "ip link show dev lo"),),
    "adapter/up": (*_CABLE, ("the cable or the switch is gone: no LOWER_UP", "{box}", "ip link show dev {adapter}")),
    "adapter/address": (
        ("the address was removed, or another one added", "{box}", "ip addr show dev {adapter}"),
        ("a DHCP client manages this adapter", "{box}", "ss -ulpn sport = :68"),
    ),
    "adapter/mtu": (("it was set by hand, or by a tunnel's script", "{box}", "ip link show dev {adapter}"),),
    "adapter/mac": (("it was set by hand, or the box was cloned", "{box}", "ip link show dev {adapter}"),),
    "adapter/not-default": (("a route was added by hand or by DHCP", "{box}", "ip route show default"),),
    "underlay/reach": (
        ("an adapter at either end is down", "{peer}", "ip -br link"),
        ("an address is missing or wrong", "{peer}", "ip -br addr"),
        ("a route is missing, or a router does not forward", "{box}", "ip route get {peer_underlay}"),
        ("a packet filter drops ICMP", "{peer}", "nft list ruleset"),
    ),
    "device/kind": (("the device was never made, or was removed", "{box}", "ip -br link"), *_MADE),
    "device/vni": _MADE,
    "device/port": (("`dstport` was left out: Linux then takes 8472", "{box}", "ip -d link show dev {device}"),),
    "device/destination": _MADE,
    "device/ttl": (("`ttl` was left out, or given", "{box}", "ip -d link show dev {device}"),),
    "device/underlay": (("`dev` was left out, or names another", "{box}", "ip -d link show dev {device}"),),
    "device/mtu": (
        ("it was set by hand", "{box}", "ip link show dev {device}"),
        ("the device was made without `dev`: its MTU is 1500 then", "{box}", "ip -d link show dev {device}"),
    ),
    "device/up": (
        ("nobody has set it up", "{box}", "ip link show dev {device}"),
        ("it cannot come up, because something else has its UDP port", "{box}", "ss -lunp sport = :{port}"),
    ),
    "device/mac": (("it was made without `address`, or the box was cloned", "{box}", "ip link show dev {device}"),),
    "device/unique": (("a box is a clone, or was given another's MAC", "{box}", "ip link show dev {device}"),),
    "device/learning": (("it was made with `nolearning`, or without it", "{box}", "ip -d link show dev {device}"),),
    "device/address": (("the address was removed, or is another box's", "{box}", "ip addr show dev {bearer}"),),
    "device/master": (("it was added to a bridge, or taken from one", "{box}", "bridge link show dev {device}"),),
    "device/bearer-up": (("nobody has set the bridge up", "{box}", "ip link show dev {bearer}"),),
    "device/exclusive": (
        ("a process is bound to the port", "{box}", "ss -lunp sport = :{port}"),
        ("an `external` vxlan device has it", "{box}", "ip -d link show type vxlan"),
    ),
    "device/socket": (
        ("the device is down: the socket exists only while it is up", "{box}", "ip link show dev {device}"),
        ("the device uses another port", "{box}", "ip -d link show dev {device}"),
        ("a process has the port", "{box}", "ss -lunp sport = :{port}"),
    ),
    "device/group": (
        ("the device is down", "{box}", "ip link show dev {device}"),
        ("the device has another group, or another underlay device", "{box}", "ip -d link show dev {device}"),
    ),
    "device/default": (
        ("the device has another group or remote", "{box}", "ip -d link show dev {device}"),
        ("an entry was added or deleted by hand", "{box}", "bridge fdb show dev {device}"),
    ),
    "device/static": (("an entry was added by hand", "{box}", "bridge fdb show dev {device}"),),
    "path/ping": (*_SILENT, ("two boxes share an address or a MAC", "{box}", "ip neigh show dev {bearer}")),
    "path/fdb": (
        ("no frame of {peer}'s has arrived: see its ping", "{box}", "ping -c 1 -I {bearer} {peer_address}"),
        ("the device does not learn", "{box}", "ip -d link show dev {device}"),
        ("a fixed entry stands in the way", "{box}", "bridge fdb show dev {device}"),
    ),
    "path/size": (
        ("the overlay's MTU is not the underlay's less 50", "{box}", "ip link show dev {device}"),
        ("the underlay's MTU differs on the way, or at the other end", "{peer}", "ip link show dev {adapter}"),
        ("nothing passes at all: see the ping", "{box}", "ping -c 1 -I {bearer} {peer_address}"),
    ),
    "path/tcp": (
        ("nothing passes at all: see the ping", "{box}", "ping -c 1 -I {bearer} {peer_address}"),
        ("checksums are spoiled by offloading: ICMP passes, TCP does not", "{peer}", "nstat -asz TcpInCsumErrors"),
        ("a packet filter drops TCP", "{peer}", "nft list ruleset"),
    ),
    "path/flood": (
        ("{peer} floods to elsewhere", "{peer}", "bridge fdb show dev {device}"),
        ("a switch snoops IGMP and has missed this box's report", "{box}", "ip maddr show dev {adapter}"),
        *_SILENT[:2],
    ),
    "path/isolation": (
        ("the device is `external`, and so receives every VNI", "{box}", "ip -d link show dev {device}"),
        *_SILENT[:2],
    ),
}  # fmt: skip


def of(lab: Lab, kind: str, box: str, overlay: str | None, place: str, peer: str = "") -> tuple[Cause, ...]:
    """The causes of a failed check of this kind; `place`: an adapter's name where there is no overlay."""
    words = _words(lab, box, overlay, place, peer)
    causes = [[text.format_map(words) for text in row] for row in CAUSES[kind]]
    return tuple(Cause(what, f"labctl exec {lab.name} {where} -- {command}") for what, where, command in causes)


def _words(lab: Lab, box: str, overlay: str | None, place: str, peer: str) -> dict[str, str]:
    addresses = {str(i.address.ip): other.name for other in lab.boxes for i in other.interfaces}
    words = {"box": box, "adapter": place, "peer": addresses.get(peer, peer) or box, "peer_underlay": peer}
    found = next((o for o in lab.overlays if o.name == overlay), None)
    mine = found.vtep(box) if found else None
    if found is None or mine is None:
        return words | {"underlay": str(lab.box(box).interfaces[0].address.ip) if lab.box(box).interfaces else ""}
    other = found.vtep(peer) or mine
    return words | {
        "device": found.name, "bearer": found.bearer, "port": str(found.port), "adapter": mine.device,
        "underlay": str(mine.underlay), "peer_underlay": str(other.underlay), "peer_address": str(other.address.ip),
    }  # fmt: skip
