"""Frames without a network: what is read in them, and which sightings are one frame."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

from orchestrator.trace.capture import Frame, pcap, pcap_header
from orchestrator.trace.decode import VXLAN_PORTS, decode
from orchestrator.trace.sightings import BEARER, OVERLAY, UNDERLAY, flights, sightings

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
INNER = bytes(Ether(src=A, dst=B) / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP() / b"content")
PORTS = frozenset(VXLAN_PORTS)


def carrier(number: int = 1, ttl: int = 64, port: int = 4789, vni: int = 7, inner: bytes = INNER) -> bytes:
    around = Ether(src=B, dst=A) / IP(src="192.0.2.1", dst="192.0.2.2", id=number, ttl=ttl)
    return bytes(around / UDP(sport=5555, dport=port) / VXLAN(vni=vni, flags=8) / inner)


def test_outer_and_inner() -> None:
    read = decode(carrier())
    assert read.outer is not None
    assert (read.outer.vni, read.outer.ttl, read.outer.source_port, read.outer.port) == (7, 64, 5555, 4789)
    assert (read.outer.source_mac, read.outer.target_mac) == (B, A)
    assert (read.inner.source_mac, read.inner.target_mac, read.inner.protocol) == (A, B, "ICMP")
    assert (read.payload, read.inner.length) == (INNER, len(INNER))


def test_a_port_is_vxlan_where_the_lab_says_so() -> None:
    assert decode(carrier(port=5000)).outer is None
    read = decode(carrier(port=5000), [5000])
    assert read.outer is not None
    assert read.outer.port == 5000


def test_what_only_looks_like_vxlan() -> None:
    bare = Ether() / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(dport=4789)
    for content in (b"", b"\x08" + bytes(20), bytes(8) + INNER):
        assert decode(bytes(bare / content)).outer is None


def test_a_vlan_tag_hides_nothing() -> None:
    tagged = Ether(src=A, dst=B) / Dot1Q(vlan=5) / ARP(psrc="10.0.0.1", pdst="10.0.0.2")
    assert decode(bytes(tagged)).inner.summary == "who has 10.0.0.2? tell 10.0.0.1"


def test_an_error_is_known_by_what_it_quotes() -> None:
    quoted = carrier(inner=bytes(Ether(src=A, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc="10.0.0.1", pdst="10.0.0.2")))[14:]
    read = decode(bytes(Ether() / IP(src="192.0.2.2", dst="192.0.2.1") / ICMP(type=3, code=3) / quoted))
    assert (read.inner.protocol, read.about, read.asks) == ("ICMP", (5555, 4789), "")
    assert read.inner.summary == "port unreachable 192.0.2.2 > 192.0.2.1"


def damaged(good: bytes) -> st.SearchStrategy[bytes]:
    """A frame cut short, with some bytes changed."""
    change = st.tuples(st.integers(12, len(good) - 1), st.integers(0, 255))

    def apply(changes: list[tuple[int, int]], end: int) -> bytes:
        data = bytearray(good)
        for place, value in changes:
            data[place] = value
        return bytes(data[:end])

    return st.builds(apply, st.lists(change, max_size=6), st.integers(0, len(good)))


REQUEST = bytes(Ether(src=A, dst=B) / ARP(psrc="10.0.0.1", pdst="10.0.0.2"))


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=80).map(lambda data: carrier(inner=data)),
        damaged(carrier()),
        damaged(INNER),
        damaged(REQUEST),
    )
)
def test_no_bytes_upset_it(data: bytes) -> None:
    read = decode(data)
    assert read.inner.summary.isprintable()
    assert read.inner.length == len(read.payload)


def test_pcap_keeps_nanoseconds() -> None:
    frame = Frame("boxA", "eth0", 12 * 10**9 + 345, True, b"abc")
    assert pcap(frame) == bytes([12, 0, 0, 0, 0x59, 1, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0]) + b"abc"
    assert pcap_header()[:4] == bytes.fromhex("4d3cb2a1")


ROLES = {("a", "eth0"): UNDERLAY, ("a", "vx"): OVERLAY, ("a", "br"): BEARER, ("r", "eth0"): UNDERLAY,
         ("r", "eth1"): UNDERLAY, ("b", "eth0"): UNDERLAY, ("b", "vx"): OVERLAY}  # fmt: skip


def frame(box: str, device: str, when: int, outgoing: bool, data: bytes = INNER) -> Frame:
    return Frame(box, device, when, outgoing, data)


def test_equal_frames_are_told_apart_and_clocks_are_not_compared() -> None:
    """Three equal frames through a router with another clock; the receiver's device gets the first and the last."""
    seen = []
    for number in range(3):
        at = 1000 * number
        seen += [frame("a", "vx", at, True), frame("a", "eth0", at + 1, True, carrier(number))]
        far = at - 10**12
        seen += [
            frame("r", "eth0", far, False, carrier(number)),
            frame("r", "eth1", far + 1, True, carrier(number, 63)),
        ]
        seen += [frame("b", "eth0", at + 10**12, False, carrier(number, 63))]
        if number != 1:
            seen += [frame("b", "vx", at + 10**12 + 1, False)]
    found = flights(sightings(seen, ROLES, PORTS))
    assert [(flight.sender, flight.start.role) for flight in found] == [("a", OVERLAY)] * 3
    assert [flight.arrived["b"].last.role for flight in found] == [OVERLAY, UNDERLAY, OVERLAY]
    assert [flight.forwarded["r"].frame.device for flight in found] == ["eth1"] * 3


def test_equal_packets_are_counted() -> None:
    """Where not even the IP identification differs, the second is the second."""
    seen = [frame("a", "eth0", at, True, carrier()) for at in (1, 2)]
    seen += [frame("b", "eth0", at, False, carrier()) for at in (11, 12)]
    found = flights(sightings(seen, ROLES, PORTS))
    assert [flight.arrived["b"].frame.nanoseconds for flight in found] == [11, 12]


def test_copies_share_their_start() -> None:
    def copy(to: str) -> Packet:
        return Ether(src=B, dst=A) / IP(src="192.0.2.1", dst=to) / UDP(sport=1, dport=4789) / VXLAN(vni=7, flags=8)

    seen = [frame("a", "br", 1, True), frame("a", "vx", 2, True)]
    copies = [bytes(copy(f"192.0.2.{n + 2}") / INNER) for n in range(2)]
    seen += [frame("a", "eth0", 3 + n, True, copies[n]) for n in range(2)]
    seen += [frame("b", "eth0", 9, False, copies[0]), frame("r", "eth0", 9, False, copies[1])]
    first, second = flights(sightings(seen, ROLES, PORTS))
    assert (list(first.arrived), list(second.arrived)) == (["b"], ["r"])
    assert first.start is second.start
    assert first.start.role == BEARER
    assert first.decoded.outer != second.decoded.outer


def test_what_never_leaves_is_an_end() -> None:
    (found,) = flights(sightings([frame("a", "br", 1, True), frame("a", "vx", 2, True)], ROLES, PORTS))
    assert (found.sender, found.departed, found.start.role, found.start.last.role) == ("a", None, BEARER, OVERLAY)
