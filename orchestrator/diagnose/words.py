"""A diagnosis in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.diagnose.impairments import Impairment
from orchestrator.diagnose.layers import Symptom
from orchestrator.diagnose.look import Sight
from orchestrator.model import Lab

_LOST = {
    "underlay": "the underlay's packets, whatever they carry",
    "udp": "the overlay's UDP {port} packets, while other packets of the underlay pass",
    "multicast": "packets to the group {group}, while those to one box pass",
    "overlay": "what travels inside the overlay's packets, which themselves pass",
    "tcp": "TCP segments, while ICMP passes",
    "size": "large frames, while small ones pass",
}
_SIDES = {"in": "on arrival at {box}", "out": "as {box} sends them"}


def shown(root: Symptom) -> str:
    """A cause that a device shows."""
    result = root.result
    where = result.box if root.place == "underlay" else f"{result.box}'s {root.place}"
    return f"{where}: not “{result.check}”, but {result.saw}"


def inferred(lab: Lab, cause: Impairment, place: str) -> str:
    """A cause that only paths show."""
    overlay = next((overlay for overlay in lab.overlays if overlay.name == place), None)
    values = {"box": cause.box, "port": overlay.port if overlay else "", "group": overlay.group if overlay else ""}
    what, where = _LOST[cause.stage].format(**values), _SIDES[cause.side].format(**values)
    return f"{cause.box}: lost {where}: {what}"


def reach(root: Symptom, due: Sequence[Symptom]) -> str:
    """How much follows from a cause."""
    if not due:
        return "nothing else fails because of it"
    paths = [s for s in due if s.layer in ("path", "underlay")]
    boxes = sorted({box for s in paths for box in s.ends if box != root.box})
    with_whom = f", among them the paths between {root.box} and {', '.join(boxes)}" if boxes else ""
    return f"{len(due)} other failure{'s' * (len(due) != 1)} follow{'s' * (len(due) == 1)} from it{with_whom}"


def pattern(cause: Impairment, due: Sequence[Symptom], passed: int) -> str:
    """Why it is this box, this side and this stage."""
    these = "this failure, which has" if len(due) == 1 else f"these {len(due)} failures, which all have"
    return (
        f"the devices do not explain {these} {cause.box} at an end; "
        f"{passed} checks that pass through it speak against the rest"
    )


def command(lab: Lab, root: Symptom) -> str:
    """What shows a device's state."""
    result = root.result
    run = result.evidence[-1].command if result.evidence else "ip -br addr"
    return f"labctl exec {lab.name} {result.box} -- {run}"


def look(lab: Lab, cause: Impairment, place: str, sights: Sequence[Sight]) -> str:
    """What shows where packets are lost."""
    seen = next((s for s in sights if s.box == cause.box and s.side == cause.side), None)
    if seen:
        return f"labctl exec {lab.name} {cause.box} -- {seen.command}"
    overlay = next((overlay for overlay in lab.overlays if overlay.name == place), None)
    peer = next((vtep.box for vtep in overlay.vteps if vtep.box != cause.box), "") if overlay else ""
    ends = (peer, cause.box) if cause.side == "in" else (cause.box, peer)
    return f"labctl trace {lab.name} {' '.join(ends)}"
