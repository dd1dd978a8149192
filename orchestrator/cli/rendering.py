"""`labctl render`: a lab as a directory that works alone."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from orchestrator import labfile, render
from orchestrator.console import Console
from orchestrator.errors import Exit, LabError


def render_lab(options: Namespace, console: Console) -> int:
    """labctl render LAB --to DIR"""
    if not options.to:
        raise LabError("no directory to write to", hint=f"labctl render {options.lab} --to DIR", code=Exit.USAGE)
    lab = labfile.load(labfile.find(options.lab), name=options.name)
    directory = Path(options.to)
    if options.check:
        return _check(options, console, lab.name, render.check(lab, directory))
    changed = render.write(lab, directory)
    if options.json:
        console.json({"lab": lab.name, "directory": str(directory), "changed": changed})
        return Exit.OK
    if changed:
        console.note(f"{directory}: {lab.name}; files written or removed: {len(changed)}")
    else:
        console.note(f"{directory}: {lab.name}; nothing to change")
    console.note(f"next: cd {_shell(directory)} && vagrant up")
    return Exit.OK


def _check(options: Namespace, console: Console, name: str, drifted: list[str]) -> int:
    if options.json:
        console.json({"lab": name, "directory": options.to, "drifted": drifted})
    elif drifted:
        console.data("\n".join(drifted))
        console.note(f"{options.to} differs from what {options.lab} renders to; without --check it is written anew")
    else:
        console.note(f"{options.to} is what {options.lab} renders to")
    return Exit.CHECK_FAILED if drifted else Exit.OK


def _shell(directory: Path) -> str:
    from shlex import quote

    return quote(str(directory))
