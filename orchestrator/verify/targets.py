"""Which boxes ask which: pure, from the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from typing import NamedTuple, TypeVar

from orchestrator.model import Box, Lab, Overlay

T = TypeVar("T")

ALL_PAIRS_UP_TO = 16
"""Members of a network or overlay up to which everyone asks everyone. Above, each asks its next and its previous one:

all pairs of N boxes take 2N(N-1) neighbour entries, of which all namespaces share 1024 (arp(7), gc_thresh3).
"""


class Target(NamedTuple):
    """An underlay address that a box must reach, and the address of its own that it asks from."""

    box: str
    source: IPv4Address
    address: IPv4Address


class Edge(NamedTuple):
    """Two neighbours on an overlay's ring: `client` opens the connection to `server`."""

    overlay: str
    client: str
    server: str


def neighbours(members: Sequence[T], me: T) -> tuple[T, ...]:
    """Whom `me` asks among `members`, in their order."""
    if len(members) <= ALL_PAIRS_UP_TO:
        return tuple(member for member in members if member != me)
    place = members.index(me)
    return members[(place + 1) % len(members)], members[place - 1]


def following(overlay: Overlay, box: str) -> str:
    """The box after `box` on the overlay's ring."""
    boxes = [vtep.box for vtep in overlay.vteps]
    return boxes[(boxes.index(box) + 1) % len(boxes)]


def previous(overlay: Overlay, box: str) -> str:
    """The box before `box` on the overlay's ring."""
    boxes = [vtep.box for vtep in overlay.vteps]
    return boxes[boxes.index(box) - 1]


def peers(overlay: Overlay, box: str) -> tuple[str, ...]:
    """The boxes that `box` asks over the overlay."""
    return neighbours([vtep.box for vtep in overlay.vteps], box)


def underlay(lab: Lab, box: Box) -> tuple[Target, ...]:
    """What must answer on the underlay: the other boxes of its networks, the other VTEPs of its overlays."""
    return tuple({target.address: target for target in _underlay(lab, box)}.values())


def _underlay(lab: Lab, box: Box) -> Iterator[Target]:
    for mine in box.interfaces:
        there = [(b.name, i.address.ip) for b in lab.boxes for i in b.interfaces if i.network == mine.network]
        for name, address in neighbours(there, (box.name, mine.address.ip)):
            yield Target(name, mine.address.ip, address)
    for overlay, vtep in lab.vteps(box.name):
        for other in neighbours(overlay.vteps, vtep):
            yield Target(other.box, vtep.underlay, other.underlay)


def arcs(overlay: Overlay) -> Iterator[tuple[Edge, ...]]:
    """The ring in pieces that are tried at once: a large overlay does not need all its boxes' processes together."""
    boxes = [vtep.box for vtep in overlay.vteps]
    if len(boxes) < 2:
        return
    edges = [Edge(overlay.name, box, following(overlay, box)) for box in boxes]
    for start in range(0, len(edges), ALL_PAIRS_UP_TO):
        yield tuple(edges[start : start + ALL_PAIRS_UP_TO])


def sampled(lab: Lab) -> str | None:
    """The sentence that says which pairs are left out, or None where none are."""
    networks = [sum(i.network == network.name for box in lab.boxes for i in box.interfaces) for network in lab.networks]
    largest = max([*networks, *(len(overlay.vteps) for overlay in lab.overlays)], default=0)
    if largest <= ALL_PAIRS_UP_TO:
        return None
    return (
        f"With more than {ALL_PAIRS_UP_TO} boxes on a network or an overlay, "
        "each box there pings its next and its previous one, not all others."
    )
