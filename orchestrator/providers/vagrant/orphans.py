"""Machines of labctl's that nobody keeps any more: what a labctl or a Vagrant that was killed has left."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator import render, store
from orchestrator.providers.vagrant import hypervisors, locks
from orchestrator.providers.vagrant.hypervisors import Machine

_MARK = re.compile(r"labctl-.+-(?P<copy>[0-9a-f]{8})-[^-].*")


def orphans(provider: str) -> list[Machine]:
    """The machines that bear labctl's mark and whose folder is gone: no instance's, and none that Vagrant knows of."""
    kept = {render.copy(folder) for folder in _folders()}
    return [
        machine
        for machine in hypervisors.machines(provider)
        if (marked := _MARK.fullmatch(machine.name)) and marked["copy"] not in kept
    ]


def _folders() -> Iterator[Path]:
    """The folders of instances, and of all other labs that Vagrant has made something of: it keeps an index."""
    yield from (store.folder(name) / "vagrant" for name in store.names())
    try:
        index = json.loads((locks.home() / "data" / "machine-index" / "index").read_text())
    except (OSError, ValueError):  # Vagrant has made nothing yet
        return
    for entry in index.get("machines", {}).values():
        folder = Path(str(entry.get("vagrantfile_path")))
        if (folder / "Vagrantfile").exists():
            yield folder
