"""What the reconciler says to what a box shows: a case, a file, a test."""

from __future__ import annotations

import pytest

from orchestrator.iproute import reconcile

from .cases import NAMES, load, observed, told


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str) -> None:
    case = load(name)
    answer = told(reconcile(case["desired"], observed(case)))
    assert answer == {part: case[part] for part in answer}
