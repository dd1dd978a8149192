"""A conversation on a terminal: a lifeline a box, an arrow a frame, and what explains it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from orchestrator.trace.journey import last_seen
from orchestrator.trace.model import Arrival, Entry, Event, Forwarding, Inner, Outer, Trace

_MARKS = {"taken": "●", "ignored": "○", "dropped": "✗", "lost": "·"}
_COLOURS = {"taken": 32, "ignored": 2, "dropped": 31, "lost": 31}
_LEGEND = "■ sends   ═ flooded   ─ to one   ● taken   ○ ignored   ✗ dropped   · lost on the way"
_MARGIN = 5  # the event's number, and a space
_COLUMN = 9  # the least room for a lifeline


def render(trace: Trace, *, colour: bool, width: int) -> str:
    """The conversation as text, `width` columns wide; with many boxes a list of who got what, not a drawing."""
    paint = _Paint(colour)
    lines = [*(paint(1, line) for line in _wrapped(title(trace), 0, width)), *_wrapped(subtitle(trace), 0, width), ""]
    columns = _columns(trace.boxes, width)
    if columns:
        lines += [_heads(trace.boxes, columns), _lifelines(columns), ""]
    for event in trace.events:
        lines += [*_event(event, trace, columns, width, paint), ""]
    if columns and trace.events:
        lines += [*_wrapped(_LEGEND, 0, width), ""]
    for forwarding in trace.forwarding:
        lines += _learned(forwarding, trace, paint)
    lines += ["", *_wrapped(outcome(trace), 0, width)]
    for sentence in (*trace.remarks, *filter(None, [trace.truncated])):
        lines += _wrapped(sentence, 0, width)
    return _safe("\n".join(lines)) if not colour else "\n".join(lines)


class _Paint:
    """Colours text (ECMA-48, select graphic rendition), or does not; what it colours can hold no control character."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, code: int, text: str) -> str:
        return f"\x1b[{code}m{_safe(text)}\x1b[0m" if self._colour else text


