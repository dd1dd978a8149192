"""`break`: a known fault on purpose, and the way back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from orchestrator import command, faults, iproute, store
from orchestrator.converge import direct
from orchestrator.engine.instances import BROKEN, running
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit, Stage
from orchestrator.faults import FAULTS, Act, Broken, Fault, Site
from orchestrator.plan import Step

if TYPE_CHECKING:
    from orchestrator.connections import Connection
    from orchestrator.iproute import Observed
    from orchestrator.store import Instance

_EFFECT_SECONDS = 5.0
"""How long `break` waits at most until its fault takes effect."""


def break_lab(name: str, fault: str, box: str | None, emit: Emit) -> Broken:
    """Makes a fault in a running lab; `box`: where, or else the first place that it can have."""
    with store.locked(name):
        instance, _, connection = running(name)
        chosen = _named(fault)
        there = faults.places(instance.lab, instance.provider, chosen)
        site = next((site for site in there if box in (None, site.vtep.box)), None)
        if site is None:
            boxes = ", ".join(dict.fromkeys(site.vtep.box for site in there))
            raise LabError(
                f"{fault} cannot strike {box or name}",
                hint=f"it can strike {boxes}" if boxes else f"labctl break {name} lists what can",
                code=Exit.USAGE,
            )
        return _make(instance, chosen, site, connection, emit, hidden=False)


def break_at_random(name: str, seed: int, emit: Emit) -> Broken:
    """Makes a fault that the seed chooses, and notes that nobody is to be told."""
    with store.locked(name):
        instance, _, connection = running(name)
        chosen = faults.choose(instance.lab, instance.provider, seed, faults_of(name))
        if chosen is None:
            raise LabError(f"there is nothing left to break in {name}", hint=f"labctl up {name}", code=Exit.USAGE)
        return _make(instance, *chosen, connection, emit, hidden=True)


def faults_of(name: str) -> list[Broken]:
    """The faults that a lab was given, and that no `up` has mended since."""
    return store.load(name, BROKEN, list[Broken]) or []


def revert(name: str, connection: Connection) -> int:
    """Takes back what `break` recorded and the reconciler leaves alone; how many commands ran. See `forget`."""
    undo = [act for broken in reversed(faults_of(name)) for act in broken.undo]
    for act in undo:
        _run(act, connection, "cannot take a fault back")
    return len(undo)


def undo_steps(name: str) -> list[Step]:
    """What `revert` would run."""
    return [
        Step(act.box, (iproute.Command(act.argv, f"it takes {broken.fault} back"),))
        for broken in reversed(faults_of(name))
        for act in broken.undo
    ]


def forget(name: str) -> None:
    """The lab has no fault any more."""
    store.remove(name, BROKEN)


def _named(name: str) -> Fault:
    if name in FAULTS:
        return FAULTS[name]
    from difflib import get_close_matches

    near = get_close_matches(name, FAULTS, 1)
    hint = f"did you mean {near[0]}?" if near else f"there is: {', '.join(FAULTS)}"
    raise LabError(f"no fault is called {name!r}", hint=hint, code=Exit.USAGE)


def _make(instance: Instance, fault: Fault, site: Site, connection: Connection, emit: Emit, *, hidden: bool) -> Broken:
    lab = instance.lab
    before = faults_of(lab.name)
    place = (fault.name, site.vtep.box, site.overlay.name)
    if any((known.fault, known.box, known.overlay) == place for known in before):
        what = "what the seed chooses" if hidden else fault.name
        raise LabError(f"{site.place} has {what} already", hint=f"labctl up {lab.name} mends it", code=Exit.USAGE)
    observed = direct.observe(lab, connection)[site.vtep.box]
    if instance.bare and site.overlay.name not in {entry.get("ifname") for entry in observed.links}:
        what = f"{site.vtep.box} has no {site.overlay.name} to break"
        raise LabError(what, hint=f"labctl verify {lab.name} tells what is missing", code=Exit.USAGE)
    site = site._replace(adapter=_adapter(site, observed))
    made = faults.broken(fault, site, hidden=hidden)
    emit(Stage(lab.name, "breaking something" if hidden else f"breaking {site.place}"))
    store.save(lab.name, BROKEN, [*before, made])
    for act in faults.acts(fault, site, observed):
        _run(act, connection, "cannot break it")
    _wait(faults.until(fault, site), connection)
    return made


def _wait(sign: Act | None, connection: Connection) -> None:
    """Until a fault has taken effect. It may never be seen, where another fault hides it: that is no error."""
    deadline = time.monotonic() + _EFFECT_SECONDS
    while sign and connection.run_beside(sign.argv).returncode and time.monotonic() < deadline:
        time.sleep(0.02)


def _adapter(site: Site, observed: Observed) -> str:
    """What the box calls the underlay adapter."""
    from orchestrator.verify import links

    found = links.adapter(observed.links, site.interface)
    return str(found["ifname"]) if found else site.adapter


def _run(act: Act, connection: Connection, what: str) -> None:
    result = connection.run(act.box, act.argv) if act.box else connection.run_beside(act.argv)
    command.require(result, what)
