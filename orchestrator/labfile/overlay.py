"""The rules for overlays: who is in them, what carries them, where flooded frames go, and what the kernel refuses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from msgspec import UNSET

from orchestrator.iproute import AUTOMATIC
from orchestrator.labfile import clashes
from orchestrator.labfile.facts import ADAPTERS, Facts, sound
from orchestrator.labfile.problem import listed, printable, suggestion
from orchestrator.labfile.schema import Member, Overlay
from orchestrator.labfile.tree import FAULTY, Document, Path
from orchestrator.labfile.underlay import host
from orchestrator.model import VXLAN_OVERHEAD

RESERVED = ("lo", "all", "default", "enp0s3", *ADAPTERS, *AUTOMATIC)
"""Devices that a box has anyway, and names that the kernel refuses (its devinet.c)."""

ONE_WAY = "exactly one is allowed: group, flood: head-end, or a remote for each of two members"


def check(document: Document, facts: Facts) -> None:
    """Fills in `facts` what is about overlays, and reports what cannot be."""
    for name, overlay in facts.segments():
        for device, path in ((name, ("overlays", name)), (overlay.bridge, ("overlays", name, "bridge"))):
            if device in RESERVED:
                hint = "a box has a device of that name anyway, or the kernel refuses it; such as vxlan0, br0"
                document.at(path, f"{device} cannot be made", hint, key=len(path) == 2)
        if overlay.members is FAULTY:
            continue
        _members(document, facts, name, overlay)
        _mtu(document, facts, name, overlay)
        _ways(document, facts, name, overlay)
    clashes.check(document, facts)


def _members(document: Document, facts: Facts, name: str, overlay: Overlay) -> None:
    boxes, networks = facts.written.boxes, facts.written.networks
    if networks is not FAULTY and isinstance(overlay.network, str) and overlay.network not in networks:
        _unknown(document, ("overlays", name, "network"), "network", overlay.network, networks)
    used: dict[IPv4Address, str] = {}
    for box, member in overlay.members.items():
        path = ("overlays", name, "members", box)
        if boxes is not FAULTY and box not in boxes:
            _unknown(document, path, "box", box, boxes)
        if member is FAULTY:
            continue
        address = host(document, (*path, "address"), member.address, facts.overlays.get(name), used, box)
        if address is not None:
            facts.inside[name, box] = address
        carrier = _carrier(document, facts, overlay, path, member)
        if carrier is not None:
            facts.carriers[name, box] = carrier


def _unknown(document: Document, path: Path, kind: str, word: str, words: Any) -> None:
    hint = suggestion(word, words, close=document.few)
    document.at(path, f"there is no {kind} {printable(word)}", hint, key=kind == "box")


def _carrier(document: Document, facts: Facts, overlay: Overlay, path: Path, member: Member) -> str | None:
    """The network that carries the overlay for the member at `path`, if it can be told."""
    name, networks, boxes = path[-1], facts.written.networks, facts.written.boxes
    box: Any = FAULTY if boxes is FAULTY else boxes.get(name, FAULTY)
    if box is FAULTY or box.addresses is FAULTY or networks is FAULTY:
        return None
    wanted = overlay.network if member.network is UNSET else member.network
    if wanted is UNSET and len(box.addresses) == 1:
        return str(next(iter(box.addresses)))
    on = f"it is on: {listed(box.addresses)}"
    if wanted is UNSET:
        document.at(path, f"{printable(name)} is on several networks", f"say which, `network:` NAME; {on}", key=True)
    elif wanted in box.addresses:
        return str(wanted)
    elif isinstance(wanted, str) and wanted in networks and all(each in networks for each in box.addresses):
        own = member.network is not UNSET
        where = (*path, "network") if own else path
        document.at(where, f"{printable(name)} is not on network {printable(wanted)}", on, key=not own)
    elif isinstance(wanted, str) and wanted not in networks and member.network is not UNSET:
        _unknown(document, (*path, "network"), "network", wanted, networks)
    return None


def _mtu(document: Document, facts: Facts, name: str, overlay: Overlay) -> None:
    if not isinstance(overlay.mtu, int):
        return
    carriers = {facts.carriers.get((name, box)) for box in overlay.members}
    known = [(net.mtu, of) for of, net in sound(facts.written.networks) if of in carriers and net.mtu is not FAULTY]
    mtu, network = min(known, default=(overlay.mtu + VXLAN_OVERHEAD, ""))
    if overlay.mtu > mtu - VXLAN_OVERHEAD:
        what = f"mtu {overlay.mtu} does not fit into {mtu}, the MTU of network {printable(network)}"
        document.at(("overlays", name, "mtu"), what, f"allowed: 68 to {mtu - VXLAN_OVERHEAD}")


def _ways(document: Document, facts: Facts, name: str, overlay: Overlay) -> None:
    """Flooded frames go exactly one way, and it can work."""
    remotes = [box for box, member in sound(overlay.members) if member.remote is not UNSET]
    written = {"group": overlay.group is not UNSET, "flood": overlay.flood is not UNSET, "remote": bool(remotes)}
    ways = [way for way, given in written.items() if given]
    path = ("overlays", name)
    if len(ways) > 1:
        document.at(path, f"{printable(name)} has {' and '.join(ways)}", ONE_WAY, key=True)
    elif not ways and FAULTY not in overlay.members.values():
        document.at(path, f"{printable(name)} does not say where flooded frames go", ONE_WAY, key=True)
    if isinstance(overlay.group, str):
        _group(document, facts, name, overlay)
    if remotes:
        _remotes(document, facts, name, overlay, remotes, only=len(ways) == 1)
    if overlay.group is UNSET:
        _reachable(document, facts, name, overlay)


def _group(document: Document, facts: Facts, name: str, overlay: Overlay) -> None:
    path = ("overlays", name, "group")
    group = IPv4Address(overlay.group)
    if not group.is_multicast:
        document.at(path, f"group {group} is not multicast", "allowed: 224.0.0.0 to 239.255.255.255")
    networks = _carriers(facts, name, overlay)
    if len(networks) > 1:
        hint = "nothing forwards multicast between networks: use flood: head-end, or a remote for each of two members"
        document.at(path, f"group {group} cannot reach across networks {listed(networks)}", hint)


def _remotes(document: Document, facts: Facts, name: str, overlay: Overlay, remotes: list[str], *, only: bool) -> None:
    members = overlay.members
    if only and len(members) != 2:
        what = f"remote joins two members, and {printable(name)} has {len(members)}"
        document.at(("overlays", name, "members"), what, "for more, use group or flood: head-end", key=True)
        return
    for box, member in sound(members):
        path = ("overlays", name, "members", box)
        if member.remote is UNSET and only:
            hint = f"{printable(remotes[0])} has one, so every member needs one: the other box's underlay address"
            document.at(path, f"{printable(box)} has no remote", hint, key=True)
        elif isinstance(member.remote, str):
            _remote(document, facts, path, IPv4Address(member.remote), [each for each in members if each != box])


def _remote(document: Document, facts: Facts, path: Path, remote: IPv4Address, others: list[str]) -> None:
    _, name, _, box = path
    peers = {other: facts.underlay(name, other) for other in others}
    allowed = f"allowed: {listed(f'{address} ({other})' for other, address in peers.items() if address) or 'none'}"
    if remote.is_multicast:
        document.at((*path, "remote"), f"remote {remote} is multicast", f"for multicast write `group:`; {allowed}")
    elif remote == facts.underlay(name, box):
        document.at((*path, "remote"), f"remote {remote} is {printable(box)} itself", allowed)
    elif None not in peers.values() and remote not in peers.values():
        document.at((*path, "remote"), f"remote {remote} is no other member's underlay address", allowed)


def _reachable(document: Document, facts: Facts, name: str, overlay: Overlay) -> None:
    """A peer on another network needs a route, or no frame ever leaves."""
    carriers = _carriers(facts, name, overlay)
    if len(carriers) < 2:
        return
    for name_of_box, box in facts.boxes():
        if (name, name_of_box) not in facts.carriers or box.routes is FAULTY:
            continue
        routes = [IPv4Network(to, strict=False) for to in box.routes if _is_subnet(to)]
        for network in carriers:
            subnet = facts.networks.get(network)
            if network not in box.addresses and subnet and not any(subnet.overlaps(to) for to in routes):
                what = f"{printable(name_of_box)} has no route to {subnet}, network {printable(network)}"
                what += f", where other members of {printable(name)} are"
                document.at(("boxes", name_of_box), what, f"routes: {{{subnet}: ROUTER}}", key=True)


def _carriers(facts: Facts, name: str, overlay: Overlay) -> list[str]:
    """The networks that carry the overlay, each once."""
    carriers = (facts.carriers.get((name, box), "") for box in overlay.members)
    return [network for network in dict.fromkeys(carriers) if network in facts.networks]


def _is_subnet(text: str) -> bool:
    try:
        return bool(IPv4Network(text, strict=False))
    except ValueError:
        return False
