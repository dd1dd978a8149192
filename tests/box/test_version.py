"""Labs ask for the very box that this labctl builds."""

from __future__ import annotations

from orchestrator import box
from orchestrator.model import Machine


def test_a_lab_asks_for_this_box() -> None:
    assert (Machine().image, Machine().version) == (box.NAME, box.version())
