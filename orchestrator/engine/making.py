"""`up`: makes the world equal to a lab file, from nothing or from what is there."""

from __future__ import annotations

import datetime
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from orchestrator import labfile, providers, store
from orchestrator.converge import direct
from orchestrator.engine import refusals
from orchestrator.engine.instances import as_made
from orchestrator.engine.proof import Options, prove
from orchestrator.errors import LabError
from orchestrator.events import Emit, Stage
from orchestrator.model import Lab, bare
from orchestrator.plan import Plan, Step, plan
from orchestrator.providers import Fresh, Provider
from orchestrator.store import Instance

if TYPE_CHECKING:
    from orchestrator.connections import Connection
    from orchestrator.verify.results import Report


class Up(Struct, frozen=True, kw_only=True):
    """What `up` did. `commands`: how many changed something; `seconds`: by stage, in order."""

    lab: Lab
    provider: str
    created: bool
    commands: int
    left_alone: tuple[str, ...]
    bare: bool
    seconds: dict[str, float]
    report: Report | None


class DryRun(Struct, frozen=True, kw_only=True):
    """What `up` would run, in order: (box, or "" for the switches; the command; why)."""

    lab: Lab
    provider: str
    created: bool
    steps: tuple[tuple[str, str, str], ...]
    left_alone: tuple[str, ...]


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, stage: str) -> None:
        """The time since the last lap belongs to `stage`."""
        now = time.monotonic()
        self.seconds[stage] = round(now - self._last, 4)
        self._last = now


def up(reference: str, options: Options, emit: Emit) -> Up:
    """Makes the world equal to a lab file, and proves it. What this call created and could not finish is undone."""
    clock = Clock()
    lab, source = read(reference, options)
    clock.lap("read")
    with store.locked(lab.name):
        provider, existing = _standing(lab, source, options)
        if existing is None:
            return _create(lab, source, provider, options, clock, emit)
        return _converge(lab, existing, provider, options, clock, emit)


def dry_run(reference: str, options: Options) -> DryRun:
    """What `up` would run now; touches nothing."""
    lab, source = read(reference, options)
    provider, existing = _standing(lab, source, options)
    if existing is None:
        todo, steps = plan(_made(lab, options)), [*provider.steps(lab)]
    else:
        from orchestrator.engine import breaking

        observed = direct.observe(lab, provider.connection(existing))
        made = _made(as_made(_learned(existing, lab, options), observed), options)
        todo, steps = plan(made, observed), breaking.undo_steps(lab.name)
    steps += todo.steps
    lines = tuple((step.where, " ".join(c.argv), c.why) for step in steps for c in step.commands)
    return DryRun(lab=lab, provider=provider.name, created=existing is None, steps=lines, left_alone=todo.left_alone)


def _made(lab: Lab, options: Options) -> Lab:
    """What of the lab is made by labctl, and not left to the learner."""
    return bare(lab) if options.bare else lab


def _learned(existing: Instance, lab: Lab, options: Options) -> Instance:
    """The instance as it will be."""
    by_hand = existing.by_hand or options.bare
    return msgspec.structs.replace(existing, lab=lab, bare=options.bare, by_hand=by_hand)


def read(reference: str, options: Options) -> tuple[Lab, Path]:
    """The lab that is meant, and its file's absolute path: that of what is up under this name, where no file is."""
    try:
        source, name = labfile.find(reference), options.name
    except LabError:
        stored = store.read(reference) if options.name is None and reference in store.names() else None
        if stored is None:
            raise
        source, name = Path(stored.source), reference
    return labfile.load(source, name=name), source.absolute()


def _standing(lab: Lab, source: Path, options: Options) -> tuple[Provider, Instance | None]:
    """The provider for this lab, and the instance that is up under its name, if it is this lab's."""
    chosen, _ = providers.choose(options.provider)
    try:
        stored = store.read(lab.name)
    except LabError:
        if chosen.alive(lab.name):
            raise
        return chosen, None  # half-written, and nothing runs: to be made anew
    if stored is None:
        if chosen.alive(lab.name):
            raise LabError(f"{lab.name} runs, but its state is gone", hint=f"labctl down {lab.name} clears it away")
        return chosen, None
    keeper = providers.get(stored.provider)
    if not keeper.alive(lab.name):
        return chosen, None
    refusals.require_same(lab, stored, source, options.provider)
    return keeper, stored


