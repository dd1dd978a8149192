"""What rests on what: which check's failure follows from which other's, layer by layer. Knowledge of overlays, no more.

A check is known here by its kind: (layer, name). Layers, from the ground up: box, adapter, underlay, device, path.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from orchestrator.model import Lab
from orchestrator.verify.results import CheckResult

LAYERS = ("box", "adapter", "underlay", "device", "path")
PATHS = frozenset({"ping", "fdb", "size", "tcp", "flood", "isolation"})

RESTS_ON: dict[str, tuple[str, ...]] = {
    "up": ("exclusive", "kind"),
    "underlay": ("kind", "vni"),
    "vni": ("kind",),
    "port": ("kind",),
    "destination": ("kind", "vni"),
    "ttl": ("kind", "vni"),
    "mtu": ("kind",),
    "mac": ("kind",),
    "unique": ("kind", "mac"),
    "learning": ("kind", "vni"),
    "address": ("kind",),
    "master": ("kind",),
    "bearer-up": ("exclusive", "kind", "up", "master"),  # a bridge without a living port has no carrier
    "socket": ("exclusive", "kind", "up", "port"),
    "group": ("exclusive", "kind", "up", "destination", "underlay", "vni"),
    "default": ("kind", "destination", "underlay", "vni"),
    "static": ("kind", "default"),
}
"""A device's check → those of the same device without which it fails too."""

_ALL = PATHS
_ARP = frozenset({"ping", "fdb", "size", "tcp", "flood"})
CARRIES: dict[tuple[str, str], frozenset[str]] = {
    ("adapter", "up"): _ALL,
    ("adapter", "address"): _ALL,
    ("adapter", "mtu"): frozenset({"size", "tcp"}),
    ("underlay", "reach"): _ALL,
    ("device", "exclusive"): _ALL,
    ("device", "kind"): _ALL,
    ("device", "vni"): _ALL,
    ("device", "port"): _ALL,
    ("device", "up"): _ALL,
    ("device", "master"): _ALL,
    ("device", "bearer-up"): _ALL,
    ("device", "underlay"): _ARP,
    ("device", "destination"): _ARP,
    ("device", "group"): _ARP,
    ("device", "default"): _ARP,
    ("device", "static"): _ALL,  # what arrives from a MAC with a fixed entry elsewhere is dropped, too
    ("device", "mtu"): frozenset({"size", "tcp"}),
    ("device", "mac"): _ALL,
    ("device", "unique"): _ALL,
    ("device", "address"): frozenset({"ping", "fdb", "size", "tcp"}),
    ("device", "learning"): frozenset({"fdb"}),
}
"""What a check looks at → the checks of paths that fail at that end without it. What is missing here carries none."""


class Symptom(NamedTuple):
    """A result with its place in the layers. `ends`: the boxes that a path, or an underlay's ping, has."""

    result: CheckResult
    layer: str
    place: str
    name: str
    ends: tuple[str, ...]

    @property
    def box(self) -> str:
        """The box whose check it is."""
        return self.result.box

    @property
    def failed(self) -> bool:
        """Whether the lab is not what its file says."""
        return self.result.status == "failed"


def symptoms(lab: Lab, results: Iterable[CheckResult]) -> list[Symptom]:
    """Every result of the model's checks; those of a lab's own tests have no place in the layers."""
    overlays = {overlay.name for overlay in lab.overlays}
    addresses = {str(i.address.ip): box.name for box in lab.boxes for i in box.interfaces}
    found = []
    for result in results:
        parts = result.id.split("/")
        if len(parts) < 3:
            continue
        box, place, name, *about = parts
        if place in overlays and name in PATHS:
            # `flood` and `isolation` are about what comes from the other box; the rest begins in this one.
            ends = (about[0], box) if name in ("flood", "isolation") else (box, about[0])
            found.append(Symptom(result, "path", place, name, ends))
        elif place == "underlay":
            found.append(Symptom(result, "underlay", place, name, (box, addresses.get(about[0], about[0]))))
        else:
            layer = "device" if place in overlays else "box" if place == "lo" else "adapter"
            found.append(Symptom(result, layer, place, name, (box,)))
    return found


def follows(symptom: Symptom, failed: Iterable[Symptom], bearer: dict[tuple[str, str], str]) -> bool:
    """Whether a failure comes of another one below it. `bearer`: (box, overlay) → the adapter that carries it."""
    return any(_comes_of(symptom, other, bearer) for other in failed if other is not symptom)


def _comes_of(symptom: Symptom, other: Symptom, bearer: dict[tuple[str, str], str]) -> bool:
    if symptom.layer == "device" and other.layer == "device" and symptom.place == other.place:
        if symptom.name == "unique" and other.name == "mac":
            return True  # whoever has a wrong MAC is the one too many
        return other.box == symptom.box and other.name in RESTS_ON.get(symptom.name, ())
    if symptom.layer == "underlay":
        return other.layer == "adapter" and other.box in symptom.ends and other.name in ("up", "address")
    if symptom.layer == "path":
        return explains(other, symptom, bearer)
    return False


def explains(cause: Symptom, path: Symptom, bearer: dict[tuple[str, str], str]) -> bool:
    """Whether a failed check of a lower layer is reason enough for a path's failure."""
    carries = CARRIES.get((cause.layer, cause.name), frozenset())
    if path.layer != "path" or path.name not in carries:
        return False
    if cause.layer == "underlay":
        return set(cause.ends) == set(path.ends)
    if cause.box not in path.ends:
        return cause.name in ("mac", "unique", "address") and path.place == cause.place  # they draw others' frames
    if cause.layer == "adapter":
        return bearer.get((cause.box, path.place)) == cause.place
    return cause.place == path.place
