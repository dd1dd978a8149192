"""Several boxes' clocks made one: virtual machines disagree on the time by more than a frame takes. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from orchestrator.trace.capture import Frame

Times = dict[bytes, list[int]]
"""When frames passed, by their bytes, each time that they did."""


def aligned(frames: Iterable[Frame], first: str) -> list[Frame]:
    """The frames, with every clock set by that of the box `first`: none arrives before it left.

    A clock that contradicts no frame is left alone, as those of namespaces always are, which have one. Else the frames
    that went there bound its difference from above, those that came back from below; it is taken to be in the middle.
    """
    boxes: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        boxes[frame.box].append(frame)
    done = boxes.pop(first, [])
    while boxes:  # those first that have exchanged frames with a box whose clock is set
        sent, received = _times(done, outgoing=True), _times(done, outgoing=False)
        box = max(boxes, key=lambda name: len(_bounds(boxes[name], sent, received)))
        ahead = _ahead(*_split(_bounds(boxes[box], sent, received)))
        done += [frame._replace(nanoseconds=frame.nanoseconds - ahead) for frame in boxes.pop(box)]
    return sorted(done, key=lambda frame: frame.nanoseconds)


def _times(frames: Sequence[Frame], *, outgoing: bool) -> Times:
    times: Times = defaultdict(list)
    for frame in frames:
        if frame.outgoing == outgoing:
            times[frame.data].append(frame.nanoseconds)
    return times


def _bounds(frames: Sequence[Frame], sent: Mapping[bytes, list[int]], received: Mapping[bytes, list[int]]) -> list[
    tuple[bool, int]
]:  # fmt: skip
    """How far a box's clock is ahead of the others: (at most or at least, nanoseconds), for each frame exchanged."""
    found: list[tuple[bool, int]] = []
    for outgoing, there in ((False, sent), (True, received)):
        for data, mine in _times(frames, outgoing=outgoing).items():
            found += [(not outgoing, here - other) for here, other in zip(mine, there.get(data, ()), strict=False)]
    return found


def _split(bounds: Sequence[tuple[bool, int]]) -> tuple[int | None, int | None]:
    most = min((value for upper, value in bounds if upper), default=None)
    least = max((value for upper, value in bounds if not upper), default=None)
    return least, most


def _ahead(least: int | None, most: int | None) -> int:
    if (least is None or least <= 0) and (most is None or most >= 0):
        return 0
    known = [bound for bound in (least, most) if bound is not None]
    return sum(known) // len(known)
