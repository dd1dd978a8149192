"""A conversation as one page of HTML that needs nothing else: the sequence drawn, each frame's headers, what was
learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator import __version__
from orchestrator.report.render import render as fill
from orchestrator.trace import text
from orchestrator.trace.model import Arrival, Entry, Event, Forwarding, Trace

_LEFT, _COLUMN, _HEAD, _ROW, _LEAST = 40, 170, 56, 56, 480
_LETTER = 7.3  # pixels of a letter of the picture's text, at most


class Line(NamedTuple):
    """An arrow's shaft."""

    x1: int
    x2: int


class Mark(NamedTuple):
    """How a frame ended in a box: where, and which way it came (1: from the left)."""

    fate: str
    x: int
    way: int


class Row(NamedTuple):
    """A frame in the picture. `x`: of its sender."""

    event: Event
    label: str
    y: int
    x: int
    shafts: tuple[Line, ...]
    marks: tuple[Mark, ...]


class Layer(NamedTuple):
    """A header of a frame: its name, and its fields as RFC 7348, section 5, calls them."""

    name: str
    fields: tuple[tuple[str, str], ...]


class Told(NamedTuple):
    """A frame in words."""

    event: Event
    title: str
    layers: tuple[Layer, ...]


class Table(NamedTuple):
    """A box's forwarding entries, each with `new`, `gone` or nothing."""

    box: str
    rows: tuple[tuple[Entry, str], ...]


class Content(NamedTuple):
    """All that the template shows."""

    trace: Trace
    title: str
    subtitle: str
    outcome: str
    good: bool
    width: int
    height: int
    lifelines: tuple[tuple[str, int], ...]
    rows: tuple[Row, ...]
    told: tuple[Told, ...]
    tables: tuple[Table, ...]
    version: str


def render(trace: Trace) -> str:
    """The page. Pure: the same text for the same trace. Imports jinja2."""
    return fill("trace.html.j2", content(trace))


def content(trace: Trace) -> Content:
    """What the page shows."""
    places = {box: _LEFT + _COLUMN * number + _COLUMN // 2 for number, box in enumerate(trace.boxes)}
    rows = tuple(_row(event, number, places) for number, event in enumerate(trace.events))
    longest = max((_LEFT + round(len(row.label) * _LETTER) for row in rows), default=0)
    return Content(
        trace=trace, title=text.title(trace), subtitle=text.subtitle(trace), outcome=text.outcome(trace),
        good=trace.answered == trace.pings, width=max(_LEFT + _COLUMN * len(places), longest, _LEAST),
        height=_HEAD + _ROW * len(rows) + 16, lifelines=tuple(places.items()), rows=rows,
        told=tuple(Told(event, text.heading(event, trace), tuple(_layers(event))) for event in trace.events),
        tables=tuple(_table(forwarding) for forwarding in trace.forwarding), version=__version__,
    )  # fmt: skip


def _row(event: Event, number: int, places: dict[str, int]) -> Row:
    start = places.get(event.sender, _LEFT)
    marks = tuple(_marks(event.arrivals, start, places))
    ends = [start, *(mark.x for mark in marks)]
    shafts = tuple(Line(start, end) for end in {min(ends), max(ends)} if end != start)
    if not event.departed:
        shafts, marks = (Line(start, start + _COLUMN // 4),), (Mark("dropped", start + _COLUMN // 4, 1),)
    label = f"{event.inner.protocol}: {event.inner.summary}"
    return Row(event, label, _HEAD + _ROW * number + 18, start, tuple(sorted(shafts)), marks)


def _marks(arrivals: Sequence[Arrival], start: int, places: dict[str, int]) -> Iterator[Mark]:
    for arrival in arrivals:
        if arrival.box in places:
            yield Mark(arrival.fate, places[arrival.box], 1 if places[arrival.box] > start else -1)


def _layers(event: Event) -> Iterator[Layer]:
    outer, inner = event.outer, event.inner
    if outer:
        macs = (("Source MAC", outer.source_mac), ("Destination MAC", outer.target_mac))
        yield Layer("Outer Ethernet", macs)
        addresses = (("Source", outer.source), ("Destination", outer.target), ("TTL", str(outer.ttl)))
        yield Layer("Outer IPv4", (*addresses, ("Protocol", "17 (UDP)")))
        yield Layer("Outer UDP", (("Source port", str(outer.source_port)), ("Destination port", str(outer.port))))
        yield Layer("VXLAN", (("VNI", str(outer.vni)),))
    name = "Inner Ethernet" if outer else "Ethernet"
    yield Layer(name, (("Source MAC", inner.source_mac), ("Destination MAC", inner.target_mac)))
    yield Layer(inner.protocol, (("", inner.summary),))


def _table(forwarding: Forwarding) -> Table:
    known = dict.fromkeys((*forwarding.before, *forwarding.after))
    rows = tuple((entry, _change(entry, forwarding)) for entry in known)
    return Table(forwarding.box, rows)


def _change(entry: Entry, forwarding: Forwarding) -> str:
    if entry not in forwarding.before:
        return "new"
    return "" if entry in forwarding.after else "gone"