def _safe(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def title(trace: Trace) -> str:
    """What was done, in a line."""
    pings = "One ping" if trace.pings == 1 else f"{trace.pings} pings"
    return f"{pings} from {trace.source} to {trace.target} on {trace.overlay} of {trace.lab}, VNI {trace.vni}"


def subtitle(trace: Trace) -> str:
    """How it began."""
    if trace.emptied:
        return "What the boxes had learned was emptied before, so that everything has to be found out."
    return "What the boxes had learned before was kept."


def _wrapped(text: str, indent: int, width: int, hanging: int = 0) -> list[str]:
    first, others = " " * indent, " " * (indent + hanging)
    return textwrap.wrap(
        _safe(text), max(width, indent + 20), initial_indent=first, subsequent_indent=others, break_on_hyphens=False
    )


def _columns(boxes: Sequence[str], width: int) -> list[int]:
    """Where the lifelines are; none where there is no room for them."""
    room = max(_COLUMN, *(len(box) + 2 for box in boxes), min(20, (width - _MARGIN) // max(len(boxes), 1)))
    if _MARGIN + room * len(boxes) > width:
        return []
    return [_MARGIN + room * number + room // 2 for number in range(len(boxes))]


def _heads(boxes: Sequence[str], columns: Sequence[int]) -> str:
    line = ""
    for box, column in zip(boxes, columns, strict=True):
        line = line.ljust(column - len(box) // 2) + box
    return line


def _lifelines(columns: Sequence[int]) -> str:
    return "".join("│" if place in columns else " " for place in range(columns[-1] + 1))


def _event(event: Event, trace: Trace, columns: Sequence[int], width: int, paint: _Paint) -> Iterator[str]:
    if columns:
        yield _arrow(event, trace.boxes, columns, paint)
        yield _lifelines(columns)
    number = "" if columns else f"{event.number}. "
    yield from _wrapped(number + heading(event, trace), _MARGIN, width)
    for line in _headers(event):
        yield from (paint(2, part) for part in _wrapped(line, _MARGIN, width, 7))
    yield from _wrapped(event.why, _MARGIN, width)
    for arrival in event.arrivals:
        mark = _MARKS[arrival.fate]
        first, *rest = _wrapped(f"{mark} {arrival.box}: {arrival.fate}. {arrival.why}", _MARGIN, width, 2)
        yield paint(_COLOURS[arrival.fate], first)
        yield from (paint(_COLOURS[arrival.fate], line) for line in rest)


def heading(event: Event, trace: Trace) -> str:
    """Who does what."""
    where = "" if event.network == trace.overlay else f", on the underlay {event.network}"
    how = "floods" if event.flooded else "sends"
    return f"{event.sender} {how} {event.inner.protocol}{where}: {event.inner.summary}"


def _headers(event: Event) -> Iterator[str]:
    outer, inner = event.outer, event.inner
    if outer:
        yield (f"outer  {outer.source} > {outer.target}, TTL {outer.ttl}, UDP {outer.source_port} > {outer.port}, "
               f"VNI {outer.vni}, {outer.length} bytes, {outer.source_mac} > {outer.target_mac}")  # fmt: skip
    yield f"{'inner  ' if outer else 'frame  '}{inner.source_mac} > {inner.target_mac}, {inner.length} bytes"


def _arrow(event: Event, boxes: Sequence[str], columns: Sequence[int], paint: _Paint) -> str:
    """The frame's line: from its sender to everyone who could have it."""
    cells = list(_lifelines(columns))
    places = dict(zip(boxes, columns, strict=True))
    start, stroke = places.get(event.sender, columns[0]), "═" if event.flooded else "─"
    arrivals = [arrival for arrival in event.arrivals if arrival.box in places]
    ends = [places[arrival.box] for arrival in arrivals]
    for side in (min([start, *ends]), max([start, *ends])):
        for place in range(min(start, side) + 1, max(start, side)):
            cells[place] = stroke if place not in columns else "╪" if event.flooded else "┼"
    for arrival, end in zip(arrivals, ends, strict=True):
        _arrive(cells, arrival, end, start)
    cells[start] = "■"
    if not event.departed:
        cells[start + 1 : start + 3] = [stroke, "✗"]
    return f"{event.number:>3}  " + _painted(cells[_MARGIN:], event, paint)


def _arrive(cells: list[str], arrival: Arrival, end: int, start: int) -> None:
    cells[end] = _MARKS[arrival.fate]
    if arrival.fate == "lost":
        return
    cells[end - 1 if end > start else end + 1] = "▶" if end > start else "◀"


def _painted(cells: Sequence[str], event: Event, paint: _Paint) -> str:
    colours = {"●": 32, "✗": 31, "·": 31, "○": 2, "│": 2}
    return "".join(paint(33 if cell in "═╪" else colours.get(cell, 0), cell) if cell != " " else cell for cell in cells)


def _learned(forwarding: Forwarding, trace: Trace, paint: _Paint) -> Iterator[str]:
    """A box's forwarding entries before and after; a sign marks what came or went."""
    yield f"forwarding entries of {forwarding.box}'s {trace.overlay}"
    for entry in (*forwarding.before, *(each for each in forwarding.after if each not in forwarding.before)):
        gone, new = entry not in forwarding.after, entry not in forwarding.before
        line = f"  {'+' if new else '-' if gone else ' '} {_entry(entry)}"
        yield paint(32 if new else 31 if gone else 0, line) if new or gone else line


def _entry(entry: Entry) -> str:
    return f"{entry.mac} at {entry.target}, {entry.state}"


def outcome(trace: Trace) -> str:
    """How it ended; where a frame was last seen, if there was no answer."""
    if trace.answered == trace.pings:
        return "The ping was answered." if trace.pings == 1 else f"All {trace.pings} pings were answered."
    which = "The ping had no answer." if trace.pings == 1 else f"{trace.answered} of {trace.pings} pings were answered."
    there = last_seen(trace, trace.source, trace.target)
    seen = there if there.place != "taken" else last_seen(trace, trace.target, trace.source)
    return f"{which} A frame was last seen at {seen.box}: {seen.why}"


def frame(outer: Outer | None, inner: Inner) -> str:
    """A frame on one line: the inner one first, for that is what the overlay is about."""
    text = f"{inner.source_mac} > {inner.target_mac} {inner.protocol} {inner.summary}"
    if outer:
        text += (f"  [VXLAN {outer.vni}, {outer.source} > {outer.target} port {outer.port}, ttl {outer.ttl}, "
                 f"{outer.source_mac} > {outer.target_mac}]")  # fmt: skip
    return text
