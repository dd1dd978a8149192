"""Checking a lab, for `up` and for `verify`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from orchestrator import labfile, store
from orchestrator.events import Checked, Emit, Notice, Stage
from orchestrator.model import Lab

if TYPE_CHECKING:
    from orchestrator.connections import Connection
    from orchestrator.providers import Provider
    from orchestrator.verify.results import CheckResult, Report

_PROVING_AT_ONCE = 2 * (os.cpu_count() or 1)
"""Labs of one user that are checked at once. More is no faster, and their pings could fill the neighbour table."""


class Options(Struct, frozen=True, kw_only=True):
    """How `up` is to go about it; see the command line's options of the same names.

    bare: overlays are not made, and a lab's own tests, which may be about them, not run; converge: `direct`, `ansible`
    or `auto`, the provider's own way; keep: a virtual machine that cannot be finished is left for a look at it.
    """

    name: str | None = None
    provider: str = "auto"
    verify: bool = True
    trust: bool = False
    deadline: float = 10.0
    bare: bool = False
    converge: str = "auto"
    keep: bool = False


def prove(
    lab: Lab, provider: Provider, connection: Connection, source: Path, options: Options, emit: Emit
) -> Report | None:
    """All checks of a lab, as `options` say; None where they say none. Waits for its turn among this user's labs."""
    if not options.verify:
        return None
    from orchestrator import verify as proving

    done = 0

    def checked(result: CheckResult) -> None:
        nonlocal done
        done += 1
        emit(Checked(lab.name, f"{result.box} {result.check}", result.status, done))

    trusted = options.trust or labfile.is_shipped(source)
    emit(Stage(lab.name, "checking"))
    with store.turn(_PROVING_AT_ONCE):
        report = proving.run(
            lab,
            connection,
            provider=provider.name,
            directory=None if options.bare else source.parent,
            trust=trusted,
            deadline=options.deadline,
            emit=checked,
        )
    for notice in provider.warnings():
        emit(Notice(lab.name, notice))
    return report