def _create(lab: Lab, source: Path, provider: Provider, options: Options, clock: Clock, emit: Emit) -> Up:
    emit(Stage(lab.name, f"making {len(lab.boxes)} boxes on {provider.name}"))
    made = _made(lab, options)
    todo = plan(made)
    try:
        with provider.create(lab) as fresh:
            clock.lap("create")
            emit(Stage(lab.name, "configuring the underlay" if options.bare else "configuring the overlay"))
            _apply(todo, made, provider, fresh.connection, options, emit)
            clock.lap("configure")
            store.write(_instance(lab, source, provider, options, clock.seconds))
            try:
                report = prove(made, provider, fresh.connection, source, options, emit)
            except Exception:
                fresh.commit()  # that it could not be checked is no fault of the lab's: it stays
                raise
            _commit(fresh)
            clock.lap("verify" if options.verify else "commit")
    finally:
        if not provider.alive(lab.name):
            store.forget(lab.name)
    return _result(lab, provider, options, True, [*provider.steps(lab), *todo.steps], todo, clock, report)


def _commit(fresh: Fresh) -> None:
    """The point of no return: an interrupt comes before it and undoes the lab, or is held back for good."""
    interrupts = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, interrupts)
    if signal.sigpending() & interrupts:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, interrupts)
    fresh.commit()


def _converge(lab: Lab, existing: Instance, provider: Provider, options: Options, clock: Clock, emit: Emit) -> Up:
    from orchestrator.engine import breaking

    connection = provider.connection(existing)
    undone = 0
    if breaking.faults_of(lab.name):
        emit(Stage(lab.name, "taking back what was broken on purpose"))
        undone = breaking.revert(lab.name, connection)
    emit(Stage(lab.name, "looking for differences"))
    observed, learned = direct.observe(lab, connection), _learned(existing, lab, options)
    made = _made(as_made(learned, observed), options)
    todo = plan(made, observed)
    refusals.refuse_taken_ports(made, todo, connection)
    if todo.steps:
        emit(Stage(lab.name, "mending what differs"))
    _apply(todo, made, provider, connection, options, emit)
    breaking.forget(lab.name)
    if learned != existing:
        store.write(learned)
    clock.lap("configure")
    report = prove(made, provider, connection, Path(existing.source), options, emit)
    clock.lap("verify")
    return _result(lab, provider, options, False, todo.steps, todo, clock, report, undone)


def _apply(todo: Plan, lab: Lab, provider: Provider, connection: Connection, options: Options, emit: Emit) -> None:
    if todo.conflicts:
        raise LabError("; ".join(todo.conflicts), hint="labctl does not touch what it did not make: remove it by hand")
    if options.converge == "ansible":
        from orchestrator.converge import ansible, inventory

        def told(box: str, what: str) -> None:
            emit(Stage(lab.name, f"{box}: {what}"))

        ansible.apply(lab, inventory.over_netns(lab, connection), directory=store.root() / "ansible", emit=told)
    else:
        direct.apply(todo.steps, connection)
    provider.settle(lab)


def _instance(lab: Lab, source: Path, provider: Provider, options: Options, seconds: dict[str, float]) -> Instance:
    uid, gid = provider.owner()
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Instance(
        lab=lab, provider=provider.name, source=str(source), created=now, uid=uid, gid=gid, seconds=dict(seconds),
        bare=options.bare, by_hand=options.bare, id=os.urandom(8).hex(),
    )  # fmt: skip


def _result(
    lab: Lab,
    provider: Provider,
    options: Options,
    created: bool,
    steps: list[Step] | tuple[Step, ...],
    todo: Plan,
    clock: Clock,
    report: Report | None,
    undone: int = 0,
) -> Up:
    return Up(
        lab=lab,
        provider=provider.name,
        created=created,
        commands=undone + sum(len(step.commands) for step in steps),
        left_alone=todo.left_alone,
        bare=options.bare,
        seconds=clock.seconds,
        report=report,
    )
