"""From what each device saw to frames on their way: which sightings are one and the same frame.

A frame is known by its bytes and by how often they came, never by comparing clocks of different boxes. Within a box its
own clock tells what followed from what.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from orchestrator.trace.capture import Frame
from orchestrator.trace.decode import Decoded, decode

UNDERLAY, OVERLAY, BEARER = range(3)
"""What a device is, in the order in which a frame that arrives passes them; one that leaves passes them backwards."""

Roles = Mapping[tuple[str, str], int]
"""(box, device) → what the device is."""


@dataclass(eq=False, slots=True)
class Sighting:
    """A frame at a device. before: where the same frame was in this box just before; onward: whether it went on."""

    frame: Frame
    role: int
    decoded: Decoded
    before: Sighting | None = None
    onward: Sighting | None = None

    @property
    def box(self) -> str:
        """Where it was."""
        return self.frame.box

    @property
    def first(self) -> Sighting:
        """Where the frame was first seen in this box."""
        return self.before.first if self.before else self

    @property
    def last(self) -> Sighting:
        """How far the frame came in this box."""
        return self.onward.last if self.onward else self


class Flight(NamedTuple):
    """A frame on its way, or one copy of it. start: where it was first seen in its sender; departed: at the sender's
    underlay adapter, None where it never came there; arrived, forwarded: by box, where it came in and went on.
    """

    sender: str
    start: Sighting
    departed: Sighting | None
    arrived: dict[str, Sighting]
    forwarded: dict[str, Sighting]

    @property
    def decoded(self) -> Decoded:
        """What it is, as far out as it was seen."""
        return (self.departed or self.start.last).decoded


def sightings(frames: Iterable[Frame], roles: Roles, ports: frozenset[int]) -> list[Sighting]:
    """All that was seen, in order, those of one box linked to each other."""
    read = cache(lambda data: decode(data, ports))
    found = [Sighting(frame, role, _decoded(read(frame.data), role)) for frame in frames
             if (role := roles[frame.box, frame.device]) is not None]  # fmt: skip
    found.sort(key=lambda each: (each.frame.nanoseconds, -each.role if each.frame.outgoing else each.role))
    for box in {each.box for each in found}:
        mine = [each for each in found if each.box == box]
        _link_departures([each for each in mine if each.frame.outgoing])
        _link_arrivals([each for each in mine if not each.frame.outgoing])
    return found


def _decoded(decoded: Decoded, role: int) -> Decoded:
    """On an overlay device even VXLAN is mere content: a tunnel through a tunnel is somebody else's."""
    return decoded if role == UNDERLAY else decoded._replace(outer=None)


def _link_departures(outgoing: Sequence[Sighting]) -> None:
    """Each follows from the latest of the same bytes one device further in; copies follow from the same one."""
    latest: dict[tuple[int, bytes], Sighting] = {}
    for each in outgoing:
        payload = each.decoded.payload
        if each.role != UNDERLAY or each.decoded.outer:
            each.before = latest.get((each.role + 1, payload))
            if each.before:
                each.before.onward = each
        latest[each.role, payload] = each


def _link_arrivals(incoming: Sequence[Sighting]) -> None:
    """Each follows from the latest of the same bytes one device further out that nothing followed from yet."""
    waiting: dict[tuple[int, bytes], list[Sighting]] = defaultdict(list)
    for each in incoming:
        payload = each.decoded.payload
        if each.role and waiting[each.role - 1, payload]:
            each.before = waiting[each.role - 1, payload].pop()
            each.before.onward = each
        if each.role or each.decoded.outer:
            waiting[each.role, payload].append(each)


def flights(seen: Sequence[Sighting]) -> list[Flight]:
    """Every frame that a box sent, in the order in which they set out."""
    found = [*_departed(seen), *_stuck(seen)]
    return sorted(found, key=lambda each: (
        each.start.frame.nanoseconds, each.departed.frame.nanoseconds if each.departed else 0
    ))  # fmt: skip


def _departed(seen: Sequence[Sighting]) -> Iterator[Flight]:
    """A box that sends what it had not received is the sender; the others received it, and perhaps sent it on."""
    groups: dict[object, list[Sighting]] = defaultdict(list)
    for each in seen:
        if each.role == UNDERLAY:
            groups[each.decoded.key].append(each)
    for group in groups.values():
        into, out = _by_box(group, outgoing=False), _by_box(group, outgoing=True)
        for sender in [box for box in out if box not in into]:
            for number, departed in enumerate(out[sender]):
                yield Flight(
                    sender, departed.first, departed,
                    {box: there[number] for box, there in into.items() if number < len(there)},
                    {box: there[number] for box, there in out.items() if box in into and number < len(there)},
                )  # fmt: skip


def _by_box(group: Sequence[Sighting], *, outgoing: bool) -> dict[str, list[Sighting]]:
    """The sightings at the first device of each box that had any: two adapters on one network see all twice."""
    found: dict[str, list[Sighting]] = {}
    for each in group:
        if each.frame.outgoing == outgoing:
            there = found.setdefault(each.box, [])
            if not there or there[0].frame.device == each.frame.device:
                there.append(each)
    return found


def _stuck(seen: Sequence[Sighting]) -> Iterator[Flight]:
    """What was sent into the overlay and never came out at an underlay adapter of the sender's."""
    for each in seen:
        if each.frame.outgoing and each.role != UNDERLAY and each.onward is None:
            yield Flight(each.box, each.first, None, {}, {})
