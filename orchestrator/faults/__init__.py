"""Faults on purpose: what there is to break in a lab, and what it takes to break it and to take it back. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from msgspec import Struct

from orchestrator import iproute
from orchestrator.faults.fault import Fault, words
from orchestrator.faults.site import Site, sites
from orchestrator.faults.table import FAULTS
from orchestrator.iproute import Link, Observed
from orchestrator.model import Lab
from orchestrator.plan import desired

__all__ = ["FAULTS", "Act", "Broken", "Fault", "Site", "acts", "broken", "choose", "places", "until"]


class Act(Struct, frozen=True):
    """A command, and the box that it runs in; "" is where the switches are."""

    box: str
    argv: tuple[str, ...]


class Broken(Struct, frozen=True, kw_only=True):
    """A fault that a lab has, as stored before it was made. `undo`: what takes it back, in this order.

    hidden: whether it was chosen without telling.
    """

    fault: str
    box: str
    overlay: str
    sentence: str
    hidden: bool
    undo: tuple[Act, ...]


def places(lab: Lab, provider: str, fault: Fault) -> list[Site]:
    """Where in a lab on this provider a fault can strike."""
    return [site for site in sites(lab) if provider in fault.providers and fault.applies(site)]


def choose(lab: Lab, provider: str, seed: int, taken: Sequence[Broken] = ()) -> tuple[Fault, Site] | None:
    """A fault and its place, the same ones for the same seed; none where all boxes but those that are `taken` have
    nothing left."""
    spoken_for = {broken.box for broken in taken}
    all_of_them = [
        (fault, site)
        for fault in sorted(FAULTS.values())
        for site in places(lab, provider, fault)
        if site.vtep.box not in spoken_for
    ]
    return Random(seed).choice(all_of_them) if all_of_them else None


def broken(fault: Fault, site: Site, *, hidden: bool) -> Broken:
    """What is to be stored before `acts` run."""
    values = site.words()
    undo = [Act(site.vtep.box, words(line, values)) for line in fault.undo]
    undo += [Act("", words(line, values)) for line in fault.undo_beside]
    return Broken(
        fault=fault.name, box=site.vtep.box, overlay=site.overlay.name,
        sentence=fault.sentence.format_map(values), hidden=hidden, undo=tuple(undo),
    )  # fmt: skip


def acts(fault: Fault, site: Site, observed: Observed) -> Iterator[Act]:
    """The commands that make a fault, in a box that shows `observed`."""
    values, box = site.words(), site.vtep.box
    if fault.alter:
        yield from (Act(box, argv) for argv in _again(fault, site, observed))
    yield from (Act(box, words(line, values)) for line in fault.run)
    yield from (Act("", words(line, values)) for line in fault.beside)


def until(fault: Fault, site: Site) -> Act | None:
    """The command that succeeds once a fault has taken effect; None where it has at once."""
    return Act("", words(fault.until, site.words())) if fault.until else None


def _again(fault: Fault, site: Site, observed: Observed) -> Iterator[tuple[str, ...]]:
    """Makes the tunnel device anew with other settings, by the reconciler: it knows all that belongs to a device."""
    name, box = site.overlay.name, site.lab.box(site.vtep.box)
    link: Link = next(link for link in desired(site.lab, box)["links"] if link["name"] == name)
    values = {"device": site.adapter, **{key: _value(text, site) for key, text in fault.alter.items()}}
    link = {**link, **values}  # type: ignore[typeddict-item]
    if any(entry.get("ifname") == name for entry in observed.links):
        yield ("ip", "link", "del", "dev", name)
    changes = iproute.reconcile({"links": [link], "routes": {}, "sysctls": {}}, Observed([], [], [], {}))
    for command in changes.commands:
        yield command.argv


def _value(text: str | None, site: Site) -> str | int | None:
    value = None if text is None else text.format_map(site.words())
    return int(value) if value is not None and value.isdecimal() else value
