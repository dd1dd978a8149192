"""`trace` and `capture`: what passes between the boxes of a lab that is up, as it passes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from orchestrator.connections import Connection
from orchestrator.converge.direct import Job, run
from orchestrator.engine.instances import running
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit, Stage
from orchestrator.model import ZERO_MAC, Box, Lab, Overlay, Vtep
from orchestrator.providers import VIRTUAL
from orchestrator.store import Instance
from orchestrator.trace.capture import MOST_FRAMES, Capture, Frame
from orchestrator.trace.clocks import aligned
from orchestrator.trace.conversation import Subject, converse
from orchestrator.trace.decode import VXLAN_PORTS
from orchestrator.trace.model import Entry, Forwarding, Trace
from orchestrator.trace.observed import State, called, forwarding, observe
from orchestrator.trace.sightings import BEARER, OVERLAY, UNDERLAY
from orchestrator.verify.questions import EMPTY

MOST_PINGS = 10
EMPTYINGS = 5
"""How often boxes are emptied at most, until nothing is found in them."""

_AFTER = 0.05
"""Seconds after a ping in which copies of its frames may still be on their way to other boxes."""

_MARGIN = 30.0
"""Seconds that a capture outlives its pings at most, whatever becomes of labctl."""


class Recording(NamedTuple):
    """What was captured, in order. interfaces: (box, device) of each capture, whether it saw anything or not."""

    frames: tuple[Frame, ...]
    interfaces: tuple[tuple[str, str], ...]


def trace(
    name: str, source: str, target: str, *, overlay: str | None = None, count: int = 1, keep: bool = False,
    deadline: float = 2.0, emit: Emit,
) -> tuple[Instance, Trace, Recording]:  # fmt: skip
    """Pings from one box of a lab that is up to another, and tells what every box saw of it.

    count: pings, one after the other, MOST_PINGS at most; keep: what was learned before is not emptied; deadline:
    seconds that each ping may wait for its answer. LabError, exit status 2, for boxes without an overlay in common; 5
    where a capture cannot run. A ping without an answer is no error.
    """
    instance, _, connection = running(name)
    told, recording = conduct(
        instance.lab, instance.provider, connection, source, target,
        overlay=overlay, count=count, keep=keep, deadline=deadline, emit=emit,
    )  # fmt: skip
    return instance, told, recording


def conduct(
    lab: Lab, provider: str, connection: Connection, source: str, target: str, *, overlay: str | None = None,
    count: int = 1, keep: bool = False, deadline: float = 2.0, emit: Emit,
) -> tuple[Trace, Recording]:  # fmt: skip
    """See `trace`; for who has the way into the boxes already."""
    count = min(count, MOST_PINGS)
    segment, ends = _common(lab, source, target, overlay)
    subject = Subject(segment, *ends, token=os.urandom(16))
    boxes = [box for box in lab.boxes if segment.vtep(box.name) or box.forwarding]
    if not keep:
        _empty(boxes, segment, connection)
    states = observe(lab, boxes, connection)
    roles = {(box, device): role for box, state in states.items() for device, role in _devices(state, segment)}
    emit(Stage(lab.name, f"capturing in {len(boxes)} boxes"))
    with _captures(connection, roles, count * deadline + _MARGIN) as captures:
        emit(Stage(lab.name, f"pinging from {source} to {target}"))
        answered, refused = _pings(subject, connection, count, deadline)
        time.sleep(_AFTER)
        frames = aligned(captures.stop(), source)
    after = forwarding(list(states), connection)
    conversation = converse(subject, frames, roles, states)
    told = Trace(
        lab=lab.name, title=lab.title, provider=provider, overlay=segment.name, vni=segment.vni, source=source,
        target=target, pings=count, answered=answered, emptied=not keep, boxes=tuple(states),
        events=conversation.events, forwarding=_forwarding(segment, states, after),
        truncated=_left_out(conversation.others, captures.captures),
        remarks=(*_missing(segment, states), *refused, *filter(None, [conversation.silence])),
    )  # fmt: skip
    return told, Recording(tuple(frames), tuple(roles))


@contextmanager
def capturing(
    name: str, box: str, device: str | None = None, *, count: int, seconds: float
) -> Iterator[tuple[Lab, Capture]]:
    """A capture at a device of a box, by default its first underlay adapter, that has begun; bounded.

    device: an adapter goes by the lab's name for it, whatever the box calls it.

    LabError, exit status 2, for a box or a device that there is not, and 5 where nothing can be captured.
    """
    instance, _, connection = running(name)
    lab = instance.lab
    found = _box(lab, box)
    wanted = device or found.interfaces[0].name
    if instance.provider in VIRTUAL:
        wanted = called(found, wanted, connection)
    with Capture(connection, box, [wanted], count=count, seconds=seconds) as capture:
        capture.ready()
        yield lab, capture


def vxlan_ports(lab: Lab) -> frozenset[int]:
    """The UDP ports that are VXLAN by a lab's file or by custom."""
    return frozenset({*VXLAN_PORTS, *(overlay.port for overlay in lab.overlays)})


def _box(lab: Lab, name: str) -> Box:
    names = [box.name for box in lab.boxes]
    if name not in names:
        raise LabError(f"{lab.name} has no box {name!r}", hint=f"its boxes are {', '.join(names)}", code=Exit.USAGE)
    return lab.box(name)


