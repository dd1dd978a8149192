"""How far a frame came in each box that could have received it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from orchestrator.model import Overlay
from orchestrator.trace import reasons
from orchestrator.trace.decode import Decoded
from orchestrator.trace.ground import Ground, is_group, is_multicast
from orchestrator.trace.model import Arrival, Outer
from orchestrator.trace.sightings import BEARER, UNDERLAY, Flight, Sighting

Fate = Literal["taken", "ignored", "dropped", "lost"]


def seconds(sighting: Sighting, start: int) -> float:
    """When something was seen, in seconds since the first event, to the microsecond."""
    return round((sighting.frame.nanoseconds - start) / 1e9, 6)


class Fates(NamedTuple):
    """What decides on them. source, target: the boxes of the conversation; start: see `seconds`."""

    overlay: Overlay
    source: str
    target: str
    ground: Ground
    start: int

    def carried(self, flight: Flight, decoded: Decoded, outer: Outer) -> tuple[Arrival, ...]:
        """Of a frame inside VXLAN."""
        return tuple(self._carried(flight, box, decoded, outer) for box in self._could(flight, decoded, outer))

    def _could(self, flight: Flight, decoded: Decoded, outer: Outer) -> Iterator[str]:
        """The boxes that could have received it, in the lab's order."""
        members = {vtep.box for vtep in self.overlay.vteps} - {flight.sender}
        if is_multicast(outer.target):
            wanted = members
        else:
            holder = self.ground.holder(outer.target)
            other = self.source if flight.sender == self.target else self.target
            wanted = {holder if holder and holder != flight.sender else other}
            wanted |= set(self._on_the_way(flight, wanted))
        for box in self.ground.states:
            if box in wanted or (box in flight.arrived and self._meant(flight.arrived[box])):
                yield box

    def _on_the_way(self, flight: Flight, wanted: set[str]) -> Iterator[str]:
        """The routers of the sender's network, where the packet has to leave it and did not arrive."""
        network = self._network(flight)
        if any(network in self.ground.states[box].adapters.values() or box in flight.arrived for box in wanted):
            return
        members = {vtep.box for vtep in self.overlay.vteps}
        for box, state in self.ground.states.items():
            if box not in members and network in state.adapters.values():
                yield box

    def _meant(self, there: Sighting) -> bool:
        """Whether a frame that came to an adapter was for it; a switch may flood what is for another."""
        mac = there.decoded.outer.target_mac if there.decoded.outer else there.decoded.inner.target_mac
        return is_group(mac) or mac == self.ground.states[there.box].mac(there.frame.device)

    def _network(self, flight: Flight) -> str:
        device = flight.departed.frame.device if flight.departed else ""
        return self.ground.states[flight.sender].adapters.get(device, "")

    def _carried(self, flight: Flight, box: str, decoded: Decoded, outer: Outer) -> Arrival:
        state, there = self.ground.states[box], flight.arrived.get(box)
        if there is None:
            network = self._network(flight)
            far = is_multicast(outer.target) and network not in state.adapters.values()
            why = (f"{box} is on another network than {flight.sender}, and no router there forwards groups." if far
                   else reasons.lost(self.ground, box, outer, network))  # fmt: skip
            return self._arrival(box, "lost", None, why)
        router = not is_multicast(outer.target) and outer.target not in state.addresses()
        if router and box in flight.forwarded:
            onward = flight.forwarded[box].decoded.outer
            ttl = f", with an outer TTL of {onward.ttl}" if onward else ""
            return self._arrival(box, "taken", there,
                                 f"{box} routes it onward over {flight.forwarded[box].frame.device}{ttl}.")  # fmt: skip
        if router:
            return self._arrival(box, "dropped", there, reasons.not_routed(self.ground, box, outer))
        if there.last.role == UNDERLAY:
            return self._arrival(box, "dropped", there, reasons.dropped(self.ground, box, decoded.inner, outer))
        return self._delivered(there, decoded, outer)

    def _delivered(self, there: Sighting, decoded: Decoded, outer: Outer) -> Arrival:
        """A frame that came out of the tunnel device."""
        box, ground, inner = there.box, self.ground, decoded.inner
        state = ground.states[box]
        mine = state.mac(ground.bearer) == inner.target_mac or is_group(inner.target_mac)
        learned = reasons.learning(ground, box, inner, outer)
        if mine and ground.bearer != ground.device and there.last.role != BEARER:
            why = f"It came out of {ground.device}, and {ground.bearer} did not hand it up."
            return self._arrival(box, "dropped", there, why)
        fate: Fate = "taken"
        if decoded.asks and decoded.asks in state.addresses(ground.bearer):
            why = f"{box} has {decoded.asks}: it is to answer."
        elif decoded.asks and is_group(inner.target_mac):
            fate, why = "ignored", f"It asks for {decoded.asks}, which is not {box}'s: {box} keeps silent."
        elif mine:
            why = f"The inner target MAC is that of {ground.bearer} in {box}."
        else:
            owner = ground.owner(inner.target_mac)
            fate, why = "ignored", f"The inner target MAC is {owner + chr(39) + 's' if owner else 'not its own'}."
        return self._arrival(box, fate, there, f"{why} {learned}".strip())

    def underlay(self, flight: Flight, network: str) -> tuple[Arrival, ...]:
        """Of a frame of the underlay's own."""
        return tuple(self._underlay(flight, network))

    def _underlay(self, flight: Flight, network: str) -> Iterator[Arrival]:
        decoded = flight.decoded
        group = is_group(decoded.inner.target_mac)
        for box, state in self.ground.states.items():
            there = flight.arrived.get(box)
            near = [name for name, on in state.adapters.items() if on == network]
            wanted = (group and near) or decoded.inner.target_mac in [state.mac(name) for name in near]
            if box == flight.sender or not (wanted or (there and self._meant(there))):
                continue
            if there is None:
                down = [name for name in near if not state.up(name)]
                why = f"{down[0]} is down in {box}." if down else f"{box}'s adapter never saw it."
                yield self._arrival(box, "lost", None, why)
            elif decoded.inner.protocol == "IGMP":
                yield self._arrival(box, "ignored", there, "It is for switches and multicast routers.")
            elif decoded.asks and decoded.asks not in state.addresses():
                yield self._arrival(box, "ignored", there, f"{decoded.asks} is not {box}'s.")
            else:
                yield self._arrival(box, "taken", there, f"It is for {box}'s {there.frame.device}.")

    def _arrival(self, box: str, fate: Fate, there: Sighting | None, why: str) -> Arrival:
        return Arrival(box=box, fate=fate, seconds=seconds(there, self.start) if there else None, why=why)
