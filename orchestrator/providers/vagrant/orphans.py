"""Machines of labctl's that nobody keeps any more: what a labctl or a Vagrant that was killed has left."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import NamedTuple

from orchestrator import render, store
from orchestrator.providers.vagrant import hypervisors, locks
from orchestrator.providers.vagrant.marked import Machine

_COPY = re.compile(r"-(?P<copy>[0-9a-f]{8})(?=-[^-])")


class Orphans(NamedTuple):
    """What bears labctl's mark, and whose folder is gone: no instance's, and none that Vagrant knows of.

    prefixes: of libvirt's networks and disks that are left beside machines.
    """

    provider: str
    machines: tuple[Machine, ...]
    names: tuple[str, ...]
    prefixes: tuple[str, ...]


def find(provider: str) -> Orphans:
    """Only looks."""
    kept = {render.copy(folder) for folder in _folders()}
    machines = {machine.name: machine for machine in hypervisors.machines(provider)}
    lost = {name: prefix for name in (*machines, *hypervisors.remains(provider)) if (prefix := _lost(name, kept))}
    return Orphans(
        provider,
        tuple(machine for name, machine in machines.items() if name in lost),
        tuple(lost),
        tuple(dict.fromkeys(lost.values())),
    )


def remove(orphans: Orphans) -> None:
    """Removes them: machines first, then what was theirs."""
    for machine in orphans.machines:
        hypervisors.remove(machine)
    for prefix in orphans.prefixes:
        hypervisors.remove_networks(orphans.provider, prefix)


def _lost(name: str, kept: Set[str]) -> str:
    """The prefix of a marked name that no copy keeps, else "". Any of what looks like a copy counts."""
    marks = list(_COPY.finditer(name))
    return name[: marks[-1].end() + 1] if marks and not kept & {mark["copy"] for mark in marks} else ""


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