def _common(lab: Lab, source: str, target: str, name: str | None) -> tuple[Overlay, tuple[Vtep, Vtep]]:
    """The overlay that both boxes are on, and their ends of it. LabError that says what there is."""
    for box in (source, target):
        _box(lab, box)
    if source == target:
        raise LabError(f"{source} does not need the overlay to reach itself", hint="name two boxes", code=Exit.USAGE)
    if name is not None and name not in [overlay.name for overlay in lab.overlays]:
        there = ", ".join(overlay.name for overlay in lab.overlays) or "none"
        raise LabError(f"{lab.name} has no overlay {name!r}", hint=f"its overlays are {there}", code=Exit.USAGE)
    for overlay in lab.overlays:
        ends = overlay.vtep(source), overlay.vtep(target)
        if name in (None, overlay.name) and ends[0] and ends[1]:
            return overlay, (ends[0], ends[1])
    on = "; ".join(f"{each.name} is on {', '.join(v.box for v in each.vteps)}" for each in lab.overlays)
    which = f"{name} is not on both {source} and {target}" if name else f"no overlay is on both {source} and {target}"
    raise LabError(which, hint=on or "the lab has no overlay", code=Exit.USAGE)


def _empty(boxes: Sequence[Box], overlay: Overlay, connection: Connection) -> None:
    """Takes from every box what it has learned; again where a last packet has taught one anew."""
    script = EMPTY.replace("%s", '"$@"')
    full = list(boxes)
    for _ in range(EMPTYINGS):
        jobs = [Job(box.name, ("sh", "-c", script, "sh", *([overlay.name] if overlay.vtep(box.name) else [])))
                for box in full]  # fmt: skip
        found = {job.box for job, result in run(jobs, connection) if result.stdout.strip()}
        full = [box for box in boxes if box.name in found]
        if not full:
            return


def _devices(state: State, overlay: Overlay) -> Iterator[tuple[str, int]]:
    """The devices of a box to capture at, with what they are."""
    for adapter in state.adapters:
        yield adapter, UNDERLAY
    if overlay.vtep(state.box):
        if overlay.name in state.devices:
            yield overlay.name, OVERLAY
        if overlay.bearer != overlay.name and overlay.bearer in state.devices:
            yield overlay.bearer, BEARER


class _Captures:
    """Captures in several boxes, each read by a thread of its own."""

    def __init__(self, pool: ThreadPoolExecutor, captures: list[Capture]) -> None:
        self.captures = captures
        self._frames = [pool.submit(list, capture.frames()) for capture in captures]

    def stop(self) -> list[Frame]:
        """Ends them all: what they captured."""
        for capture in self.captures:
            capture.stop()
        return [frame for future in self._frames for frame in future.result()]


@contextmanager
def _captures(connection: Connection, roles: dict[tuple[str, str], int], seconds: float) -> Iterator[_Captures]:
    """Captures that have begun at all devices."""
    devices: dict[str, list[str]] = {}
    for box, device in roles:
        devices.setdefault(box, []).append(device)
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(max(len(devices), 1)))
        captures = [
            stack.enter_context(Capture(connection, box, names, seconds=seconds)) for box, names in devices.items()
        ]
        for capture in captures:
            capture.ready()
        yield _Captures(pool, captures)


def _pings(subject: Subject, connection: Connection, count: int, deadline: float) -> tuple[int, tuple[str, ...]]:
    """How many pings had an answer, and what ping said where it could not send at all."""
    command = ["ping", "-n", "-c", "1", "-W", f"{deadline:g}", "-p", subject.token.hex(),
               "-I", str(subject.source.address.ip), str(subject.target.address.ip)]  # fmt: skip
    answered, refused = 0, {}
    for _ in range(count):
        result = connection.run(subject.source.box, command, timeout=deadline + _MARGIN)
        answered += result.returncode == 0
        if result.stderr.strip() or result.returncode not in (0, 1):
            words = (result.stderr.strip() or result.stdout.strip() or "it said nothing").splitlines()[-1]
            refused[f"The ping could not be sent from {subject.source.box}: {words}."] = True
    return answered, tuple(refused)


def _missing(overlay: Overlay, states: dict[str, State]) -> Iterator[str]:
    for box, state in states.items():
        if overlay.vtep(box):
            for device in dict.fromkeys((overlay.name, overlay.bearer)):
                if device not in state.devices:
                    yield f"{box} has no device {device}."


def _forwarding(overlay: Overlay, states: dict[str, State], after: dict[str, tuple[dict[str, object], ...]]) -> tuple[
    Forwarding, ...
]:  # fmt: skip
    members = [state for state in states.values() if overlay.vtep(state.box)]
    return tuple(
        Forwarding(box=state.box, before=_sorted(state.entries(overlay.name)),
                   after=_sorted(state._replace(fdb=after[state.box]).entries(overlay.name)))
        for state in members
    )  # fmt: skip


def _sorted(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The all-zero entries first."""
    return tuple(sorted(entries, key=lambda entry: (entry.mac != ZERO_MAC, entry.mac)))


def _left_out(others: int, captures: Sequence[Capture]) -> str:
    were = "1 frame of other traffic was" if others == 1 else f"{others} frames of other traffic were"
    parts = [f"{were} seen and {'is' if others == 1 else 'are'} left out."] if others else []
    parts += [f"In {c.box} {c.lost} frames came too fast to be captured." for c in captures if c.lost]
    parts += [f"The capture in {c.box} ended after {MOST_FRAMES} frames." for c in captures if c.ended == "count"]
    return " ".join(parts)
