"""How far a box's frames came on their way to another: the answer in one value, for who looks for what is broken."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from orchestrator.trace.model import Arrival, Event, Trace

Place = Literal["nowhere", "sender", "underlay", "adapter", "device", "taken"]

_PLACES: dict[str, Place] = {"taken": "taken", "ignored": "device", "dropped": "adapter", "lost": "underlay"}


class LastSeen(Struct, frozen=True, kw_only=True):
    """Where the last frame of a box to another was last seen. frame: the event's number, 0 where there is none.

    place: `nowhere` (it sent none into the overlay), `sender` (on its own overlay device only), `underlay` (it left
    and came nowhere), `adapter` (at the underlay adapter of `box`, a router perhaps, which dropped it), `device` (out
    of the overlay device of `box`, which has no use for it) or `taken`; why: the sentence that explains it.
    """

    box: str
    place: Place
    frame: int
    why: str


def last_seen(trace: Trace, sender: str, receiver: str) -> LastSeen:
    """How far the latest frame that `sender` sent to `receiver` in the overlay came."""
    sent = [event for event in trace.events if event.sender == sender and event.network == trace.overlay]
    if not sent:
        words = " ".join(trace.remarks) or f"{sender} sent nothing on {trace.overlay}."
        return LastSeen(box=sender, place="nowhere", frame=0, why=words)
    meant = [event for event in sent if not event.departed or _arrival(event, receiver)]
    return _furthest((meant or sent)[-1], receiver)


def _furthest(event: Event, receiver: str) -> LastSeen:
    if not event.departed:
        return LastSeen(box=event.sender, place="sender", frame=event.number, why=event.why)
    there = _arrival(event, receiver)
    if there is None or there.fate == "lost":
        # Another box, a router or a wrong target, may have had it.
        there = next((arrival for arrival in event.arrivals if arrival.fate == "dropped"), there)
    if there is None:
        there = next(iter(event.arrivals), None)
    if there is None:
        return LastSeen(box=event.sender, place="underlay", frame=event.number, why=event.why)
    box = event.sender if there.fate == "lost" else there.box
    return LastSeen(box=box, place=_PLACES[there.fate], frame=event.number, why=there.why)


def _arrival(event: Event, box: str) -> Arrival | None:
    return next((arrival for arrival in event.arrivals if arrival.box == box), None)
