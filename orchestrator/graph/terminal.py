"""The terminal's tree: underlay networks with their boxes, then overlays with their members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.graph import words
from orchestrator.model import Box, Interface, Lab, Overlay

MOST = 20
"""Boxes shown under one heading; a larger lab ends with a count."""

BOLD, DIM, CYAN, GREEN = "1", "2", "36", "32"


class Node:
    """A line of the tree: cells of text, each with its ANSI style, and the lines below it."""

    def __init__(self, *cells: tuple[str, str], below: Sequence[Node] = ()) -> None:
        self.cells = [(words.clean(text), style) for text, style in cells]
        self.below = list(below)


def draw(lab: Lab, *, colour: bool) -> str:
    """The whole tree, lines joined by newlines."""
    below = [*(_network(lab, network.name) for network in lab.networks), *(_overlay(o) for o in lab.overlays)]
    root = Node((lab.name, BOLD), (lab.title, ""), below=below)
    return "\n".join(
        _line(root.cells, colour) if not mark else _paint(mark, DIM, colour) + _line(cells, colour)
        for mark, cells in _walk(root)
    )


def _network(lab: Lab, name: str) -> Node:
    network = next(network for network in lab.networks if network.name == name)
    adapters = [(box, interface) for box in lab.boxes for interface in box.interfaces if interface.network == name]
    rows = [_adapter(box, interface) for box, interface in adapters[:MOST]]
    return Node(
        ("underlay", DIM),
        (network.name, GREEN),
        (str(network.subnet), ""),
        (f"MTU {network.mtu}", ""),
        below=_align(rows) + _rest(len(adapters)),
    )


def _adapter(box: Box, interface: Interface) -> Node:
    notes = [Node((note, DIM)) for note in words.notes(box)] if interface is box.interfaces[0] else []
    return Node((box.name, BOLD), (interface.name, ""), (str(interface.address), ""), (interface.mac, DIM), below=notes)


def _overlay(overlay: Overlay) -> Node:
    rows = [
        Node(
            (vtep.box, BOLD),
            (words.device(overlay), ""),
            (str(vtep.address), ""),
            (f"over {vtep.device}", DIM),
            (words.peers(vtep, 2), ""),
        )
        for vtep in overlay.vteps[:MOST]
    ]
    settings = [(word, "") for word in words.settings(overlay)]
    return Node(("overlay", DIM), (overlay.name, CYAN), *settings, below=_align(rows) + _rest(len(overlay.vteps)))


def _rest(count: int) -> list[Node]:
    more = count - MOST
    return [Node((f"… and {more} more box{'es' * (more > 1)} (--json has all)", DIM))] if more > 0 else []


def _align(nodes: list[Node]) -> list[Node]:
    for column in zip(*(range(len(node.cells)) for node in nodes), strict=False):
        index = column[0]
        wide = max(len(node.cells[index][0]) for node in nodes)
        for node in nodes:
            text, style = node.cells[index]
            node.cells[index] = (text.ljust(wide), style)
    return nodes


def _walk(node: Node, mark: str = "", stem: str = "") -> Iterator[tuple[str, list[tuple[str, str]]]]:
    yield mark, node.cells
    for child in node.below:
        last = child is node.below[-1]
        yield from _walk(child, stem + ("└─ " if last else "├─ "), stem + ("   " if last else "│  "))


def _line(cells: list[tuple[str, str]], colour: bool) -> str:
    while cells and not cells[-1][0].strip():
        cells = cells[:-1]
    texts = [*(text for text, _ in cells[:-1]), *(text.rstrip() for text, _ in cells[-1:])]
    return "  ".join(_paint(text, style, colour) for text, (_, style) in zip(texts, cells, strict=True))


def _paint(text: str, style: str, colour: bool) -> str:
    return f"\033[{style}m{text}\033[0m" if colour and style and text else text
