"""Where everything in the picture goes: boxes in rows, overlay segments above each row, underlay segments below.

Lengths are in user units of the SVG (CSS pixels at 100 %). Text is measured by an upper bound over common fonts, so
that no browser's choice of font makes two texts meet.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import ceil, sqrt

import msgspec

from orchestrator.graph import words
from orchestrator.model import Box, Lab

SMALL, LARGE = 14.0, 19.0
PAD, GAP, APART = 16.0, 40.0, 10.0
NARROW, WIDE, ASPECT = 930.0, 1560.0, 1.6


class Chip(msgspec.Struct, frozen=True):
    """A device in a box, wired to the segment with the index `segment`. hover: what a pointer over it shows."""

    segment: int
    lines: tuple[str, ...]
    hover: str
    width: float


class Card(msgspec.Struct, frozen=True):
    """A box: its tunnel devices along the upper edge, its adapters along the lower."""

    title: tuple[str, ...]
    notes: tuple[str, ...]
    up: tuple[Chip, ...]
    down: tuple[Chip, ...]
    width: float

    def edge(self, up: bool) -> tuple[Chip, ...]:
        """The devices along one edge."""
        return self.up if up else self.down


class Segment(msgspec.Struct, frozen=True):
    """An overlay or an underlay network: what its bar says. index: its place among its own kind."""

    name: str
    index: int
    kind: str
    badges: tuple[str, ...]

    @property
    def least(self) -> float:
        """The least width of a bar that cuts no badge."""
        heading = measure(self.kind, SMALL) + measure(self.name, LARGE) + 2 * APART
        return max(heading, *(badge(text) for text in self.badges)) + 2 * PAD


class Bar(msgspec.Struct, frozen=True):
    """A segment's stretch beside one row. ports: x of every wire that ends on it; lane 0 is nearest to the boxes."""

    segment: Segment
    left: float
    right: float
    lane: int
    ports: tuple[float, ...]

    def lines(self) -> list[list[str]]:
        """The badges, broken into lines that fit."""
        room = self.right - self.left - 2 * PAD
        used = measure(self.segment.kind, SMALL) + measure(self.segment.name, LARGE) + 2 * APART
        lines: list[list[str]] = [[]]
        for text in self.segment.badges:
            if used + badge(text) > room:
                lines.append([])
                used = 0.0
            lines[-1].append(text)
            used += badge(text) + APART
        return lines


def measure(text: str, size: float) -> float:
    """An upper bound of the width of `text` in a monospaced font of `size`."""
    wide = sum(
        1.05 if unicodedata.east_asian_width(letter) in "WF" else 0.62 if letter < "\u0250" else 0.9 for letter in text
    )
    return wide * size


def badge(text: str) -> float:
    """The width of a badge with `text` in it."""
    return measure(text, SMALL) + 16


def wrap(text: str, room: float, size: float) -> tuple[str, ...]:
    """`text` in lines of at most `room`, broken after a space or hyphen where there is one, anywhere otherwise."""
    lines, line = [], ""
    for letter in text:
        if measure(line + letter, size) > room and line:
            cut = max(line.rfind(" "), line.rfind("-")) + 1 or len(line)
            lines.append(line[:cut].rstrip())
            line = line[cut:]
        line += letter
    return (*lines, line)


def card(lab: Lab, box: Box) -> Card:
    """The box as it is drawn, on its own."""
    networks = [network.name for network in lab.networks]
    many = len(box.interfaces) > 1
    up = tuple(
        chip(
            index,
            [words.device(overlay), str(vtep.address), words.towards(vtep), f"over {vtep.device}" if many else ""],
            f"{overlay.name} {vtep.mac} {words.peers(vtep, len(vtep.flood))}",
        )
        for index, overlay in enumerate(lab.overlays)
        if (vtep := overlay.vtep(box.name))
    )
    down = tuple(
        chip(networks.index(adapter.network), [adapter.name, str(adapter.address)], f"{adapter.name} {adapter.mac}")
        for adapter in box.interfaces
    )
    inner = max(190.0, *map(_side, (up, down)))
    whole = [words.clean(note).replace("via ", "via\N{NO-BREAK SPACE}") for note in words.notes(box)]
    notes = [line for note in whole for line in wrap(note, inner, SMALL)]
    name = words.clean(box.name)
    inner = max(inner, min(measure(name, LARGE), 230.0))
    return Card(wrap(name, inner, LARGE), tuple(notes), up, down, inner + 2 * PAD)


