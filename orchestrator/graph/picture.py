"""The SVG: draws what `layout` has placed. No script, no font, no request; light and dark from one style sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.graph import layout, words
from orchestrator.graph.layout import APART, GAP, LARGE, NARROW, PAD, SMALL, Bar, Card, Chip
from orchestrator.model import Lab

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MARGIN, GUTTER, WIRE, LANE, BETWEEN = 36.0, 14.0, 44.0, 16.0, 56.0
LINE = 20.0
STYLES = 6
"""Looks of overlays and of networks before they come round again; each has its own dashes as well as its own colour."""

LIGHT = ("#1d4ed8", "#b45309", "#7e22ce", "#047857", "#be123c", "#0e7490")
DARK = ("#7cb0ff", "#f6b352", "#cf9bff", "#4fd6a5", "#ff8fa3", "#5fd4ea")
TINT_LIGHT = ("#e4ecff", "#fdf0dc", "#f3e8ff", "#dcf5ea", "#ffe6ea", "#dcf3f8")
TINT_DARK = ("#182a4d", "#3b2b12", "#331f4a", "#10372b", "#431a24", "#11353d")
DASHES = ("none", "10 5", "2 5", "14 4 2 4", "6 3", "14 4 2 4 2 4")


def style() -> str:
    """The style sheet: the light look, and the dark one under its media query."""
    rules = [
        ".mono,.name{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}",
        f".mono{{font-size:{SMALL:g}px}}.name{{font-size:{LARGE:g}px;font-weight:bold}}",
        ".lab{font-size:28px}.centre{text-anchor:middle}.wire,.spine{fill:none;stroke-width:2.5}",
        ".spine{stroke-width:1.5}.bar{stroke-width:2}.card,.chip,.badge{stroke-width:1.25}",
    ]
    rules += [f".d{index}{{stroke-dasharray:{dash}}}" for index, dash in enumerate(DASHES)]
    rules += _palette("#fbfcfe", "#172033", "#56617a", "#ffffff", "#a9b4c8", "#4a5770", "#e6eaf2", LIGHT, TINT_LIGHT)
    dark = _palette("#0d131f", "#eef2fa", "#a7b3ca", "#172132", "#46546d", "#a9b7d0", "#26324a", DARK, TINT_DARK)
    return "".join([*rules, "@media (prefers-color-scheme:dark){", *dark, "}"])


def _palette(
    paper: str, ink: str, faint: str, card: str, edge: str, wire: str, slab: str,
    colours: tuple[str, ...], tints: tuple[str, ...],
) -> list[str]:  # fmt: skip
    rules = [f".paper{{fill:{paper}}}.ink{{fill:{ink}}}.faint{{fill:{faint}}}"]
    rules.append(f".card{{fill:{card};stroke:{edge}}}.badge{{fill:{card};stroke:{edge}}}")
    rules.append(
        f".u{{stroke:{wire}}}.port{{fill:{wire}}}.slab{{fill:{slab};stroke:{wire}}}.chip.slab{{stroke:{edge}}}"
    )
    for index, (colour, tint) in enumerate(zip(colours, tints, strict=True)):
        rules.append(f".o{index}{{stroke:{colour}}}.p{index}{{fill:{colour}}}.t{index}{{fill:{tint};stroke:{colour}}}")
    return rules


def draw(lab: Lab) -> str:
    """The document, with a newline at the end."""
    from xml.etree.ElementTree import tostring

    return tostring(Picture(lab).root, encoding="unicode") + "\n"


class Picture:
    """The document while it is drawn, from the top down. Wires lie over boxes and under bars."""

    def __init__(self, lab: Lab) -> None:
        from xml.etree.ElementTree import Element, SubElement

        self.child = SubElement
        self.root = Element("svg", xmlns="http://www.w3.org/2000/svg", role="img")
        self.child(self.root, "title", id="title").text = words.clean(f"{lab.name}: {lab.title}")
        self.child(self.root, "desc", id="desc").text = words.clean(describe(lab))
        self.root.set("aria-labelledby", "title desc")
        self.child(self.root, "style").text = style()
        paper = self.child(self.root, "rect")
        self.floor, self.wires, self.top = (self.child(self.root, "g") for _ in range(3))
        self.spines: dict[tuple[str, int], list[tuple[float, float]]] = {}
        self.cards = [layout.card(lab, box) for box in layout.ordered(lab)]
        self.above, self.below = layout.segments(lab)
        self.height = max(map(_card_height, self.cards), default=0.0)
        rows = layout.rows(self.cards, self.height + 220)
        self.measure(lab, rows)
        bottom = self.draw(lab, rows)
        width = self.width + 2 * MARGIN + self.gutter
        self.root.attrib |= {"viewBox": f"0 0 {_n(width)} {_n(bottom)}", "width": _n(width), "height": _n(bottom)}
        paper.attrib |= {"class": "paper", "width": _n(width), "height": _n(bottom)}

    def measure(self, lab: Lab, rows: list[list[Card]]) -> None:
        """How wide the content is, how far boxes stand apart, and what is kept at the left for lines between rows."""
        tight = [sum(card.width for card in row) for row in rows]
        longest = max((len(row) for row in rows), default=0)
        self.gap = max(GAP, min(500.0, (NARROW - max(tight, default=0.0)) / max(1, longest - 1)))
        least = [segment.least for segment in (*self.above, *self.below)]
        spread = (width + self.gap * (len(row) - 1) for width, row in zip(tight, rows, strict=True))
        self.width = max(NARROW, *least, *spread)
        self.gutter = GUTTER * len(least) if len(rows) > 1 else 0.0
        self.left = MARGIN + self.gutter

    def draw(self, lab: Lab, rows: list[list[Card]]) -> float:
        """Draws everything; the y of the lower edge."""
        y = MARGIN + 22
        for line in layout.wrap(words.clean(lab.name), self.width, 28):
            self.text(line, self.left, y, "name lab ink")
            y += 30
        for line in layout.wrap(words.clean(lab.title), self.width, SMALL):
            self.text(line, self.left, y - 4, "mono faint")
            y += LINE
        y += 12
        for row in rows:
            y = self.row(row, y) + BETWEEN
        self.draw_spines()
        return y - BETWEEN + MARGIN

    def row(self, row: list[Card], y: float) -> float:
        """One row: overlays, boxes, underlays. The y of its lower edge."""
        placed = layout.place(row, self.width, self.gap)
        above = layout.bars(placed, self.above, True, self.width)
        below = layout.bars(placed, self.below, False, self.width)
        ups, downs = _lanes(above), _lanes(below)
        cards = y + sum(ups) + LANE * max(0, len(ups) - 1) + (WIRE if ups else 0)
        floor = cards + self.height
        for bar in above:
            edge = cards - WIRE - sum(ups[: bar.lane]) - LANE * bar.lane
            self.overlay(bar, edge, ups[bar.lane], cards)
        for bar in below:
            edge = floor + WIRE + sum(downs[: bar.lane]) + LANE * bar.lane
            self.underlay(bar, edge, downs[bar.lane], floor)
        for card, left in placed:
            self.card(card, left, cards)
        return floor + (WIRE if downs else 0) + sum(downs) + LANE * max(0, len(downs) - 1)

    def overlay(self, bar: Bar, edge: float, height: float, cards: float) -> None:
        """An overlay's bar, whose lower edge is `edge`, and its wires down to the boxes."""
        look = bar.segment.index % STYLES
        for x in bar.ports:
            self.wire(x, edge, cards + PAD, f"wire o{look} d{look}")
        self.bar(bar, edge - height, height, 18, f"bar t{look} d{look}")
        for x in bar.ports:
            self.child(self.top, "circle", {"class": f"p{look}", "cx": _n(x + self.left), "cy": _n(edge), "r": "6"})
        self.spines.setdefault(("o", bar.segment.index), []).append((bar.left, edge - height / 2))

    def underlay(self, bar: Bar, edge: float, height: float, floor: float) -> None:
        """An underlay network's bar, whose upper edge is `edge`, and its wires up to the boxes."""
        look = bar.segment.index % STYLES
        for x in bar.ports:
            self.wire(x, floor - PAD, edge, f"wire u d{look}")
        self.bar(bar, edge, height, 4, f"bar slab d{look}")
        for x in bar.ports:
            box = {"x": _n(x + self.left - 6), "y": _n(edge - 6), "width": "12", "height": "12", "rx": "2"}
            self.child(self.top, "rect", {"class": "port", **box})
        self.spines.setdefault(("u", bar.segment.index), []).append((bar.left, edge + height / 2))

    def bar(self, bar: Bar, y: float, height: float, radius: float, look: str) -> None:
        """A segment's stretch with its name and badges."""
        self.rect(bar.left, y, bar.right - bar.left, height, radius, look)
        x, line = bar.left + PAD, y + PAD + 13
        self.text(bar.segment.kind, x + self.left, line, "mono faint")
        x += layout.measure(bar.segment.kind, SMALL) + 4
        self.text(words.clean(bar.segment.name), x + self.left, line, "name ink")
        x += layout.measure(bar.segment.name, LARGE) + APART
        for badges in bar.lines():
            for text in badges:
                wide = layout.badge(text)
                self.rect(x, line - 17, wide, 24, 12 if radius > 4 else 3, "badge")
                self.text(words.clean(text), x + wide / 2 + self.left, line, "mono ink centre")
                x += wide + APART
            x, line = bar.left + PAD, line + 32

    def card(self, card: Card, left: float, y: float) -> None:
        """A box: tunnel devices at the top, its name in the middle, adapters at the bottom."""
        self.rect(left, y, card.width, self.height, 12, "card", self.floor)
        for chip, x in layout.chips(card, left, True):
            self.chip(chip, x, y + PAD, f"chip t{chip.segment % STYLES}")
        for chip, x in layout.chips(card, left, False):
            self.chip(chip, x, y + self.height - PAD - _chip_height(chip), "chip slab")
        top = y + PAD + _side_height(card.up)
        free = self.height - 2 * PAD - _side_height(card.up) - _side_height(card.down)
        line = top + (free - 24 * len(card.title) - LINE * len(card.notes)) / 2 + 18
        middle = left + card.width / 2 + self.left
        for text in card.title:
            self.text(text, middle, line, "name ink centre")
            line += 24
        for text in card.notes:
            self.text(text, middle, line - 3, "mono faint centre")
            line += LINE

    def chip(self, chip: Chip, x: float, y: float, look: str) -> None:
        """A device with its texts."""
        group = self.child(self.top, "g")
        self.child(group, "title").text = chip.hover
        self.rect(x, y, chip.width, _chip_height(chip), 7, look, group)
        for index, text in enumerate(chip.lines):
            self.text(text, x + chip.width / 2 + self.left, y + 19 + LINE * index, "mono ink centre", group)

    def draw_spines(self) -> None:
        """A line along the left between the bars of one segment in several rows: they are one wire."""
        for number, ((kind, index), ends) in enumerate(self.spines.items()):
            if len(ends) < 2:
                continue
            look, apart = index % STYLES, 5.0 * index
            x = _n(MARGIN + GUTTER * (number + 0.5))
            (_, top), (_, bottom) = ends[0], ends[-1]
            path = f"M{x} {_n(top + apart)}V{_n(bottom + apart)}"
            path += "".join(f"M{x} {_n(y + apart)}H{_n(left + self.left)}" for left, y in ends)
            shade = f"o{look}" if kind == "o" else "u"
            self.child(self.wires, "path", {"class": f"spine {shade} d{look}", "d": path})

    def wire(self, x: float, y: float, end: float, look: str) -> None:
        """A wire straight down."""
        self.child(self.wires, "path", {"class": look, "d": f"M{_n(x + self.left)} {_n(y)}V{_n(end)}"})

    def rect(self, x: float, y: float, width: float, height: float, radius: float, look: str,
             into: Element | None = None) -> None:  # fmt: skip
        """A rectangle; x counts from the left edge of the content."""
        size = {"width": _n(width), "height": _n(height), "rx": _n(radius)}
        place = {"x": _n(x + self.left), "y": _n(y)}
        self.child(self.top if into is None else into, "rect", {"class": look, **place, **size})

    def text(self, text: str, x: float, y: float, look: str, into: Element | None = None) -> None:
        """A line of text."""
        place = {"class": look, "x": _n(x), "y": _n(y)}
        self.child(self.top if into is None else into, "text", place).text = text


