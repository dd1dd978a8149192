"""The checks of what an overlay carries from box to box, and of what it must not."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.model import ZERO_MAC, Lab, Overlay, Vtep
from orchestrator.verify.outcome import Outcome
from orchestrator.verify.questions import end, foreign_vni
from orchestrator.verify.script import CannotRunError
from orchestrator.verify.state import State
from orchestrator.verify.survey import Answer
from orchestrator.verify.targets import Edge
from orchestrator.verify.underlay import answered


class Path(NamedTuple):
    """What these checks are about: the way from a VTEP to another. `mtu`, `foreign`: for the checks' names."""

    lab: Lab
    state: State
    overlay: Overlay
    vtep: Vtep
    peer: Vtep

    @property
    def size(self) -> int:
        """The largest payload of a ping: the MTU less IPv4's 20 bytes and ICMP's 8."""
        return self.overlay.mtu - 28

    @property
    def foreign(self) -> int:
        """A VNI that must not be heard."""
        return foreign_vni(self.lab, self.overlay)


def reachable(on: Path) -> Outcome:
    """The whole way: ARP flooded, answered, learned; then unicast there and back."""
    record = on.state.survey.record(on.vtep.box, "ping", on.overlay.name, on.peer.box)
    return answered(record)


def learned(on: Path) -> Outcome:
    """A VTEP learns from what arrives: inner source MAC → outer source address (RFC 7348, section 4.1)."""
    rows, evidence = on.state.fdb(on.vtep.box, on.overlay)
    found = [str(row.get("dst")) for row in rows if row.get("mac") == on.peer.mac and "dst" in row]
    wanted = f"{on.peer.mac} at {on.peer.underlay}"
    saw = f"{on.peer.mac} at {', '.join(found)}" if found else f"no entry for {on.peer.mac}"
    return Outcome(found == [str(on.peer.underlay)], wanted, saw, (evidence,))


def nothing_learned(on: Path) -> Outcome:
    """With learning off, an entry that is not permanent came from elsewhere."""
    rows, evidence = on.state.fdb(on.vtep.box, on.overlay)
    found = [
        str(row.get("mac")) for row in rows
        if row.get("state") != "permanent" and "self" in row.get("flags", ()) and row.get("mac") != ZERO_MAC
    ]  # fmt: skip
    return Outcome(not found, "no learned entry", ", ".join(found) or "no learned entry", (evidence,))


def size(on: Path) -> Outcome:
    """With DF set, what fills the MTU passes; a byte more is refused here, "message too long" (ping(8), -M do)."""
    fits = on.state.survey.record(on.vtep.box, "fits", on.overlay.name)
    more = on.state.survey.record(on.vtep.box, "too big", on.overlay.name)
    passes, stopped = answered(fits), answered(more)
    refused = "message too long" in more.output.casefold()
    saw = (
        f"{on.size} bytes {'pass' if passes.passed else 'do not pass'}, "
        f"{on.size + 1} {'pass' if stopped.passed else 'are refused' if refused else 'vanish'}"
    )
    evidence = (fits.evidence, more.evidence) if passes.passed else (more.evidence, fits.evidence)  # the culprit last
    return Outcome(
        passes.passed and refused and not stopped.passed,
        f"{on.size} bytes pass, {on.size + 1} are refused", saw, evidence,
    )  # fmt: skip


def tcp(on: Path) -> Outcome:
    """ICMP passes where checksum offload spoils TCP, as in nested virtual machines: only TCP finds that."""
    edge = Edge(on.overlay.name, on.vtep.box, on.peer.box)
    answer = _known(on.state.survey.answer(edge, "tcp"))
    wanted = "262144 bytes there and back, all alike"
    return Outcome(answer.status == "ok", wanted, answer.words, (answer.evidence,))


def isolated(on: Path) -> Outcome:
    """A VNI's frames stay in it (RFC 7348, section 4): the peer sends a foreign one, then one of this VNI's.

    Both take the same way, in order, so that when the right one is there the foreign one is not still to come.
    """
    edge = Edge(on.overlay.name, on.peer.box, on.vtep.box)
    frames, sent = _known(on.state.survey.answer(edge, "frames")), _known(on.state.survey.answer(edge, "sent"))
    evidence = (sent.evidence, frames.evidence)
    wanted = f"VNI {on.overlay.vni} delivered, VNI {on.foreign} not"
    for answer in (sent, frames):
        if answer.status != "ok":
            return Outcome(False, wanted, answer.words, evidence)
    seen = set(frames.words.split())
    right, foreign = str(on.overlay.vni) in seen, str(on.foreign) in seen
    saw = f"VNI {on.overlay.vni} {_delivered(right)}, VNI {on.foreign} {_delivered(foreign)}"
    return Outcome(right and not foreign, wanted, saw, evidence)


def flooded(on: Path) -> Outcome:
    """A broadcast frame reaches every member (RFC 7348, section 4.2), whatever anyone has learned: ARP rests on it."""
    edge = Edge(on.overlay.name, on.peer.box, on.vtep.box)
    frames, sent = _known(on.state.survey.answer(edge, "frames")), _known(on.state.survey.answer(edge, "flooded"))
    evidence = (sent.evidence, frames.evidence)
    wanted = f"a broadcast frame of {on.peer.box} arrives"
    for answer in (sent, frames):
        if answer.status != "ok":
            return Outcome(False, wanted, answer.words, evidence)
    arrived = f"flood/{on.peer.box}" in frames.words.split()
    return Outcome(arrived, wanted, wanted if arrived else f"no broadcast frame of {on.peer.box} arrived", evidence)


def _delivered(seen: bool) -> str:
    return "delivered" if seen else "not delivered"


def _known(answer: Answer) -> Answer:
    if answer.status not in ("ok", "failed"):
        raise CannotRunError(answer.words or "the probe makes no sense", (answer.evidence,))
    return answer


def paths(lab: Lab, state: State, overlay: Overlay, vtep: Vtep, boxes: tuple[str, ...]) -> list[Path]:
    """The ways from a VTEP to those in `boxes`."""
    return [Path(lab, state, overlay, vtep, end(overlay, box)) for box in boxes]
