"""What can be done with a lab that is up: find it, check it, take it down."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from orchestrator import providers, store
from orchestrator.converge import direct
from orchestrator.engine.proof import Options, prove
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit, Stage
from orchestrator.model import Lab, Overlay, Vtep
from orchestrator.store import Instance

if TYPE_CHECKING:
    from orchestrator.connections import Connection
    from orchestrator.iproute import Observed
    from orchestrator.providers import Provider
    from orchestrator.verify.results import Report


BROKEN = "broken.json"
"""The file of an instance's where `break` writes down what it did."""


class Status(Struct, frozen=True, kw_only=True):
    """An instance as it is: state is `up`, `partly` (some of its boxes run), `halted`, `lost` (its boxes are gone),
    `damaged`, `busy` (being made or unmade) or `unknown` (its hypervisor does not answer).
    """

    name: str
    state: str
    provider: str = ""
    boxes: int = 0
    source: str = ""
    created: str = ""
    detail: str = ""


def verify(name: str, *, trust: bool, deadline: float, emit: Emit) -> tuple[Instance, Report]:
    """All checks against a lab that is up."""
    instance, provider, connection = running(name)
    options = Options(trust=trust, deadline=deadline)
    lab = instance.lab
    if instance.by_hand:
        lab = as_made(instance, direct.observe(lab, connection))
    report = prove(lab, provider, connection, Path(instance.source), options, emit)
    assert report is not None
    return instance, report


def as_made(instance: Instance, observed: Mapping[str, Observed]) -> Lab:
    """The instance's lab. Where it was made by hand: with the MACs that the devices have, as long as each is another.

    No lab file asks for a certain MAC.
    """
    if not instance.by_hand:
        return instance.lab

    def overlay(made: Overlay) -> Overlay:
        vteps: list[Vtep] = []
        for vtep in made.vteps:
            links = {str(entry.get("ifname")): entry for entry in observed[vtep.box].links}
            mac = str(links.get(made.bearer, {}).get("address", vtep.mac))
            free = mac not in [other.mac for other in vteps]
            vteps.append(msgspec.structs.replace(vtep, mac=mac) if free else vtep)
        return msgspec.structs.replace(made, vteps=tuple(vteps))

    return msgspec.structs.replace(instance.lab, overlays=tuple(map(overlay, instance.lab.overlays)))


def running(name: str) -> tuple[Instance, Provider, Connection]:
    """A lab that is up and the way into it. Raises LabError where it is not."""
    instance = store.read(name)
    if instance is None:
        others = ", ".join(store.names())
        raise LabError(
            f"{name} is not up",
            hint=f"up is: {others}" if others else f"labctl up {name} makes it",
            code=Exit.USAGE,
        )
    if instance.halted:
        raise LabError(f"{name} is halted", hint=f"labctl start {name}")
    provider = providers.get(instance.provider)
    return instance, provider, provider.connection(instance)


def down(name: str, emit: Emit) -> bool:
    """Unmakes an instance, whatever state it is in; whether there was one."""
    if name not in store.names():
        return False
    with store.locked(name):
        emit(Stage(name, "going down"))
        for provider in providers.keepers(name):
            provider.destroy(name)
        store.forget(name)
    return True


def remove_orphans(emit: Emit) -> list[str]:
    """Removes the virtual machines, and what was theirs, that bear labctl's mark and no folder keeps; their names."""
    from orchestrator.providers.vagrant import hypervisors, orphans

    usable = [provider for provider in providers.VIRTUAL if hypervisors.usable(provider).good]
    found = [machine for provider in usable for machine in orphans.find(provider)]
    names = [machine.name for machine in found]
    if found:
        emit(Stage("orphans", f"removing {', '.join(names)}"))
        orphans.remove(found)
    return names


def status(name: str) -> Status:
    """An instance as it is; only looks."""
    owner = store.lock_owner(store.folder(name) / "lock")
    try:
        instance = store.read(name)
    except LabError as error:
        return Status(name=name, state="damaged", detail=f"{error.what}; {error.hint}")
    if owner is not None and owner != os.getpid():
        state, detail = "busy", f"process {owner} is at work on it"
    else:
        state, detail = _state(name, instance)
    if instance is None:
        return Status(name=name, state=state, detail=detail)
    return Status(
        name=name,
        state=state,
        provider=instance.provider,
        boxes=len(instance.lab.boxes),
        source=instance.source,
        created=instance.created,
        detail=detail,
    )


def _state(name: str, instance: Instance | None) -> tuple[str, str]:
    """How an instance is that nobody works on, and a sentence on it."""
    try:
        found = next((state for each in providers.keepers(name) if (state := each.state(name)) != "gone"), "gone")
    except LabError as error:
        return "unknown", f"{error.what}; {error.hint}"
    if instance is None and found != "gone":
        return "damaged", f"its state is gone; labctl down {name} clears it away"
    if instance and (instance.halted or found == "halted"):
        return "halted", f"its boxes are off; labctl start {name}"
    if instance and found == "up":
        return "up", _detail(instance)
    if found == "partly":
        return "partly", f"not all of its boxes run; labctl up {name} makes it whole"
    return "lost", f"its boxes are gone (a restart, or a kill); labctl down {name} clears it away"


def _detail(instance: Instance) -> str:
    name = instance.lab.name
    if (store.folder(name) / BROKEN).exists():
        return f"broken on purpose; labctl up {name} mends it"
    return f"bare: its overlay is yours to make; labctl verify {name} tells what is missing" if instance.bare else ""
