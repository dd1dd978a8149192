"""The cases, one file each in cases/: what a box shall show, what is done to it, and what the reconciler then says.

before: what it showed before the drift, where that is not `desired`; drift: commands by hand on a good box, recorded on
a real kernel as `observed` (None: the box is fresh); a case without `drift` was written by hand.
device: whether the drift is mended in the "kept" device, a "replaced" one, or does not matter.
`python -m tests.iproute.cases NAME…` records cases again: read the difference.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.iproute import Changes, Observed, fresh, parse, reconcile

from .box import Box, typed

FOLDER = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> dict[str, Any]:
    """The case called `name`."""
    case: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return case


DRIFTS = [name for name in NAMES if "drift" in load(name)]


def observed(case: dict[str, Any]) -> Observed:
    """What the case's box shows."""
    return fresh(case["desired"]) if case["observed"] is None else parse("\n".join(case["observed"]))


def told(changes: Changes) -> dict[str, list[str]]:
    """The reconciler's answer as it stands in a case."""
    return {
        "commands": [*typed(changes)],
        "left_alone": [*changes.left_alone],
        "conflicts": [*changes.conflicts],
    }


@contextmanager
def good(case: dict[str, Any]) -> Iterator[Box]:
    """A box before the drift."""
    before = case.get("before", case["desired"])
    with Box(before) as box:
        box.apply(reconcile(before, fresh(before)))
        yield box


def record(name: str) -> None:
    """Does the drift on a real box, and writes what it shows and what the reconciler says."""
    case = load(name)
    if "drift" in case:
        with good(case) as box:
            box.by_hand(*case["drift"])
            case["observed"] = box.look(case["desired"]).splitlines()
    case.update(told(reconcile(case["desired"], observed(case))))
    (FOLDER / f"{name}.json").write_text(json.dumps(case, indent=1) + "\n")


if __name__ == "__main__":
    for argument in sys.argv[1:] or NAMES:
        record(argument)
