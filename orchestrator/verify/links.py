"""What a box says of its devices: parsed, searched, and whether they can carry anything at all. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from orchestrator.model import Interface, Lab, Overlay, Vtep
from orchestrator.verify.script import CannotRunError, Record

Seen = dict[str, Any]
"""An object of `ip -j` or `bridge -j`."""


def parse(record: Record) -> list[Seen]:
    """The JSON list that a command printed. Raises CannotRunError where it failed or printed anything else."""
    if record.returncode != 0:
        raise CannotRunError(f"{' '.join(record.argv)} failed", (record.evidence,))
    try:
        rows = json.loads(record.output or "[]")
    except ValueError as error:
        raise CannotRunError(f"{' '.join(record.argv)} printed no JSON: {error}", (record.evidence,)) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CannotRunError(f"{' '.join(record.argv)} printed other JSON than a list", (record.evidence,))
    return rows


def named(rows: Sequence[Seen], name: str) -> Seen | None:
    """The device of that name."""
    return next((row for row in rows if row.get("ifname") == name), None)


def adapter(rows: Sequence[Seen], interface: Interface) -> Seen | None:
    """A box's adapter: by its MAC, because a box may call it by another name; then by the MAC that it was made with,
    which ip-link(8) calls permaddr where another was set; by its name where no MAC is right.
    """
    rows = sorted(rows, key=lambda row: row.get("ifname") != interface.name)
    for mac in ("address", "permaddr"):
        for row in rows:
            if row.get(mac) == interface.mac and "info_kind" not in _virtual(row):
                return row
    return named(rows, interface.name)


def _virtual(row: Seen) -> Seen:
    """What makes a device virtual; a veth stands for a real adapter."""
    info: Seen = row.get("linkinfo", {})
    return {} if info.get("info_kind") == "veth" else info


def living(rows: Sequence[Seen], lab: Lab, box: str) -> set[str]:
    """Of a box's addresses in the lab, those that may answer: their devices are up and bear them."""
    interfaces = lab.box(box).interfaces
    there = {str(i.address.ip) for i in interfaces if _bears(adapter(rows, i), str(i.address.ip))}
    ends = [(overlay, vtep) for overlay, vtep in lab.vteps(box) if str(vtep.underlay) in there]
    return there | {str(vtep.address.ip) for overlay, vtep in ends if _alive(rows, overlay, vtep)}


def _alive(rows: Sequence[Seen], overlay: Overlay, vtep: Vtep) -> bool:
    return _up(named(rows, overlay.name)) and _bears(named(rows, overlay.bearer), str(vtep.address.ip))


def _up(row: Seen | None) -> bool:
    return row is not None and {"UP", "LOWER_UP"} <= set(row.get("flags", ()))


def _bears(row: Seen | None, address: str) -> bool:
    return row is not None and _up(row) and any(entry.get("local") == address for entry in row.get("addr_info", ()))
