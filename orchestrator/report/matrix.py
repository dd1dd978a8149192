"""Who reaches whom: a table for the underlay and one for each overlay, from the results of the pings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orchestrator.model import Lab, Overlay
from orchestrator.verify.results import CheckResult

Known = Mapping[str, tuple[str, CheckResult]]
"""By a result's id: its anchor in the page, and the result."""


class Cell(NamedTuple):
    """One pair. `status`: its check's; "own" on the diagonal, "unasked" where no check asked: both have no anchor."""

    status: str
    anchor: str = ""


class Matrix(NamedTuple):
    """`columns`: whom: (box, address); `rows`: who: (box, its cells in the order of the columns)."""

    title: str
    about: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def matrices(lab: Lab, known: Known) -> Iterator[Matrix]:
    """The underlay's table, and then the overlays'."""
    addresses = [(box.name, str(adapter.address.ip)) for box in lab.boxes for adapter in box.interfaces]
    asked = [("underlay/reach/" + address, box) for box, address in addresses]
    networks = ", ".join(f"{network.name} {network.subnet}" for network in lab.networks)
    yield _matrix("Underlay", networks, [box.name for box in lab.boxes], addresses, asked, known)
    for overlay in lab.overlays:
        yield _overlay(overlay, known)


def _overlay(overlay: Overlay, known: Known) -> Matrix:
    members = [(vtep.box, str(vtep.address.ip)) for vtep in overlay.vteps]
    asked = [(f"{overlay.name}/ping/{box}", box) for box, _ in members]
    return _matrix(f"Overlay {overlay.name}", f"VNI {overlay.vni}", [box for box, _ in members], members, asked, known)


def _matrix(
    title: str, about: str, boxes: Sequence[str], columns: Sequence[tuple[str, str]], asked: Sequence[tuple[str, str]],
    known: Known,
) -> Matrix:  # fmt: skip
    rows = tuple((me, tuple(_cell(me, box, f"{me}/{rest}", known) for rest, box in asked)) for me in boxes)
    return Matrix(title, about, tuple(columns), rows)


def _cell(me: str, other: str, identity: str, known: Known) -> Cell:
    if me == other:
        return Cell("own")
    if identity not in known:
        return Cell("unasked")
    anchor, result = known[identity]
    return Cell(result.status, anchor)
