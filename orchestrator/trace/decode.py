"""Frames in words: what scapy reads in the bytes, as the model's values. Scapy is imported at the first frame."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.trace.model import Inner, Outer

if TYPE_CHECKING:
    from scapy.packet import Packet

VXLAN_PORTS = (4789, 8472)
"""IANA's (RFC 7348, section 5), and Linux's where none is given (ip-link(8))."""

_VNI_VALID = 0x08  # the I flag; the VNI is in bytes 4 to 6 (RFC 7348, section 5)
_ARP_BYTES = 42  # Ethernet 14, ARP 28 (RFC 826); more is padding, which not every adapter shows
_ICMP_ERRORS = {3: "destination unreachable", 5: "redirect", 11: "time exceeded", 12: "parameter problem"}
_UNREACHABLE = {0: "network", 1: "host", 2: "protocol", 3: "port", 4: "fragmentation needed", 13: "prohibited"}
_IGMP = {0x11: "query", 0x12: "report", 0x16: "report", 0x17: "leave", 0x22: "report"}  # RFC 3376, section 4


class Decoded(NamedTuple):
    """A frame: `outer` is None where it is no VXLAN. key: what is the same wherever the frame is seen, routers in
    between or not; payload: the inner frame's bytes, the frame's own where there is no outer.

    addresses: the IPv4 addresses that the innermost ARP or IP names, the sender's first; asks: the address that an
    ARP request asks for; error: whether it is an ICMP error; about: the ports of the UDP packet that an error quotes.
    """

    outer: Outer | None
    inner: Inner
    key: tuple[object, ...]
    payload: bytes
    addresses: tuple[str, ...]
    asks: str = ""
    about: tuple[int, ...] = ()


def decode(data: bytes, ports: Iterable[int] = VXLAN_PORTS) -> Decoded:
    """What a captured frame is; UDP to one of `ports` is VXLAN."""
    scapy = _scapy()
    packet = _ethernet(data)
    carrier = _content(packet)
    if not isinstance(carrier, scapy.IP) or carrier.frag or not isinstance(carrier.payload, scapy.UDP):
        return _plain(packet, data)
    content = carrier.payload.payload.original
    if carrier.payload.dport not in ports or len(content) < 8 + 14:
        return _plain(packet, data)
    if not content[0] & _VNI_VALID:
        return _plain(packet, data)
    outer = Outer(
        source_mac=packet.src, target_mac=packet.dst, source=carrier.src, target=carrier.dst, ttl=carrier.ttl,
        source_port=carrier.payload.sport, port=carrier.payload.dport, vni=int.from_bytes(content[4:7]),
        length=len(data),
    )  # fmt: skip
    inside = _plain(_ethernet(content[8:]), content[8:])
    key = (outer.source, outer.target, carrier.id, outer.source_port, outer.port, outer.vni, inside.payload)
    return inside._replace(outer=outer, key=key)


def hexdump(data: bytes) -> list[str]:
    """A frame's bytes as lines of offset, hexadecimal and ASCII."""
    _scapy()
    from scapy.utils import hexdump as dump

    return str(dump(data, dump=True)).splitlines()


def _plain(packet: Packet, data: bytes) -> Decoded:
    """A frame by itself."""
    scapy, ip = _scapy(), _content(packet)
    if isinstance(ip, scapy.ARP):
        return _arp(packet, ip, data[:_ARP_BYTES])
    if not isinstance(ip, scapy.IP) or ip.frag:
        return Decoded(None, _inner(packet, data, _name(ip), packet.summary()), (data,), data, ())
    key = (ip.src, ip.dst, ip.id, ip.payload.original)
    whole = Decoded(None, _inner(packet, data, _name(ip), _words(ip)), key, data, (ip.src, ip.dst))
    if ip.payload.name == "ICMP" and ip.payload.type in _ICMP_ERRORS and packet.haslayer(scapy.UDPerror):
        quoted = packet[scapy.UDPerror]
        return whole._replace(about=(quoted.sport, quoted.dport))
    return whole


def _arp(packet: Packet, arp: Any, data: bytes) -> Decoded:
    if arp.op == 1:
        words = f"who has {arp.pdst}? tell {arp.psrc}" if arp.psrc != arp.pdst else f"{arp.psrc} is here"
    else:
        words = f"{arp.psrc} is at {arp.hwsrc}"
    asks = str(arp.pdst) if arp.op == 1 else ""
    return Decoded(None, _inner(packet, data, "ARP", words), (data,), data, (str(arp.psrc), str(arp.pdst)), asks)


def _inner(packet: Packet, data: bytes, protocol: str, summary: str) -> Inner:
    return Inner(
        source_mac=packet.src, target_mac=packet.dst, protocol=protocol, summary=clean(summary), length=len(data)
    )


def _ethernet(data: bytes) -> Packet:
    """The frame; what is too short to be one is filled up."""
    packet: Packet = _scapy().Ether(data.ljust(14, b"\0"))
    return packet


def _content(packet: Packet) -> Any:
    """What an Ethernet frame carries, VLAN tags apart."""
    content = packet.payload
    while isinstance(content, _scapy().Dot1Q):
        content = content.payload
    return content


def _name(content: Any) -> str:
    """The protocol that a person would name."""
    if not isinstance(content, _scapy().IP):
        return str(content.name or "Ethernet").split()[0]
    return (
        "IGMP" if content.proto == 2 else next((n for n in ("ICMP", "UDP", "TCP") if content.payload.name == n), "IPv4")
    )


def _words(ip: Any) -> str:
    """An IPv4 packet in a line."""
    way, content = f"{ip.src} > {ip.dst}", ip.payload
    if ip.proto == 2 and content.original:
        return f"{_IGMP.get(content.original[0], 'message')} {way}"
    if content.name != "ICMP":
        return str(ip.summary())
    if content.type in (0, 8):
        return f"echo {'request' if content.type else 'reply'} {way}, sequence {content.seq}"
    if content.type == 3:
        return f"{_UNREACHABLE.get(content.code, '')} unreachable {way}".strip()
    return f"{_ICMP_ERRORS.get(content.type, f'type {content.type}')} {way}"


def clean(text: str) -> str:
    """Text out of a network, fit for a terminal and a line."""
    return "".join(character if character.isprintable() else "?" for character in text)


@cache
def _scapy() -> Any:
    """The layers that are needed. What scapy thinks of the host's routes is of no interest here."""
    import logging
    from types import SimpleNamespace

    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    from scapy.layers.inet import IP, UDP, UDPerror
    from scapy.layers.l2 import ARP, Dot1Q, Ether

    return SimpleNamespace(ARP=ARP, Dot1Q=Dot1Q, Ether=Ether, IP=IP, UDP=UDP, UDPerror=UDPerror)
