"""Clocks of virtual machines: what left must not arrive later than it came."""

from __future__ import annotations

from itertools import permutations

import pytest

from orchestrator.trace.capture import Frame
from orchestrator.trace.clocks import aligned

TRUE = (
    ("boxA", True, b"request", 100), ("boxB", False, b"request", 120), ("boxC", False, b"request", 121),
    ("boxB", True, b"reply", 130), ("boxA", False, b"reply", 150),
)  # fmt: skip


def seen(ahead: dict[str, int]) -> list[Frame]:
    return [Frame(box, "enp0s8", when + ahead.get(box, 0), out, data) for box, out, data, when in TRUE]


def test_one_clock_is_left_alone() -> None:
    assert aligned(seen({}), "boxA") == seen({})


@pytest.mark.parametrize("ahead", [{"boxB": 10**9, "boxC": -(10**9)}, {"boxB": -(10**10)}, {"boxA": 777_777}])
def test_clocks_that_differ_give_the_same_order(ahead: dict[str, int]) -> None:
    told = [(frame.box, frame.data, frame.outgoing) for frame in aligned(seen(ahead), "boxA")]
    assert told.index(("boxA", b"request", True)) < told.index(("boxB", b"request", False))
    assert told.index(("boxB", b"request", False)) < told.index(("boxB", b"reply", True))
    assert told.index(("boxB", b"reply", True)) < told.index(("boxA", b"reply", False))
    assert told.index(("boxA", b"request", True)) < told.index(("boxC", b"request", False))


def test_a_box_behind_a_router_is_set_by_the_router() -> None:
    hops = [Frame("r", "enp0s8", 50, False, b"a"), Frame("r", "enp0s9", 51, True, b"b")]
    frames = [Frame("boxA", "enp0s8", 10**9, True, b"a"), *hops, Frame("boxB", "enp0s8", 7, False, b"b")]
    for mixed in permutations(frames):
        assert [frame.box for frame in aligned(mixed, "boxA")] == ["boxA", "r", "r", "boxB"]
