"""Runs the role in the boxes of a lab that is up, as its user: what it did, or what went wrong, as JSON on stdout.

python -m tests.role.drive LAB DIRECTORY [--check]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from orchestrator import providers, store
from orchestrator.converge import ansible, inventory
from orchestrator.errors import LabError


def main(name: str, directory: str, *options: str) -> None:
    """See above."""
    stored = store.read(name)
    assert stored
    variables = inventory.of(stored.lab, providers.get("netns").connection(stored), lasting=False)
    told: list[tuple[str, str]] = []
    try:
        done = ansible.apply(
            stored.lab,
            variables,
            directory=Path(directory),
            check="--check" in options,
            emit=lambda box, what: told.append((box, what)),
        )
        result = {box: converged._asdict() for box, converged in done.items()}
        print(json.dumps({"boxes": result, "told": told}))
    except LabError as error:
        print(json.dumps({"error": str(error), "hint": error.hint, "told": told}))


if __name__ == "__main__":
    main(*sys.argv[1:])
