"""The rules for networks, boxes and routes, and for every address of a lab file."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

from orchestrator.labfile.facts import Facts, sound
from orchestrator.labfile.problem import printable, suggestion
from orchestrator.labfile.schema import Box
from orchestrator.labfile.tree import FAULTY, Document, Path

NOT_FOR_HOSTS = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")))
"""This network, loopback, multicast and reserved (RFC 6890): no host can have an address there."""


TAKEN = {
    "localhost": "in every box it means the box itself",
    "all": "to Ansible it means every box",
    "ungrouped": "to Ansible it is a group of boxes",
}
"""Names that boxes cannot have, and why."""


def check(document: Document, facts: Facts) -> None:
    """Fills in `facts` what is about networks and boxes, and reports what cannot be."""
    for name, network in sound(facts.written.networks):
        _subnet(document, ("networks", name, "subnet"), network.subnet, facts.networks)
    for name, overlay in facts.segments():
        _subnet(document, ("overlays", name, "subnet"), overlay.subnet, facts.overlays)
    _overlaps(document, facts)
    _names(document, facts)
    used: dict[IPv4Address, str] = {}
    for name, box in facts.boxes():
        _addresses(document, facts, name, box, used)
    for name, box in facts.boxes():
        _routes(document, facts, name, box)


def host(document: Document, path: Path, text: str, subnet: IPv4Network | None, used: dict[IPv4Address, str],
         owner: str) -> IPv4Address | None:  # fmt: skip
    """The address that `owner` is to have in `subnet`, and nobody else; None where it is faulty."""
    if text is FAULTY:
        return None
    address = IPv4Address(text)
    if subnet is not None:
        allowed = f"allowed: {subnet[1]} to {subnet[-2]}"
        if address not in subnet:
            document.at(path, f"{address} is not in {subnet}", allowed)
        elif address == subnet.network_address:
            document.at(path, f"{address} is the address of {subnet} itself", allowed)
        elif address == subnet.broadcast_address:
            document.at(path, f"{address} is the broadcast address of {subnet}", allowed)
    first = used.setdefault(address, owner)
    if first != owner:
        document.at(path, f"{address} is used twice", f"{printable(first)} has it already; every address is one box's")
    return address


def _subnet(document: Document, path: Path, text: str, found: dict[str, IPv4Network]) -> None:
    if text is FAULTY:
        return
    subnet = IPv4Network(text, strict=False)
    if str(subnet) != text:
        document.at(path, f"{text} is an address in a subnet, not a subnet", f"write {subnet}")
    elif any(subnet.overlaps(reserved) for reserved in NOT_FOR_HOSTS):
        hint = "allowed: 1.0.0.0 to 223.255.255.255, without 127.0.0.0/8"
        document.at(path, f"{text} has addresses that no box can have", hint)
        return
    found[path[1]] = subnet


def _overlaps(document: Document, facts: Facts) -> None:
    """Each pair once, at the later one. Overlays may share a subnet as long as they share no box."""
    parts = [("networks", *item) for item in facts.networks.items()]
    parts += [("overlays", *item) for item in facts.overlays.items()]
    for (kind, name, subnet), (later_kind, later, later_subnet) in combinations(parts, 2):
        if not subnet.overlaps(later_subnet):
            continue
        if kind == later_kind == "overlays":
            box = _shared(facts, name, later)
            if box is None:
                continue
            hint = f"{printable(box)} is in both: it could not tell which way to send"
        else:
            hint = "networks and overlays each need a subnet of their own"
        what = f"{later_subnet} overlaps {subnet} of {kind[:-1]} {printable(name)}"
        document.at((later_kind, later, "subnet"), what, hint)


def _shared(facts: Facts, *overlays: str) -> str | None:
    """A box that is in both overlays."""
    one, other = (facts.written.overlays[name].members for name in overlays)
    if one is FAULTY or other is FAULTY:
        return None
    return next((box for box in one if box in other), None)


def _names(document: Document, facts: Facts) -> None:
    seen: dict[str, str] = {}
    for name in () if facts.written.boxes is FAULTY else facts.written.boxes:
        first = seen.setdefault(name.lower(), name)
        if name.lower() in TAKEN:
            hint = TAKEN[name.lower()]
            document.at(("boxes", name), f"{printable(name)} cannot be a box's name", hint, key=True)
        elif first != name:
            hint = "host names do not tell capitals from small letters"
            document.at(("boxes", name), f"{printable(name)} and {printable(first)} are the same name", hint, key=True)


def _addresses(document: Document, facts: Facts, name: str, box: Box, used: dict[IPv4Address, str]) -> None:
    networks = facts.written.networks
    for network in () if box.addresses is FAULTY else box.addresses:
        path = ("boxes", name, "addresses", network)
        if networks is not FAULTY and network not in networks:
            hint = suggestion(network, networks, close=document.few)
            document.at(path, f"there is no network {printable(network)}", hint, key=True)
        subnet = facts.networks.get(network)
        address = host(document, path, box.addresses[network], subnet, used, name)
        if address is not None:
            facts.addresses[name, network] = address


def _routes(document: Document, facts: Facts, name: str, box: Box) -> None:
    if not box.routes or box.routes is FAULTY or box.addresses is FAULTY:
        return
    own = {network: facts.networks.get(network) for network in box.addresses}
    for to, via in sound(box.routes):
        path = ("boxes", name, "routes", to)
        _destination(document, path, to, own)
        router = IPv4Address(via)
        if router in (facts.addresses.get((name, network)) for network in own):
            document.at(path, f"{via} is {printable(name)} itself", "a route leads to another box's address")
        elif None not in own.values() and not any(subnet and router in subnet for subnet in own.values()):
            subnets = ", ".join(map(str, own.values()))
            document.at(path, f"{via} is on none of {printable(name)}'s networks", f"allowed: an address in {subnets}")
        elif not document.problems and router not in _routers(facts):
            document.at(path, f"no router has the address {via}", "a router is a box with `forwarding: true`")


def _routers(facts: Facts) -> set[IPv4Address]:
    return {
        address
        for name, box in facts.boxes() if box.forwarding is True
        for network in box.addresses
        if (address := facts.addresses.get((name, network)))
    }  # fmt: skip


def _destination(document: Document, path: Path, to: str, own: dict[str, IPv4Network | None]) -> None:
    try:
        destination = IPv4Network(to, strict=False)
    except ValueError:
        return  # a key that does not match its pattern has been reported
    if str(destination) != to:
        document.at(path, f"{to} is an address in a subnet, not a subnet", f"write {destination}", key=True)
    elif destination in own.values():
        hint = "a route is for a subnet that the box is not on"
        document.at(path, f"{to} is a network of the box's own", hint, key=True)