def chip(segment: int, lines: Iterable[str], hover: str) -> Chip:
    """A device with its lines of text, empty ones left out."""
    texts = tuple(words.clean(line) for line in lines if line)
    return Chip(segment, texts, words.clean(hover).strip(), max(measure(text, SMALL) for text in texts) + 20)


def _side(chips: tuple[Chip, ...]) -> float:
    return sum(chip.width for chip in chips) + APART * max(0, len(chips) - 1)


def segments(lab: Lab) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """The overlays, and the underlay networks."""
    above = tuple(
        Segment(overlay.name, index, "overlay", (*words.settings(overlay), *words.subnets(overlay)[:2]))
        for index, overlay in enumerate(lab.overlays)
    )
    below = tuple(
        Segment(network.name, index, "underlay", (str(network.subnet), f"MTU {network.mtu}"))
        for index, network in enumerate(lab.networks)
    )
    return above, below


def ordered(lab: Lab) -> list[Box]:
    """The boxes in the lab's order, except that a router stands between the networks that it joins."""
    place = {network.name: index for index, network in enumerate(lab.networks)}

    def middle(box: Box) -> float:
        return sum(place[adapter.network] for adapter in box.interfaces) / max(1, len(box.interfaces))

    return sorted(lab.boxes, key=middle)


def rows(cards: list[Card], height: float) -> list[list[Card]]:
    """The cards in rows of even length, for a picture about as wide as a screen. height: of one row, bars included."""
    total = sum(card.width + GAP for card in cards)
    count = ceil(total / max(WIDE, sqrt(total * height * ASPECT)))
    ends = [ceil(len(cards) * number / max(1, count)) for number in range(count + 1)]
    return [cards[start:end] for start, end in pairwise(ends)]


def place(row: list[Card], width: float, gap: float) -> list[tuple[Card, float]]:
    """Each card of a row with its left edge; the row stands in the middle of `width`."""
    left = (width - sum(card.width for card in row) - gap * (len(row) - 1)) / 2
    placed = []
    for item in row:
        placed.append((item, left))
        left += item.width + gap
    return placed


def chips(item: Card, left: float, up: bool) -> Iterator[tuple[Chip, float]]:
    """The devices along one edge of a card, each with its left edge."""
    edge = item.edge(up)
    x = left + (item.width - _side(edge)) / 2
    for device in edge:
        yield device, x
        x += device.width + APART


def bars(placed: list[tuple[Card, float]], all_segments: tuple[Segment, ...], up: bool, width: float) -> list[Bar]:
    """The bars above or below one row. Bars that do not meet share a lane."""
    found: list[Bar] = []
    for segment in all_segments:
        ends, ports = [], []
        for item, left in placed:
            devices = list(chips(item, left, up))
            for index, (device, x) in enumerate(devices):
                if device.segment != segment.index:
                    continue
                ports.append(x + device.width / 2)
                ends.append(left if index == 0 else x)
                ends.append(left + item.width if index == len(devices) - 1 else x + device.width)
        if ports:
            found.append(_bar(segment, min(ends), max(ends), tuple(ports), found, width))
    return found


def _bar(segment: Segment, left: float, right: float, ports: tuple[float, ...], others: list[Bar], width: float) -> Bar:
    missing = max(0.0, segment.least - (right - left))
    left = max(0.0, min(left - missing / 2, width - (right - left) - missing))
    right = max(right, left + segment.least)
    taken = {other.lane for other in others if other.left < right and left < other.right}
    lane = next(lane for lane in range(len(taken) + 1) if lane not in taken)
    return Bar(segment, left, right, lane, ports)
