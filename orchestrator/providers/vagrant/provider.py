"""Boxes as virtual machines: Vagrant makes them from a rendered folder, one process a box.

What was begun and what was finished is in a journal before it is done. What there really is, the hypervisor says.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator import box as images
from orchestrator import store
from orchestrator.connections.ssh import Ssh
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit, Stage
from orchestrator.iproute import Command
from orchestrator.model import Lab
from orchestrator.plan import Step
from orchestrator.providers import JOURNAL, State
from orchestrator.providers.vagrant import addresses, half_made, hypervisors
from orchestrator.providers.vagrant.crew import Crew, Journal, explained
from orchestrator.providers.vagrant.machines import Vagrant, VagrantError
from orchestrator.providers.vagrant.marked import Machine
from orchestrator.render import machine_name, prefix, write
from orchestrator.store import Instance

_FOLDER = "vagrant"

_LOCKED = 20
"""How often a machine is tried that another Vagrant, which was interrupted, still tidies up; see `_PAUSE`."""

_PAUSE = 3.0
"""Seconds between two such attempts."""


class FreshMachines:
    """See providers.Fresh. Machines that are finished stay, so there is nothing to undo or to commit."""

    def __init__(self, connection: Ssh) -> None:
        self.connection = connection

    def commit(self) -> None:
        """See providers.Fresh."""

    def __enter__(self) -> FreshMachines:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class VirtualMachines:
    """See providers.Provider. `name` is the hypervisor's, as Vagrant calls it: virtualbox or libvirt."""

    converges, blank, lasting = "ansible", False, True

    def __init__(self, name: str) -> None:
        self.name = name

    def steps(self, lab: Lab) -> Sequence[Step]:
        """See providers.Provider."""
        vagrant = ("vagrant", "up", "--no-provision", f"--provider={self.name}")
        commands = [Command((*vagrant, box.name), f"the machine {box.name}") for box in lab.boxes]
        return (Step("", tuple(commands)),)

    def create(self, lab: Lab, emit: Emit, *, keep: bool = False) -> FreshMachines:
        """See providers.Provider. Makes the machines that are missing, starts those that are off, leaves the others."""
        hypervisors.require(self.name)
        _require_plain(store.root())
        kept = store.load(lab.name, JOURNAL, Journal)  # another provider's, whose machines are gone, is of no use
        journal = kept if kept and kept.provider == self.name else Journal(provider=self.name)
        journal.save(lab.name)
        try:
            return FreshMachines(self._made(lab, journal, emit))
        except BaseException:
            with contextlib.suppress(LabError):  # the first failure is the one to tell; the journal keeps what is left
                if not keep:
                    self._clear(lab, self._vagrant(lab.name), journal, emit)
                    self._tidy(lab.name)
            raise

    def _made(self, lab: Lab, journal: Journal, emit: Emit) -> Ssh:
        """See `create`; what this could not finish is left as it is."""
        if lab.machine.image == images.NAME:  # any other is for Vagrant to find
            images.ensure(self.name, lab.machine.image, lab.machine.version, emit)
        folder = _folder(lab.name)
        write(lab, folder)
        vagrant = self._vagrant(lab.name)
        self._clear(lab, vagrant, journal, emit)
        if self.name == "virtualbox":
            journal.before = half_made.before(lab.machine.image)
            journal.save(lab.name)
        there = {machine.name: machine for machine in self._ours(lab.name)}
        names = {box.name: machine_name(lab.name, box.name, folder) for box in lab.boxes}
        off = [box for box, name in names.items() if name not in there or there[name].state != "running"]
        missing = [box for box, name in names.items() if name not in there]
        journal.boxes.update(dict.fromkeys(missing, "wanted"))
        journal.save(lab.name)
        if missing:
            addresses.forget(lab.name, missing)
        Crew(lab.name, vagrant, journal, emit).make(off, first_alone=not there)
        with _explained("ssh-config", "", vagrant):
            connection = addresses.ask(lab, vagrant)
        connection.learn()
        return connection

    def settle(self, lab: Lab) -> None:
        """See providers.Provider. A hypervisor's switch forwards from the start."""

    def owner(self) -> tuple[int, int]:
        """See providers.Provider."""
        return os.getuid(), os.getgid()

    def warnings(self) -> Sequence[str]:
        """See providers.Provider."""
        return ()

    def state(self, name: str) -> State:
        """See providers.Provider."""
        journal = self._journal(name)
        if journal is None:
            return "gone"
        running = [machine.state == "running" for machine in self._ours(name)]
        if not running:
            return "gone"
        whole = addresses.known(name) and all(state == "finished" for state in journal.boxes.values())
        if not whole or len(running) < len(journal.boxes):
            return "partly"
        return "up" if all(running) else "partly" if any(running) else "halted"

    def connection(self, instance: Instance) -> Ssh:
        """See providers.Provider."""
        return addresses.read(instance.lab)

    def halt(self, name: str, emit: Emit) -> None:
        """See providers.Provider."""
        emit(Stage(name, "shutting its machines down"))
        vagrant = self._vagrant(name)
        with _explained("halt", "", vagrant):
            vagrant.turn_off((), lambda line: None)

    def destroy(self, name: str) -> bool:
        """See providers.Provider. Whatever bears the mark of this copy of the lab goes, with Vagrant or without."""
        journal = self._journal(name)
        if journal is None:
            return False
        folder = _folder(name)
        if (folder / "Vagrantfile").exists():
            with contextlib.suppress(VagrantError):  # what it leaves is removed without it
                self._destroy(self._vagrant(name), ())
        for machine in self._ours(name):
            hypervisors.remove(machine)
        if journal.before:
            half_made.clear(journal.before)
        hypervisors.remove_networks(self.name, prefix(name, folder))
        hypervisors.remove_disks(self.name, prefix(name, folder))
        self._tidy(name)
        return True

    def _vagrant(self, name: str) -> Vagrant:
        return Vagrant(_folder(name), self.name, store.root() / f"{name}.vagrant.log")

    def _clear(self, lab: Lab, vagrant: Vagrant, journal: Journal, emit: Emit) -> None:
        """Removes the machines that were begun and not finished, and those that Vagrant lost track of."""
        name, begun = lab.name, journal.unfinished()
        if begun:
            emit(Stage(name, f"removing what was not finished: {', '.join(begun)}"))
            with contextlib.suppress(VagrantError):
                self._destroy(vagrant, begun)
        folder = _folder(name)
        kept = {machine_name(name, box, folder) for box, state in journal.boxes.items() if state == "finished"}
        for machine in self._ours(name):
            if machine.name not in kept:
                hypervisors.remove(machine)
        hypervisors.remove_disks(self.name, prefix(name, folder))
        if journal.before:
            half_made.clear(journal.before)
        for box in begun:
            shutil.rmtree(folder / ".vagrant" / "machines" / box, ignore_errors=True)
            journal.note(name, box, "wanted")

    def _destroy(self, vagrant: Vagrant, boxes: Sequence[str]) -> None:
        for attempt in range(_LOCKED):
            try:
                vagrant.remove(boxes, lambda line: None)
                return
            except VagrantError as error:
                failure = explained("destroy", boxes[0] if boxes else "", error, vagrant)
                if not (failure.retry or failure.name == "machine_locked") or attempt == _LOCKED - 1:
                    raise
                time.sleep(_PAUSE)

    def _tidy(self, name: str) -> None:
        """Where no machine is left, nothing else is."""
        if not self._ours(name):
            shutil.rmtree(_folder(name), ignore_errors=True)
            for file in (JOURNAL, *addresses.FILES):
                store.remove(name, file)

    def _journal(self, name: str) -> Journal | None:
        try:
            journal = store.load(name, JOURNAL, Journal)
        except LabError:
            journal = Journal(provider=self.name)  # damaged: what there really is, the hypervisor says
        return journal if journal and journal.provider == self.name else None

    def _ours(self, name: str) -> list[Machine]:
        mark = prefix(name, _folder(name))
        return [machine for machine in hypervisors.machines(self.name) if machine.name.startswith(mark)]


@contextlib.contextmanager
def _explained(stage: str, box: str, vagrant: Vagrant) -> Iterator[None]:
    try:
        yield
    except VagrantError as error:
        raise explained(stage, box, error, vagrant).error() from error


def _require_plain(root: Path) -> None:
    """Refuses a path that ssh_config(5) would expand: Vagrant writes those of keys as they are."""
    if "%" in str(root):
        hint = "set XDG_STATE_HOME to a folder without %"
        raise LabError("SSH finds no key in a folder with % in its name", where=str(root), hint=hint, code=Exit.HOST)


def _folder(name: str) -> Path:
    return store.folder(name) / _FOLDER
