"""From frames on their way to a conversation: one event a frame, with who got it, how far it came, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from itertools import dropwhile
from typing import NamedTuple

from orchestrator.model import ZERO_MAC, Overlay, Vtep
from orchestrator.trace import fates, reasons
from orchestrator.trace.capture import Frame
from orchestrator.trace.decode import Decoded
from orchestrator.trace.ground import Ground, Source, is_group, is_multicast
from orchestrator.trace.model import Event, Inner, Outer
from orchestrator.trace.observed import State, ports
from orchestrator.trace.sightings import OVERLAY, UNDERLAY, Flight, Roles, flights, sightings


class Subject(NamedTuple):
    """What a trace is about. token: bytes in the pings' content that no other packet has."""

    overlay: Overlay
    source: Vtep
    target: Vtep
    token: bytes


class Conversation(NamedTuple):
    """events; others: how many frames were seen besides and belong to other conversations; silence: why the source
    sent nothing into the overlay, "" where it did.
    """

    events: tuple[Event, ...]
    others: int
    silence: str


def converse(subject: Subject, frames: Iterable[Frame], roles: Roles, states: Mapping[str, State]) -> Conversation:
    """What the frames say. `states`: the boxes as they were before the first frame."""
    found = flights(sightings(frames, roles, ports(subject.overlay, states)))
    relevant = list(dropwhile(_is_igmp, [flight for flight in found if _belongs(subject, states, flight)]))
    ground = Ground(states, subject.overlay.name, subject.overlay.bearer, dict(_known(subject, states)))
    start = relevant[0].start.frame.nanoseconds if relevant else 0
    teller = _Teller(subject, ground, relevant, start)
    events = tuple(teller.event(number, flight) for number, flight in enumerate(relevant, 1))
    source, overlay = subject.source.box, subject.overlay.name
    spoke = any((event.sender, event.network) == (source, overlay) for event in events)
    return Conversation(events, len(found) - len(relevant), "" if spoke else reasons.silent(ground, source))


def _belongs(subject: Subject, states: Mapping[str, State], flight: Flight) -> bool:
    """Whether a frame is part of the conversation of the two boxes."""
    decoded, ends = flight.decoded, (subject.source, subject.target)
    if flight.start.role != UNDERLAY:
        bearers = {address for end in ends for address in states[end.box].addresses(subject.overlay.bearer)}
        own = bearers | {str(end.address.ip) for end in ends}
        arp = decoded.inner.protocol == "ARP" and own.issuperset(decoded.addresses)
        return arp or subject.token in decoded.payload
    if decoded.outer:
        return False
    own = {str(end.underlay) for end in ends}
    own |= {address for end in ends for name in states[end.box].adapters for address in states[end.box].addresses(name)}
    if decoded.inner.protocol == "ARP":
        return not own.isdisjoint(decoded.addresses)
    if decoded.inner.protocol == "IGMP":
        groups = {target for state in states.values() for target in state.defaults(subject.overlay.name)}
        return any(ip_address(group).packed in decoded.payload[34:] for group in groups)
    return not ports(subject.overlay, states).isdisjoint(decoded.about) and not own.isdisjoint(decoded.addresses)


def _is_igmp(flight: Flight) -> bool:
    """Hosts repeat their IGMP reports when they have joined: before the first ping these are none of its business."""
    return flight.decoded.inner.protocol == "IGMP"


def _known(subject: Subject, states: Mapping[str, State]) -> Iterator[tuple[tuple[str, str], Source]]:
    for box, state in states.items():
        for entry in state.entries(subject.overlay.name):
            if entry.mac != ZERO_MAC:
                yield (box, entry.mac), Source(entry.target, 0)


class _Teller:
    """Makes the events in order; what one frame teaches a box explains the next."""

    def __init__(self, subject: Subject, ground: Ground, all_flights: list[Flight], start: int) -> None:
        self._subject, self._ground, self._start = subject, ground, start
        self._fates = fates.Fates(subject.overlay, subject.source.box, subject.target.box, ground, start)
        self._unresolved = dict(_unresolved(all_flights))

    def event(self, number: int, flight: Flight) -> Event:
        """The event of one frame."""
        decoded = flight.decoded
        if flight.departed is None:
            return self._stuck(number, flight)
        if decoded.outer is None:
            return self._underlay(number, flight)
        return self._carried(number, flight, decoded, decoded.outer)

    def _carried(self, number: int, flight: Flight, decoded: Decoded, outer: Outer) -> Event:
        """A frame inside VXLAN."""
        inner, ground = decoded.inner, self._ground
        flooded = (
            is_group(inner.target_mac)
            or is_multicast(outer.target)
            or (
                (flight.sender, inner.target_mac) not in ground.known
                and outer.target in ground.states[flight.sender].defaults(ground.device)
            )
        )
        why = reasons.sent(ground, flight.sender, inner, outer, flooded)
        arrivals = self._fates.carried(flight, decoded, outer)
        self._learn(number, flight, inner, outer)
        return Event(
            number=number, seconds=self._seconds(flight), sender=flight.sender, network=self._subject.overlay.name,
            inner=inner, outer=outer, departed=True, flooded=flooded, arrivals=arrivals, why=why,
        )  # fmt: skip

    def _learn(self, number: int, flight: Flight, inner: Inner, outer: Outer) -> None:
        for box, there in flight.arrived.items():
            taught = reasons.learning(self._ground, box, inner, outer)
            tunnel = self._ground.states[box].tunnel(self._ground.device)
            if taught and tunnel and tunnel.learning and there.last.role >= OVERLAY:
                self._ground.known[box, inner.source_mac] = Source(outer.source, number)

    def _underlay(self, number: int, flight: Flight) -> Event:
        """A frame of the underlay's own."""
        assert flight.departed is not None
        inner, state = flight.decoded.inner, self._ground.states[flight.sender]
        network = state.adapters.get(flight.departed.frame.device, "")
        return Event(
            number=number, seconds=self._seconds(flight), sender=flight.sender, network=network, inner=inner,
            outer=None, departed=True, flooded=is_group(inner.target_mac),
            arrivals=self._fates.underlay(flight, network), why=reasons.underlay(self._ground, flight.sender,
            flight.decoded),
        )  # fmt: skip

    def _stuck(self, number: int, flight: Flight) -> Event:
        """A frame that its sender's own stack kept."""
        inner, at = flight.decoded.inner, flight.start.last.frame.device
        unresolved = self._unresolved.get(flight.sender, "")
        return Event(
            number=number, seconds=self._seconds(flight), sender=flight.sender, network=self._subject.overlay.name,
            inner=inner, outer=None, departed=False, flooded=is_group(inner.target_mac), arrivals=(),
            why=reasons.stuck(self._ground, flight.sender, inner, at, unresolved),
        )  # fmt: skip

    def _seconds(self, flight: Flight) -> float:
        return fates.seconds(flight.start, self._start)


def _unresolved(found: list[Flight]) -> Iterator[tuple[str, str]]:
    """(box, underlay address whose MAC it asked for and was never told)."""
    own = [flight for flight in found if flight.start.role == UNDERLAY and flight.decoded.inner.protocol == "ARP"]
    answered = {(box, flight.decoded.addresses[0]) for flight in own if not flight.decoded.asks
                for box in flight.arrived}  # fmt: skip
    for flight in own:
        if flight.decoded.asks and (flight.sender, flight.decoded.asks) not in answered:
            yield flight.sender, flight.decoded.asks
