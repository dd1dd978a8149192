"""Boxes as planned: by the direct way, or by Ansible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator import store
from orchestrator.converge import direct
from orchestrator.engine.instances import BROKEN
from orchestrator.engine.proof import Options
from orchestrator.errors import LabError
from orchestrator.events import Emit, Stage
from orchestrator.model import Lab
from orchestrator.plan import Plan

if TYPE_CHECKING:
    from orchestrator.connections import Connection
    from orchestrator.providers import Provider


def converge(todo: Plan, lab: Lab, provider: Provider, connection: Connection, options: Options, emit: Emit) -> int:
    """Makes the boxes as planned, the provider's way or as asked for; how many commands changed something.

    Raises LabError where something stands in the way that labctl did not make.
    """
    if todo.conflicts:
        raise LabError("; ".join(todo.conflicts), hint="labctl does not touch what it did not make: remove it by hand")
    if (provider.converges if options.converge == "auto" else options.converge) == "ansible":
        changed = _by_ansible(lab, provider, connection, emit)
    else:
        direct.apply(todo.steps, connection)
        changed = sum(len(step.commands) for step in todo.steps)
    provider.settle(lab)
    return changed


def taken_back(lab: Lab, connection: Connection) -> int:
    """Boxes that still run may have what was broken there on purpose; how many commands ran to take that back."""
    if not (store.folder(lab.name) / BROKEN).exists():  # spares an import
        return 0
    from orchestrator.engine import breaking

    return breaking.revert(lab.name, connection)


def _by_ansible(lab: Lab, provider: Provider, connection: Connection, emit: Emit) -> int:
    from orchestrator.converge import ansible, inventory

    def told(box: str, what: str) -> None:
        emit(Stage(lab.name, f"{box}: {what}"))

    variables = inventory.of(lab, connection, lasting=provider.lasting)
    patience = max(int(connection.allowance), ansible.CONNECT_SECONDS)
    directory = store.root() / "ansible"
    done = ansible.apply(lab, variables, directory=directory, connect_timeout=patience, emit=told)
    return sum(len(each.commands) + len(each.files) for each in done.values())