def describe(lab: Lab) -> str:
    """The picture in sentences, for who does not see it."""
    lines = [f"{len(lab.boxes)} boxes: {words.few((box.name for box in lab.boxes), 10)}."]
    lines += [f"Underlay network {network.name}, {network.subnet}, MTU {network.mtu}." for network in lab.networks]
    for overlay in lab.overlays:
        members = words.few((f"{vtep.box} {vtep.address}" for vtep in overlay.vteps), 10)
        lines.append(f"Overlay {overlay.name}, {', '.join(words.settings(overlay))}; members: {members}.")
    return " ".join(lines)


def _lanes(bars: list[Bar]) -> list[float]:
    """The height of each lane, nearest to the boxes first."""
    count = max((bar.lane for bar in bars), default=-1) + 1
    return [max(len(bar.lines()) * 32 + 18 for bar in bars if bar.lane == lane) for lane in range(count)]


def _chip_height(chip: Chip) -> float:
    return LINE * len(chip.lines) + 9


def _side_height(chips: tuple[Chip, ...]) -> float:
    return max(map(_chip_height, chips), default=0.0)


def _card_height(card: Card) -> float:
    text = 24 * len(card.title) + LINE * len(card.notes)
    return _side_height(card.up) + _side_height(card.down) + text + 2 * PAD + 28


def _n(number: float) -> str:
    """A length with a tenth of a pixel at most, the same text on every machine."""
    return f"{number:.1f}".removesuffix(".0")
