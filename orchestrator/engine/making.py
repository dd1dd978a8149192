"""`up`: makes the world equal to a lab file, from nothing or from what is there."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from orchestrator import labfile, providers, store
from orchestrator.converge import direct
from orchestrator.engine import refusals
from orchestrator.engine.converging import converge, taken_back
from orchestrator.engine.instances import BROKEN, as_made
from orchestrator.engine.proof import Options, prove
from orchestrator.errors import LabError
from orchestrator.events import Emit, Stage
from orchestrator.model import Lab, bare
from orchestrator.plan import Plan, plan
from orchestrator.providers import Fresh, Provider
from orchestrator.store import Instance

if TYPE_CHECKING:
    from orchestrator.verify.results import Report


class Up(Struct, frozen=True, kw_only=True):
    """What `up` did, or `start`. `why`: what chose the provider; `started`: boxes that were off are on again;
    `commands`: how many changed something; `seconds`: by stage, in order.
    """

    lab: Lab
    provider: str
    why: str
    created: bool
    started: bool
    commands: int
    left_alone: tuple[str, ...]
    bare: bool
    seconds: dict[str, float]
    report: Report | None


class Standing(NamedTuple):
    """What there is of a lab. provider: which keeps it, or will, and why; instance: what is stored; whole: all of its
    boxes run.
    """

    provider: Provider
    why: str
    instance: Instance | None = None
    whole: bool = False


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
        standing = _standing(lab, source, options)
        make = _converge if standing.whole else _create
        return make(lab, source, standing, options, clock, emit)


def dry_run(reference: str, options: Options) -> DryRun:
    """What `up` would run now; touches nothing."""
    lab, source = read(reference, options)
    provider, _, existing, whole = _standing(lab, source, options)
    if existing is None or not whole:
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
    return msgspec.structs.replace(existing, lab=lab, bare=options.bare, by_hand=by_hand, halted=False)


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


def _standing(lab: Lab, source: Path, options: Options) -> Standing:
    """What there is under the lab's name, if it is this lab's. Raises LabError where it is another's."""
    chosen, why = providers.choose(options.provider)
    try:
        stored = store.read(lab.name)
    except LabError:
        if chosen.state(lab.name) != "gone":
            raise
        return Standing(chosen, why)  # half-written, and nothing runs: to be made anew
    if stored is None:
        if chosen.state(lab.name) != "gone":
            raise LabError(f"{lab.name} runs, but its state is gone", hint=f"labctl down {lab.name} clears it away")
        return Standing(chosen, why)
    keeper = providers.get(stored.provider)
    state = keeper.state(lab.name)
    if state == "gone" and not stored.halted:
        return Standing(chosen, why) if options.provider != "auto" else Standing(keeper, "as before")
    refusals.require_same(lab, stored, source, options.provider)
    return Standing(keeper, "as before", stored, state == "up" and not stored.halted)


def _create(lab: Lab, source: Path, standing: Standing, options: Options, clock: Clock, emit: Emit) -> Up:
    """Makes what is missing of the boxes: all of them, or those that a halt or an accident has left."""
    provider, existing = standing.provider, standing.instance
    emit(Stage(lab.name, f"making {len(lab.boxes)} boxes on {provider.name}: {standing.why}"))
    made = _made(lab, options)
    instance = _learned(existing, lab, options) if existing else _instance(lab, source, provider, options)
    if provider.lasting:
        store.write(instance)
    try:
        with provider.create(lab, emit, keep=options.keep) as fresh:
            clock.lap("create")
            changed = taken_back(lab, fresh.connection) if existing else 0
            emit(Stage(lab.name, "configuring the underlay" if options.bare else "configuring the overlay"))
            todo = plan(made) if provider.blank else plan(made, direct.observe(lab, fresh.connection))
            changed += converge(todo, made, provider, fresh.connection, options, emit)
            store.remove(lab.name, BROKEN)
            clock.lap("configure")
            store.write(msgspec.structs.replace(instance, seconds=dict(clock.seconds)))
            try:
                report = prove(made, provider, fresh.connection, source, options, emit)
            except Exception:
                fresh.commit()  # that it could not be checked is no fault of the lab's: it stays
                raise
            _commit(fresh)
            clock.lap("verify" if options.verify else "commit")
    finally:
        with contextlib.suppress(LabError):  # what a hypervisor has that does not answer is not to be forgotten
            if existing is None and provider.state(lab.name) == "gone":
                store.forget(lab.name)
    changed += sum(len(step.commands) for step in provider.steps(lab))
    return result(lab, standing, options, changed, todo, clock, report)


def _commit(fresh: Fresh) -> None:
    """The point of no return: an interrupt comes before it and undoes the lab, or is held back for good."""
    interrupts = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, interrupts)
    if signal.sigpending() & interrupts:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, interrupts)
    fresh.commit()


def _converge(lab: Lab, source: Path, standing: Standing, options: Options, clock: Clock, emit: Emit) -> Up:
    """Mends what differs in boxes that run."""
    from orchestrator.engine import breaking

    provider, existing = standing.provider, standing.instance
    assert existing is not None
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
    changed = converge(todo, made, provider, connection, options, emit)
    breaking.forget(lab.name)
    if learned != existing:
        store.write(learned)
    clock.lap("configure")
    report = prove(made, provider, connection, source, options, emit)
    clock.lap("verify")
    return result(lab, standing, options, undone + changed, todo, clock, report)


def _instance(lab: Lab, source: Path, provider: Provider, options: Options) -> Instance:
    uid, gid = provider.owner()
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Instance(
        lab=lab, provider=provider.name, source=str(source), created=now, uid=uid, gid=gid,
        bare=options.bare, by_hand=options.bare, id=os.urandom(8).hex(),
    )  # fmt: skip


def result(
    lab: Lab, standing: Standing, options: Options, changed: int, todo: Plan, clock: Clock, report: Report | None
) -> Up:
    """What was done, put together."""
    return Up(
        lab=lab,
        provider=standing.provider.name,
        why=standing.why,
        created=standing.instance is None,
        started=standing.instance is not None and not standing.whole,
        commands=changed,
        left_alone=todo.left_alone,
        bare=options.bare,
        seconds=clock.seconds,
        report=report,
    )
