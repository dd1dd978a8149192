"""`halt` and `start`: boxes off, and on again with all that they had."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from orchestrator import providers, store
from orchestrator.converge import direct
from orchestrator.engine import making
from orchestrator.engine.converging import converge
from orchestrator.engine.instances import BROKEN
from orchestrator.engine.making import Clock, Standing, Up
from orchestrator.engine.proof import Options, prove
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit, Stage
from orchestrator.model import Lab, bare
from orchestrator.plan import Plan, plan
from orchestrator.store import Instance

if TYPE_CHECKING:
    from orchestrator.connections import Connection

_AGAIN = 0.5
"""Seconds between two looks at boxes that are still booting."""


def halt(name: str, emit: Emit) -> bool:
    """Turns a lab's boxes off; whether they were on."""
    with store.locked(name):
        instance = _stored(name)
        if instance.halted:
            return False
        providers.get(instance.provider).halt(name, emit)
        store.write(msgspec.structs.replace(instance, halted=True))
        store.remove(name, BROKEN)  # it was in kernels that run no more
    return True


def start(name: str, options: Options, emit: Emit) -> Up:
    """Turns a lab's boxes on, and proves that all is there again. Nothing is mended: `up` does that."""
    clock = Clock()
    with store.locked(name):
        instance = _stored(name)
        provider = providers.get(instance.provider)
        lab, made = instance.lab, bare(instance.lab) if instance.bare else instance.lab
        options = msgspec.structs.replace(options, bare=instance.bare)
        if provider.lasting and provider.state(name) == "gone":
            raise LabError(f"the machines of {name} are gone", hint=f"labctl up {name} makes them anew")
        emit(Stage(name, f"starting {len(lab.boxes)} boxes on {provider.name}"))
        with provider.create(lab, emit) as fresh:
            clock.lap("create")
            if provider.blank:
                todo = plan(made)
                converge(todo, made, provider, fresh.connection, options, emit)
            else:
                emit(Stage(name, "waiting for the overlay, which comes with the boxes"))
                todo = _awaited(made, fresh.connection)
            clock.lap("configure")
            fresh.commit()
            store.write(msgspec.structs.replace(instance, halted=False))
            report = prove(made, provider, fresh.connection, Path(instance.source), options, emit)
            clock.lap("verify")
    return making.result(lab, Standing(provider, "as before", instance), options, 0, todo, clock, report)


def _awaited(lab: Lab, connection: Connection) -> Plan:
    """Waits until nothing is left to do in the boxes, as long as a box may take to answer."""
    deadline = time.monotonic() + connection.allowance
    while True:
        todo = plan(lab, direct.observe(lab, connection))
        if not todo.steps or time.monotonic() > deadline:
            return todo
        time.sleep(_AGAIN)


def _stored(name: str) -> Instance:
    instance = store.read(name)
    if instance is None:
        raise LabError(f"{name} is not up", hint=f"labctl up {name} makes it", code=Exit.USAGE)
    return instance
