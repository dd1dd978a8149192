"""From a sound lab file to the lab: every default, device name and MAC fixed."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import count

from msgspec import UNSET, UnsetType

from orchestrator import model
from orchestrator.labfile import schema
from orchestrator.labfile.facts import ADAPTERS, Facts


def resolve(facts: Facts, name: str) -> model.Lab:
    """The lab that is called `name`. The file must have no problems."""
    return _Resolver(facts, name).lab()


class _Resolver:
    def __init__(self, facts: Facts, name: str) -> None:
        self.facts, self.name, self.written = facts, name, facts.written
        self.macs: set[str] = set()
        self.devices = {
            (box, network): adapter
            for box, each in self.written.boxes.items()
            for network, adapter in zip(each.addresses, ADAPTERS, strict=False)
        }

    def lab(self) -> model.Lab:
        networks = tuple(
            model.Network(name=name, subnet=self.facts.networks[name], mtu=network.mtu)
            for name, network in self.written.networks.items()
        )
        boxes = tuple(self.box(name, box) for name, box in self.written.boxes.items())
        overlays = tuple(self.overlay(name, overlay) for name, overlay in self.written.overlays.items())
        return model.Lab(
            name=self.name,
            title=self.written.title,
            networks=networks,
            boxes=boxes,
            overlays=overlays,
            machine=_machine(self.written.machine),
        )

    def box(self, name: str, box: schema.Box) -> model.Box:
        interfaces = tuple(
            model.Interface(
                name=self.devices[name, network],
                network=network,
                address=_interface(self.facts.addresses[name, network], self.facts.networks[network]),
                mac=self.mac(name, self.devices[name, network]),
                mtu=self.written.networks[network].mtu,
            )
            for network in box.addresses
        )
        routes = tuple(model.Route(to=IPv4Network(to), via=IPv4Address(via)) for to, via in box.routes.items())
        return model.Box(name=name, interfaces=interfaces, routes=routes, forwarding=box.forwarding)

    def overlay(self, name: str, overlay: schema.Overlay) -> model.Overlay:
        carriers = {self.facts.carriers[name, box] for box in overlay.members}
        fits = min(self.written.networks[network].mtu for network in carriers) - model.VXLAN_OVERHEAD
        return model.Overlay(
            name=name,
            vni=overlay.vni,
            port=overlay.port,
            mtu=fits if overlay.mtu is UNSET else overlay.mtu,
            learning=overlay.learning,
            vteps=self.vteps(name, overlay),
            group=None if overlay.group is UNSET else IPv4Address(overlay.group),
            ttl=None if overlay.ttl is UNSET else overlay.ttl,
            bridge=None if overlay.bridge is UNSET else overlay.bridge,
        )

    def vteps(self, name: str, overlay: schema.Overlay) -> tuple[model.Vtep, ...]:
        underlay = {box: self.facts.addresses[box, self.facts.carriers[name, box]] for box in overlay.members}
        flooding = () if overlay.flood is UNSET else tuple(underlay.values())
        subnet = self.facts.overlays[name]
        return tuple(
            model.Vtep(
                box=box,
                device=self.devices[box, self.facts.carriers[name, box]],
                underlay=underlay[box],
                address=_interface(self.facts.inside[name, box], subnet),
                mac=self.mac(box, name),
                remote=None if member.remote is UNSET else IPv4Address(member.remote),
                flood=tuple(peer for peer in flooding if peer is not underlay[box]),
            )
            for box, member in overlay.members.items()
        )

    def mac(self, box: str, device: str) -> str:
        """A unicast, locally administered address (IEEE 802, 8.2.2): always the same one, and unique within the lab."""
        seed = "\0".join((self.name, box, device))
        for turn in count():
            mac = f"02:{_hash(f'{seed}{chr(0)}{turn}' if turn else seed)[:5].hex(':')}"
            if mac not in self.macs:
                break
        self.macs.add(mac)
        return mac


def _machine(written: schema.Machine | UnsetType) -> model.Machine:
    if written is UNSET:
        return model.Machine()
    said = {name: value for name in written.__struct_fields__ if (value := getattr(written, name)) is not UNSET}
    return model.Machine(**said)


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _interface(address: IPv4Address, subnet: IPv4Network) -> IPv4Interface:
    return IPv4Interface((int(address), subnet.prefixlen))
