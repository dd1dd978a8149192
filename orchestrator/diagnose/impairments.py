"""What no device shows: where, on its way, does something get lost? The impairment that would fail just what failed.

Every check of a path is a few transmissions between two boxes. An impairment is one box's sending or receiving side at
one stage; what it would fail is compared with what failed and with what passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from orchestrator.diagnose.layers import Symptom

Stage = Literal["underlay", "udp", "multicast", "overlay", "tcp", "size"]
Side = Literal["in", "out"]

_ABOVE: dict[Stage, frozenset[Stage]] = {
    "underlay": frozenset({"underlay", "udp", "multicast", "overlay", "tcp", "size"}),
    "udp": frozenset({"udp", "multicast", "overlay", "tcp", "size"}),
    "multicast": frozenset({"multicast"}),
    "overlay": frozenset({"overlay", "tcp", "size"}),
    "tcp": frozenset({"tcp"}),
    "size": frozenset({"size"}),
}
"""A stage → those that are lost with it."""


class Impairment(NamedTuple):
    """Packets of a stage are lost at a box, as it sends (`out`) or receives (`in`) them."""

    box: str
    side: Side
    stage: Stage

    @property
    def name(self) -> str:
        """As findings call it: udp-in, multicast-out and so on."""
        return f"{self.stage}-{self.side}"


class Heard(NamedTuple):
    """An observation: packets of a stage went from a box to another, or did not.

    perhaps: those that may have been needed, if either did not know its neighbour yet (ARP); they count only where the
    answer did not come.
    """

    stages: tuple[tuple[str, str, Stage], ...]
    arrived: bool
    perhaps: tuple[tuple[str, str, Stage], ...] = ()


def observations(paths: Sequence[Symptom]) -> Iterator[Heard]:
    """What checks of paths say about packets."""
    for symptom in paths:
        a, b = symptom.ends
        arrived = not symptom.failed
        arp: tuple[tuple[str, str, Stage], ...] = ((a, b, "multicast"), (b, a, "multicast"))
        match symptom.name:
            case "reach":
                yield Heard(((a, b, "underlay"), (b, a, "underlay")), arrived)
            case "isolation":
                if arrived or "not delivered" in symptom.result.saw.split(",")[0]:
                    yield Heard(((a, b, "udp"),), arrived)
            case "flood":
                yield Heard(((a, b, "multicast"),), arrived)
                for other in _others(symptom):
                    if other not in (a, b):
                        yield Heard(((other, b, "multicast"),), True)
            case "ping":
                yield Heard(((a, b, "overlay"), (b, a, "overlay")), arrived, arp)
            case "tcp":
                yield Heard(((a, b, "tcp"), (b, a, "tcp")), arrived, arp)
            case "size":
                yield Heard(((a, b, "size"), (b, a, "size")), arrived, arp)


def _others(symptom: Symptom) -> Iterator[str]:
    """The boxes whose flooded frames were heard besides, as the receiver's probe says it: the last evidence."""
    for evidence in symptom.result.evidence[-1:]:
        for line in evidence.output.splitlines():
            if line.startswith("frames\t"):
                words = line.split("\t")[-1].split()
                yield from (word.removeprefix("flood/") for word in words if word.startswith("flood/"))


def candidates(paths: Sequence[Symptom], overlay_group: bool) -> Iterator[Impairment]:
    """Every impairment that could be."""
    boxes = list(dict.fromkeys(box for symptom in paths for box in symptom.ends))
    stages: tuple[Stage, ...] = ("underlay", "udp", "overlay", "tcp", "size")
    for stage in (*stages, "multicast") if overlay_group else stages:
        for box in boxes:
            yield Impairment(box, "in", stage)
            yield Impairment(box, "out", stage)


def lost(impairment: Impairment, heard: Heard) -> bool:
    """Whether what was observed would have failed with this impairment."""
    above = _ABOVE[impairment.stage]
    stages = heard.stages if heard.arrived else (*heard.stages, *heard.perhaps)
    return any(
        stage in above and impairment.box == (target if impairment.side == "in" else source)
        for source, target, stage in stages
    )


def score(impairment: Impairment, heard: Sequence[Heard]) -> tuple[int, int]:
    """How many failures it explains, and how much of the rest contradicts it (the less the better)."""
    explained = sum(lost(impairment, one) for one in heard if not one.arrived)
    contradicted = sum(lost(impairment, one) for one in heard if one.arrived)
    return explained, contradicted


def best(
    candidates: Sequence[Impairment], heard: Sequence[Heard], favours: Mapping[Impairment, float]
) -> Impairment | None:
    """The impairment that explains most and contradicts least; what was seen in the boxes decides between equals."""
    ranked = [
        (explained - 2 * contradicted + favours.get(candidate, 0.0), candidate)
        for candidate in candidates
        if (pair := score(candidate, heard))[0]
        for explained, contradicted in [pair]
    ]
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else None
