"""From the results of many checks to the most likely fault: by what rests on what, not by a list of known faults.

First what the devices show: a setting that differs, and that no other failure below it explains, is a cause. Then what
they do not show: where, on their way, packets must be lost so that just those checks failed that did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from orchestrator.diagnose import impairments, layers, words
from orchestrator.diagnose.impairments import Heard, Impairment
from orchestrator.diagnose.layers import LAYERS, Symptom
from orchestrator.diagnose.look import Sight, favours, weight
from orchestrator.model import Lab
from orchestrator.verify.results import Report

Look = Callable[[Sequence[str]], Sequence[Sight]]
"""Looks into boxes for what is out of the ordinary; see look.look."""


class Finding(Struct, frozen=True, kw_only=True):
    """A cause. `id`: of the check that shows it, or BOX/OVERLAY/STAGE-SIDE where only paths do.

    because: sentences, the evidence; explains: ids of the failed checks that follow from it; command: what shows it;
    loses: between which boxes, from the first to the second, an overlay's frames are lost, where no device shows it.
    """

    id: str
    box: str
    place: str
    what: str
    because: tuple[str, ...]
    explains: tuple[str, ...]
    command: str
    loses: tuple[str, str] | None = None


class Diagnosis(Struct, frozen=True, kw_only=True):
    """The causes, the most likely one first. layers: (layer, passed, failed), from the ground up.

    unexplained: ids of failed checks that follow from none of them; unknown: of those that could not run.
    """

    lab: str
    findings: tuple[Finding, ...]
    layers: tuple[tuple[str, int, int], ...]
    unexplained: tuple[str, ...]
    unknown: tuple[str, ...]


def diagnose(lab: Lab, report: Report, look: Look) -> Diagnosis:
    """What is most likely wrong with a lab, from its checks; `look` is asked only where they leave a choice."""
    known = layers.symptoms(lab, report.results)
    bearer = {(vtep.box, o.name): vtep.device for o in lab.overlays for vtep in o.vteps}
    failed = [symptom for symptom in known if symptom.failed]
    lower = [symptom for symptom in failed if symptom.layer != "path" and symptom.layer != "underlay"]
    roots = [symptom for symptom in lower if not layers.follows(symptom, lower, bearer)]
    findings = [_shown(lab, root, roots, failed, bearer) for root in roots]
    rest = [s for s in failed if s.layer in ("path", "underlay") and not layers.follows(s, lower, bearer)]
    findings += _unseen(lab, known, rest, look)
    explained = {id for finding in findings for id in (finding.id, *finding.explains)}
    findings.sort(key=lambda finding: -len(finding.explains))
    return Diagnosis(
        lab=lab.name,
        findings=tuple(findings),
        layers=tuple(_tally(layer, known) for layer in LAYERS),
        unexplained=tuple(s.result.id for s in failed if s.result.id not in explained),
        unknown=tuple(result.id for result in report.results if result.status == "error"),
    )


def _tally(layer: str, known: Sequence[Symptom]) -> tuple[str, int, int]:
    here = [symptom for symptom in known if symptom.layer == layer]
    passed = sum(symptom.result.status == "passed" for symptom in here)
    return layer, passed, sum(symptom.failed for symptom in here)


def _shown(
    lab: Lab, root: Symptom, roots: Sequence[Symptom], failed: Sequence[Symptom], bearer: dict[tuple[str, str], str]
) -> Finding:
    """A cause that a device shows."""
    mine = [s for s in failed if s is not root and s not in roots and _due(s, root, failed, bearer)]
    because = [
        f"{root.box}: {root.result.check}: expected {root.result.expected}, saw {root.result.saw}",
        words.reach(root, mine),
    ]
    return Finding(
        id=root.result.id, box=root.box, place=root.place, what=words.shown(root), because=tuple(filter(None, because)),
        explains=tuple(s.result.id for s in mine), command=words.command(lab, root),
    )  # fmt: skip


def _due(symptom: Symptom, root: Symptom, failed: Sequence[Symptom], bearer: dict[tuple[str, str], str]) -> bool:
    """Whether a failure comes of this root, over any number of steps."""
    if layers.follows(symptom, [root], bearer):
        return True
    between = [s for s in failed if s.layer != "path" and s is not symptom and layers.follows(symptom, [s], bearer)]
    return any(layers.follows(s, [root], bearer) for s in between)


def _unseen(lab: Lab, known: Sequence[Symptom], rest: list[Symptom], look: Look) -> list[Finding]:
    """Causes that no device shows, one after the other until nothing more can be explained."""
    findings: list[Finding] = []
    alone = [s for s in rest if s.name == "fdb" or (s.name == "isolation" and not list(impairments.observations([s])))]
    rest = [s for s in rest if s not in alone]
    sights: Sequence[Sight] | None = None
    while rest:
        place = rest[0].place
        mine = [s for s in rest if s.place == place]
        heard = _heard(known, mine, place)
        overlay = next((overlay for overlay in lab.overlays if overlay.name == place), None)
        choices = list(impairments.candidates(mine, bool(overlay and overlay.group)))
        if sights is None:
            sights = look(list(dict.fromkeys(box for s in rest for box in s.ends)))
        cause = impairments.best(choices, heard, favours(sights, choices))
        due = [s for s in mine if cause and _lost(cause, s)]
        if cause is None or not due:
            break
        due += [s for s in alone if s.name == "fdb" and any(set(s.ends) == set(d.ends) for d in due)]
        findings.append(_inferred(lab, cause, place, due, heard, sights))
        rest = [s for s in rest if s not in due]
        alone = [s for s in alone if s not in due]
    return findings + [_lonely(lab, symptom) for symptom in alone]


def _heard(known: Sequence[Symptom], mine: Sequence[Symptom], place: str) -> list[Heard]:
    """All that passed on this overlay and what of its failures is still unexplained."""
    passed = [s for s in known if s.place in (place, "underlay") and s.result.status == "passed" and s.ends[1:]]
    return list(impairments.observations([*passed, *mine]))


def _lost(cause: Impairment, symptom: Symptom) -> bool:
    return any(impairments.lost(cause, one) for one in impairments.observations([symptom]) if not one.arrived)


def _inferred(
    lab: Lab, cause: Impairment, place: str, due: Sequence[Symptom], heard: Sequence[Heard], sights: Sequence[Sight]
) -> Finding:
    good = [one for one in heard if one.arrived and cause.box in {box for path in one.stages for box in path[:2]}]
    because = [
        words.pattern(cause, due, len(good)),
        *(f"{sight.box}: {sight.what}" for sight in sights if weight(sight, cause)),
    ]
    return Finding(
        id=f"{cause.box}/{place}/{cause.name}", box=cause.box, place=place, what=words.inferred(lab, cause, place),
        because=tuple(because), explains=tuple(s.result.id for s in due), command=words.look(lab, cause, place, sights),
        loses=_way(lab, cause, place, due),
    )  # fmt: skip


def _way(lab: Lab, cause: Impairment, place: str, due: Sequence[Symptom]) -> tuple[str, str] | None:
    """The way of an overlay's frames on which they are lost, if that is what the cause is about."""
    if cause.stage not in ("udp", "multicast", "overlay") or place not in {overlay.name for overlay in lab.overlays}:
        return None
    other = next(box for symptom in due for box in symptom.ends if box != cause.box)
    return (other, cause.box) if cause.side == "in" else (cause.box, other)


def _lonely(lab: Lab, symptom: Symptom) -> Finding:
    """A failed check that stands alone."""
    result = symptom.result
    because = (f"{result.box}: {result.check}: expected {result.expected}, saw {result.saw}",)
    return Finding(
        id=result.id, box=result.box, place=symptom.place, what=words.shown(symptom), because=because, explains=(),
        command=words.command(lab, symptom),
    )  # fmt: skip
