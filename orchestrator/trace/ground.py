"""What the sentences of a trace rest on: the boxes as they were, and what they have learned since. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import NamedTuple

from orchestrator.trace.observed import State

BROADCAST = "ff:ff:ff:ff:ff:ff"


class Source(NamedTuple):
    """Where a box's knowledge of a MAC comes from: the remote, and the frame that taught it, 0 where it was there."""

    target: str
    frame: int


class Ground(NamedTuple):
    """What the sentences rest on. device: the overlay's tunnel device, bearer: what bears its address; known: (box,
    MAC) → what the box's FDB tells at this point of the conversation.
    """

    states: Mapping[str, State]
    device: str
    bearer: str
    known: dict[tuple[str, str], Source]

    def owner(self, mac: str) -> str:
        """The box whose end of the overlay has this MAC; "" where none has, or several."""
        owners = [box for box, state in self.states.items() if state.mac(self.bearer) == mac]
        return owners[0] if len(owners) == 1 else ""

    def holder(self, address: str) -> str:
        """The box that has this address, "" where none has."""
        return next((box for box, state in self.states.items() if address in state.addresses()), "")

    def named(self, address: str) -> str:
        """An address with its box."""
        if is_multicast(address):
            return f"the group {address}"
        return f"{address} ({self.holder(address)})" if self.holder(address) else f"{address} (no box has it)"


def is_group(mac: str) -> bool:
    """Whether a MAC is broadcast or multicast: the lowest bit of its first byte (IEEE 802)."""
    return bool(int(mac[:2], 16) & 1)


def is_multicast(address: str) -> bool:
    """Whether an address is a group's (RFC 5771)."""
    return ip_address(address).is_multicast
