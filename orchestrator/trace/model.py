"""A conversation as it was captured: every frame once, who sent it, how far it came, and why. Frozen values."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Inner(Struct, frozen=True, kw_only=True):
    """A frame as the box's own stack sees it. `protocol`: ARP, ICMP and so on; `summary`: one line for people."""

    source_mac: str
    target_mac: str
    protocol: str
    summary: str
    length: int


class Outer(Struct, frozen=True, kw_only=True):
    """What is put around a frame to carry it over the underlay (RFC 7348, section 5)."""

    source_mac: str
    target_mac: str
    source: str
    target: str
    ttl: int
    source_port: int
    port: int
    vni: int
    length: int


class Arrival(Struct, frozen=True, kw_only=True):
    """How far a frame came in one box.

    fate: `taken` (the stack acted on it or it is addressed to it), `ignored` (it arrived whole and is for somebody
    else), `dropped` (seen on the underlay adapter, and not on the overlay device), `lost` (expected and never seen).
    """

    box: str
    fate: Literal["taken", "ignored", "dropped", "lost"]
    seconds: float | None
    why: str


class Event(Struct, frozen=True, kw_only=True):
    """One frame. `seconds`: since the first event; `network`: the underlay network, or the overlay, that it is on.

    outer: None for a frame of the underlay itself, and for one that never left its sender; departed: whether it was
    seen to leave the sender's underlay adapter; flooded: sent to all, not to one; why: what explains the event.
    """

    number: int
    seconds: float
    sender: str
    network: str
    inner: Inner
    outer: Outer | None
    departed: bool
    flooded: bool
    arrivals: tuple[Arrival, ...]
    why: str


class Entry(Struct, frozen=True, kw_only=True):
    """A forwarding entry of a box's overlay device. state: `permanent`, or `learned`."""

    mac: str
    target: str
    state: str


class Forwarding(Struct, frozen=True, kw_only=True):
    """A box's forwarding database, before the conversation and after it."""

    box: str
    before: tuple[Entry, ...]
    after: tuple[Entry, ...]


class Trace(Struct, frozen=True, kw_only=True):
    """A whole conversation. `pings`: how many were sent; `answered`: how many had an answer; `emptied`: whether what
    was learned was emptied before; `truncated`: the sentence that says what a limit left out, empty if nothing was.
    remarks: sentences on what is amiss besides, such as a device that is not there or a ping that could not be sent.
    """

    lab: str
    title: str
    provider: str
    overlay: str
    vni: int
    source: str
    target: str
    pings: int
    answered: int
    emptied: bool
    boxes: tuple[str, ...]
    events: tuple[Event, ...]
    forwarding: tuple[Forwarding, ...]
    truncated: str = ""
    remarks: tuple[str, ...] = ()
