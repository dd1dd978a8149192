"""The verbs of a lab's life: up, halt, start, down."""

from __future__ import annotations

import os
from argparse import Namespace

from orchestrator import engine, store
from orchestrator.cli import show as shown
from orchestrator.console import Console
from orchestrator.errors import Exit, LabError


def up(options: Namespace, console: Console) -> int:
    """labctl up LAB"""
    _settings(options)
    wanted = engine.Options(
        name=options.name,
        provider=options.provider,
        verify=not options.no_verify,
        trust=options.trust,
        deadline=options.deadline,
        bare=options.bare,
        converge=options.converge,
        keep=options.on_failure == "keep",
    )
    if options.dry_run:
        todo = engine.dry_run(options.lab, wanted)
        console.json(todo) if options.json else console.data(shown.dry_run(todo))
        return Exit.OK
    return _made(engine.up(options.lab, wanted, console.event), options, console)


def halt(options: Namespace, console: Console) -> int:
    """labctl halt LAB"""
    changed = engine.halt(options.name, console.event)
    if options.json:
        console.json({"halted": options.name, "changed": changed})
    else:
        words = "is halted" if changed else "was halted already"
        console.note(console.typed(f"{options.name} {words}; labctl start {options.name} turns it on again"))
    return Exit.OK


def start(options: Namespace, console: Console) -> int:
    """labctl start LAB"""
    _settings(options)
    wanted = engine.Options(verify=not options.no_verify, trust=options.trust, deadline=options.deadline)
    return _made(engine.start(options.name, wanted, console.event), options, console)


def down(options: Namespace, console: Console) -> int:
    """labctl down LAB | --all | --orphans"""
    if [bool(options.name), options.all, options.orphans].count(True) != 1:
        raise LabError("name one lab, or say --all", hint="labctl status shows what is up", code=Exit.USAGE)
    if options.orphans:
        return _orphans(options, console)
    wanted = store.names() if options.all else [options.name]
    gone: list[str] = []
    failed: list[LabError] = []
    for name in wanted:
        try:
            gone += [name] if engine.down(name, console.event) else []
        except LabError as error:  # one whose hypervisor does not answer keeps no other from going
            if not options.all:
                raise
            failed.append(error)
    if options.json:
        console.json({"down": gone})
    elif gone:
        console.note(f"{', '.join(gone)}: down, and nothing is left")
    elif not failed:
        console.note("no lab is up" if options.all else f"{options.name} is not up; nothing to do")
    for each in failed:
        console.error(each)
    return failed[0].code if failed else Exit.OK


def _orphans(options: Namespace, console: Console) -> int:
    gone = engine.remove_orphans(console.event)
    if options.json:
        console.json({"down": gone})
    else:
        console.note(f"removed: {', '.join(gone)}" if gone else "there are no orphans")
    return Exit.OK


def _made(result: engine.Up, options: Namespace, console: Console) -> int:
    console.json(shown.up_json(result)) if options.json else console.data(
        console.typed(shown.up(result, colour=console.colour))
    )
    return result.report.exit_code if result.report else Exit.OK


def _settings(options: Namespace) -> None:
    """Settings of this machine, not of a lab's: a rendered Vagrantfile reads them from its environment, too."""
    for name in ("boot_timeout", "workers"):
        if getattr(options, name) is not None:
            os.environ[f"LABCTL_{name.upper()}"] = str(getattr(options, name))
