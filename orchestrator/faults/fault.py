"""What a fault is: data. Its texts have {words} of the place where it strikes (`site.Site.words`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from orchestrator.faults.site import Site

EVERYWHERE = ("netns", "libvirt", "virtualbox")


def _always(site: Site) -> bool:
    return True


class Fault(NamedTuple):
    """Something that goes wrong with overlays, on purpose.

    checks: patterns (fnmatch) of the ids of checks that must fail, all that match; the first is its cause's own, or,
    where no device shows it, what `labctl diagnose` calls it. also: of checks that may fail too.
    alter: settings of the tunnel device, which is made anew with them; run: commands in the box, as lines or as words;
    beside: commands where the switches are; undo, undo_beside: what takes back all that the reconciler leaves alone,
    and does no harm where it was taken back before; until: a command where the switches are that succeeds once the
    fault has taken effect. The boxes' commands come before the switches'.
    """

    name: str
    sentence: str
    checks: tuple[str, ...]
    also: tuple[str, ...] = ()
    applies: Callable[[Site], bool] = _always
    alter: Mapping[str, str | None] = {}
    run: tuple[str | tuple[str, ...], ...] = ()
    beside: tuple[str, ...] = ()
    undo: tuple[str | tuple[str, ...], ...] = ()
    undo_beside: tuple[str, ...] = ()
    until: str | tuple[str, ...] = ()
    providers: tuple[str, ...] = EVERYWHERE

    @property
    def mended(self) -> str:
        """How `up` mends it: `undone` from what `break` recorded, or `reconciled`, because the reconciler sees it."""
        return "undone" if self.undo or self.undo_beside else "reconciled"


def words(line: str | tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    """An argument list from a line of a fault's: a line is split at its spaces, a tuple is words already."""
    return tuple(word.format_map(values) for word in (line.split() if isinstance(line, str) else line))
