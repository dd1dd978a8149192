"""Machines of labctl's that nobody keeps any more: what a labctl or a Vagrant that was killed has left."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from orchestrator import render, store
from orchestrator.providers.vagrant import home, hypervisors
from orchestrator.providers.vagrant.marked import Machine

_COPY = re.compile(r"-(?P<copy>[0-9a-f]{8})(?=-[^-])")


def find(provider: str) -> list[Machine]:
    """The machines that bear labctl's mark, and whose folder is gone: no instance's, and none that Vagrant knows of.

    Only looks. Users share a libvirt, so that there a machine's own word for its folder counts as well. Raises LabError
    where Vagrant's index is damaged.
    """
    kept = {render.copy(folder) for folder in _folders()}
    lost = [machine for machine in hypervisors.machines(provider) if _lost(machine.name, kept)]
    return [machine for machine in lost if not _is_there(hypervisors.folder(machine))]


def remove(machines: Sequence[Machine]) -> None:
    """Removes what `find` found: machines first, then the networks and disks that were theirs."""
    for machine in machines:
        hypervisors.remove(machine)
    for provider, prefix in dict.fromkeys((machine.provider, _lost(machine.name, set())) for machine in machines):
        hypervisors.remove_networks(provider, prefix)
        hypervisors.remove_disks(provider, prefix)


def _is_there(folder: str | None) -> bool:
    """Whether a folder is there, or may be: another user's may be out of sight."""
    try:
        return folder is not None and bool(Path(folder).stat())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _lost(name: str, kept: Set[str]) -> str:
    """The prefix of a marked name that no copy keeps, else "". Any of what looks like a copy counts."""
    marks = list(_COPY.finditer(name))
    return name[: marks[-1].end() + 1] if marks and not kept & {mark["copy"] for mark in marks} else ""


def _folders() -> Iterator[Path]:
    """The folders of instances, and of all other labs that Vagrant has made something of."""
    yield from (store.folder(name) / "vagrant" for name in store.names())
    yield from (machine.folder for machine in home.indexed() if (machine.folder / "Vagrantfile").exists())
