"""What each command does: calls the engine, and shows what came back. Each returns its exit status."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import console as terminal
from orchestrator import engine, labfile, providers, store
from orchestrator.cli import show as shown
from orchestrator.console import Console
from orchestrator.errors import Exit, LabError
from orchestrator.model import Lab

if TYPE_CHECKING:
    from orchestrator.verify.results import Report


def list_labs(options: Namespace, console: Console) -> int:
    """labctl list"""
    rows = [shown.Listed.of(labfile.load(path), path) for path in labfile.shipped()]
    if options.json:
        console.json({"labs": rows})
    else:
        cells = [(row.name, str(row.boxes), row.state, row.title) for row in rows]
        console.data(terminal.table(("LAB", "BOXES", "STATE", "TITLE"), cells))
    return Exit.OK


def show(options: Namespace, console: Console) -> int:
    """labctl show LAB"""
    from orchestrator import graph

    lab, source = _lab(options.lab)
    if options.json:
        console.json({"source": str(source), "lab": lab})
    else:
        console.data(f"{lab.name}: {lab.title}\n{source}\n\n{graph.tree(lab, colour=console.colour)}")
    return Exit.OK


def validate(options: Namespace, console: Console) -> int:
    """labctl validate FILE"""
    try:
        lab = labfile.load(labfile.find(options.lab))
    except labfile.LabFileError as error:
        if options.json:
            console.json({"valid": False, "problems": error.problems})
            return Exit.USAGE
        raise
    if options.json:
        console.json({"valid": True, "problems": []})
    else:
        console.data(f"{options.lab}: good: {shown.contents(lab)}")
    return Exit.OK


def status(options: Namespace, console: Console) -> int:
    """labctl status [LAB]"""
    if options.name is not None and options.name not in store.names():
        raise LabError(f"{options.name} is not up", hint="labctl status shows what is", code=Exit.USAGE)
    found = [engine.status(name) for name in (store.names() if options.name is None else [options.name])]
    if options.json:
        console.json({"labs": found})
    elif found:
        console.data(console.typed(shown.status(found)))
    else:
        console.note(console.typed("no lab is up; labctl list shows what there is"))
    return Exit.OK


def verify(options: Namespace, console: Console) -> int:
    """labctl verify LAB"""
    instance, report = engine.verify(options.name, trust=options.trust, deadline=options.deadline, emit=console.event)
    if options.junit:
        _write_junit(report, Path(options.junit))
    if options.html:
        _write_html(instance, report, Path(options.html))
    console.json(shown.report_json(report)) if options.json else console.data(
        console.typed(shown.report(report, colour=console.colour))
    )
    return report.exit_code


def _write_junit(report: Report, path: Path) -> None:
    from orchestrator.verify import junit

    try:
        junit.write(report, path)
    except OSError as error:
        raise LabError(f"cannot write the results: {error.strerror}", where=str(path), code=Exit.USAGE) from error


def _write_html(instance: store.Instance, report: Report, path: Path) -> None:
    from datetime import UTC, datetime

    from orchestrator import report as paper

    facts = paper.gather(
        instance.lab,
        source=Path(instance.source),
        provider=instance.provider,
        now=datetime.now(UTC),
        made=instance.seconds,
    )
    paper.write(instance.lab, report, facts, path)


def ssh(options: Namespace, console: Console) -> int:
    """labctl ssh LAB BOX"""
    instance, _, _ = engine.running(options.name)
    if sys.stdin.isatty():
        console.note(shown.welcome(instance.lab, _box(instance.lab, options.box)))
    return _become(options, ["bash", "-i"] if sys.stdin.isatty() else ["bash"])


def execute(options: Namespace, console: Console) -> int:
    """labctl exec LAB BOX -- COMMAND"""
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise LabError("no command to run", hint=f"labctl exec {options.name} {options.box} -- ip -br address")
    # When labctl is killed, so is the command: setpriv(1).
    return _become(options, ["setpriv", "--pdeathsig", "KILL", "--", *command])


def _become(options: Namespace, command: list[str]) -> int:
    """Becomes the command in the box: its terminal, its signals and its exit status are its own."""
    instance, _, connection = engine.running(options.name)
    argv, environment = connection.interactive(_box(instance.lab, options.box), command)
    sys.stdout.flush()
    try:
        os.execvpe(argv[0], argv, dict(environment))
    except OSError as error:
        raise LabError(f"cannot run {argv[0]}: {error.strerror}", hint="labctl doctor", code=Exit.HOST) from error


def explain(options: Namespace, console: Console) -> int:
    """labctl explain LAB [BOX]"""
    from orchestrator import explain as explaining

    lab, _ = _lab(options.lab)
    if options.box:
        _box(lab, options.box)
    told = explaining.explain(lab, options.box)
    console.json(told) if options.json else console.data(console.typed(explaining.text(told, colour=console.colour)))
    return Exit.OK


def graph(options: Namespace, console: Console) -> int:
    """labctl graph LAB"""
    from orchestrator import graph as picture

    lab, _ = _lab(options.lab)
    if not options.svg:
        console.data(picture.tree(lab, colour=console.colour))
    elif options.svg == "-":
        console.data(picture.svg(lab))
    else:
        try:
            Path(options.svg).write_text(picture.svg(lab), encoding="utf-8")
        except OSError as error:
            raise LabError(f"cannot write the picture: {error.strerror}", where=options.svg, code=Exit.USAGE) from error
    return Exit.OK


def doctor(options: Namespace, console: Console) -> int:
    """labctl doctor"""
    from orchestrator import doctor as examining

    findings = examining.examine()
    console.json({"findings": findings}) if options.json else console.data(console.typed(shown.findings(findings)))
    return Exit.HOST if any(finding.status == "missing" for finding in findings) else Exit.OK


def schema(options: Namespace, console: Console) -> int:
    """labctl schema"""
    console.json(labfile.schema())
    return Exit.OK


def completion(options: Namespace, console: Console) -> int:
    """labctl completion SHELL"""
    from argcomplete.shell_integration import shellcode

    console.data(shellcode(["labctl"], shell=options.shell))
    return Exit.OK


def offers(kind: str, options: Namespace) -> list[str]:
    """What a shell may offer: the shipped `labs`, the `names` of what is up, or the `boxes` of the lab named before."""
    if kind == "labs":
        return [path.parent.name for path in labfile.shipped()]
    if kind == "providers":
        return ["auto", *providers.PROVIDERS]
    if kind == "names":
        return store.names()
    if kind == "faults":
        from orchestrator.faults import FAULTS

        return list(FAULTS)
    try:
        instance = store.read(options.name) if hasattr(options, "name") else None
        lab = instance.lab if instance else labfile.load(labfile.find(options.lab))
    except (LabError, AttributeError):
        return []
    return [box.name for box in lab.boxes]


def _lab(reference: str) -> tuple[Lab, Path]:
    source = labfile.find(reference)
    return labfile.load(source), source


def _box(lab: Lab, name: str) -> str:
    """The box's name, if the lab has such a box."""
    names = [box.name for box in lab.boxes]
    if name not in names:
        raise LabError(f"{lab.name} has no box {name!r}", hint=f"its boxes are {', '.join(names)}", code=Exit.USAGE)
    return name
