"""What the checks and the resolver both need to know of a lab file: its addresses as addresses, and which network
carries an overlay for a box."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import TypeVar

from orchestrator.labfile.schema import Box, LabFile, Overlay
from orchestrator.labfile.tree import FAULTY

T = TypeVar("T")

ADAPTERS = ("enp0s8", "enp0s9", "enp0s10", "enp0s16", "enp0s17", "enp0s18", "enp0s19")
"""A box's adapters on its networks, in order: adapters 2 to 8 of a VirtualBox machine. enp0s3 is the first, NAT."""


class Facts:
    """Only what is sound enough to go on with; what is faulty, or not written, has no entry.

    networks, overlays: the subnets by name; addresses: by box and network; inside: overlay addresses, by overlay and
    box; carriers: the network that carries an overlay for a box, by overlay and box.
    """

    def __init__(self, written: LabFile) -> None:
        self.written = written
        self.networks: dict[str, IPv4Network] = {}
        self.overlays: dict[str, IPv4Network] = {}
        self.addresses: dict[tuple[str, str], IPv4Address] = {}
        self.inside: dict[tuple[str, str], IPv4Address] = {}
        self.carriers: dict[tuple[str, str], str] = {}

    def boxes(self) -> Iterator[tuple[str, Box]]:
        """The boxes that are sound as a whole, by name."""
        return sound(self.written.boxes)

    def segments(self) -> Iterator[tuple[str, Overlay]]:
        """The overlays that are sound as a whole, by name."""
        return sound(self.written.overlays)

    def underlay(self, overlay: str, box: str) -> IPv4Address | None:
        """The address that `box` has on the network that carries `overlay` for it."""
        return self.addresses.get((box, self.carriers.get((overlay, box), "")))


def sound(parts: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    """The entries that are not faulty; none where the whole is."""
    if parts is not FAULTY:
        yield from ((name, part) for name, part in parts.items() if part is not FAULTY)
