"""The lab as resolved: frozen, complete, every address, MAC and name fixed.

What a person writes is `labfile.schema`; nothing below this line guesses a default any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")

VXLAN_OVERHEAD = 50
"""Bytes that VXLAN over IPv4 adds to a payload: inner Ethernet 14, VXLAN 8, UDP 8, IPv4 20 (RFC 7348, section 5)."""

ZERO_MAC = "00:00:00:00:00:00"
"""The key of a VTEP's default forwarding entry: where frames go whose destination is not known (bridge(8))."""


class Network(Struct, frozen=True, kw_only=True):
    """An underlay network: one switch that floods multicast, without a router of its own."""

    name: str
    subnet: IPv4Network
    mtu: int


class Interface(Struct, frozen=True, kw_only=True):
    """A box's adapter on a network."""

    name: str
    network: str
    address: IPv4Interface
    mac: str
    mtu: int


class Route(Struct, frozen=True, kw_only=True):
    """A static route of a box, over the underlay."""

    to: IPv4Network
    via: IPv4Address


class Box(Struct, frozen=True, kw_only=True):
    """A host of the lab. `forwarding` makes it a router between its networks."""

    name: str
    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...] = ()
    forwarding: bool = False

    def interface(self, name: str) -> Interface:
        """The adapter called `name`; KeyError if there is none."""
        for interface in self.interfaces:
            if interface.name == name:
                return interface
        raise KeyError(name)


class Vtep(Struct, frozen=True, kw_only=True):
    """One end of an overlay: the tunnel device in one box (VTEP, RFC 7348 section 2).

    device: the underlay adapter that carries it; underlay: that adapter's address; address: the overlay address;
    remote: the one peer of a point-to-point overlay; flood: the peers that get a copy of every flooded frame (head-end
    replication). Where both are empty the overlay's group takes the flooded frames.
    """

    box: str
    device: str
    underlay: IPv4Address
    address: IPv4Interface
    mac: str
    remote: IPv4Address | None = None
    flood: tuple[IPv4Address, ...] = ()


class Overlay(Struct, frozen=True, kw_only=True):
    """A VXLAN segment. `name` is the device's name in every box; ttl None leaves the kernel's default.

    bridge: the bridge in each box that the device is enslaved to, and that then bears the overlay address.
    """

    name: str
    vni: int
    port: int
    mtu: int
    learning: bool
    vteps: tuple[Vtep, ...]
    group: IPv4Address | None = None
    ttl: int | None = None
    bridge: str | None = None
    kind: str = "vxlan"

    def vtep(self, box: str) -> Vtep | None:
        """This overlay's end in `box`, or None where the box is no member."""
        return next((vtep for vtep in self.vteps if vtep.box == box), None)

    @property
    def bearer(self) -> str:
        """The device that bears the overlay address: the bridge where there is one, the tunnel device otherwise."""
        return self.bridge or self.name


class Machine(Struct, frozen=True, kw_only=True):
    """What each box is made as where boxes are virtual machines.

    image: the name of a Vagrant box; url, sha256: where it comes from and what its bytes hash to, if the lab file says
    so; memory: MiB; boot_timeout: seconds.
    """

    image: str = "labctl/debian-12"
    version: str = "1.0.0"
    url: str | None = None
    sha256: str | None = None
    memory: int = 384
    cpus: int = 1
    boot_timeout: int = 300


class Lab(Struct, frozen=True, kw_only=True):
    """A whole lab, ready to be made. `name` is the instance's name (`--name`), from which MACs are derived."""

    name: str
    title: str
    networks: tuple[Network, ...]
    boxes: tuple[Box, ...]
    overlays: tuple[Overlay, ...]
    machine: Machine = Machine()

    def box(self, name: str) -> Box:
        """The box called `name`; KeyError if there is none."""
        for box in self.boxes:
            if box.name == name:
                return box
        raise KeyError(name)

    def vteps(self, box: str) -> Iterator[tuple[Overlay, Vtep]]:
        """Every overlay that `box` is a member of, with the box's end of it."""
        for overlay in self.overlays:
            vtep = overlay.vtep(box)
            if vtep is not None:
                yield overlay, vtep


def bare(lab: Lab) -> Lab:
    """The lab without its overlays: boxes and underlay."""
    return msgspec.structs.replace(lab, overlays=())


def encode(value: object) -> bytes:
    """JSON of a model value, the same bytes for the same value. Addresses become strings."""
    return msgspec.json.encode(value, enc_hook=str)


def decode(data: bytes, kind: type[T]) -> T:
    """The value of type `kind` in `data`. Raises msgspec.DecodeError (ValidationError among them) for anything else."""
    return msgspec.json.decode(data, type=kind, dec_hook=_address)


def _address(kind: type, value: object) -> object:
    return kind(value)
