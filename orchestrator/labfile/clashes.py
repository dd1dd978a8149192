"""The rules between the overlays of one box: what the kernel makes only once, and how many groups it joins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from orchestrator.labfile.facts import Facts
from orchestrator.labfile.problem import printable
from orchestrator.labfile.schema import Overlay
from orchestrator.labfile.tree import FAULTY, Document

GROUPS = 20
"""Groups that one socket can join: net.ipv4.igmp_max_memberships. All devices with one port share a socket."""


class Claim(NamedTuple):
    """What only one overlay of a box can have: the key that says so ("" for the overlay's own), and the way out."""

    key: str
    what: str
    needed: str


def check(document: Document, facts: Facts) -> None:
    """Reports each pair of overlays once, however many boxes are in both."""
    owners: dict[tuple[str, str], str] = {}
    groups: dict[tuple[str, int], set[tuple[str, str]]] = {}
    for name, overlay in facts.segments():
        if overlay.members is FAULTY:
            continue
        for claim in _claims(name, overlay):
            _claim(document, name, overlay, claim, owners)
        if isinstance(overlay.group, str):
            _join(document, facts, name, overlay, groups)


def _claims(name: str, overlay: Overlay) -> Iterator[Claim]:
    if overlay.vni is not FAULTY and overlay.port is not FAULTY:
        yield Claim("vni", f"vni {overlay.vni} on port {overlay.port}", "another vni or port is needed")
    yield Claim("", f"device {printable(name)}", "another name is needed")
    if isinstance(overlay.bridge, str):
        yield Claim("bridge", f"device {overlay.bridge}", "another name is needed")


def _claim(document: Document, name: str, overlay: Overlay, claim: Claim, owners: dict[tuple[str, str], str]) -> None:
    at = ("overlays", name, claim.key) if claim.key else ("overlays", name)
    if claim.key == "bridge" and overlay.bridge == name:
        document.at(at, f"{claim.what} is the overlay's own", claim.needed)
        return
    reported: set[Any] = set()
    for box in overlay.members:
        first = owners.setdefault((box, claim.what), name)
        if first != name and first not in reported:
            reported.add(first)
            hint = f"{printable(box)} is in both, and can have it once: {claim.needed}"
            document.at(at, f"{claim.what} is {printable(first)}'s already", hint, key=not claim.key)


def _join(document: Document, facts: Facts, name: str, overlay: Overlay,
          groups: dict[tuple[str, int], set[tuple[str, str]]]) -> None:  # fmt: skip
    full = None
    for box in overlay.members:
        joined = groups.setdefault((box, overlay.port), set())
        joined.add((str(overlay.group), facts.carriers.get((name, box), "")))
        full = full or (box if len(joined) > GROUPS else None)
    if full:
        what = f"group {overlay.group} is one more than {printable(full)} can join"
        hint = f"allowed: {GROUPS} groups on one port (net.ipv4.igmp_max_memberships)"
        document.at(("overlays", name, "group"), what, hint)
