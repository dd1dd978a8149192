"""`labctl break`: what there is to break, breaking it, and telling what is broken."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from orchestrator import faults
from orchestrator.console import Console, table
from orchestrator.engine import breaking, running
from orchestrator.errors import Exit, LabError
from orchestrator.faults import Broken
from orchestrator.store import Instance


def break_lab(options: Namespace, console: Console) -> int:
    """labctl break LAB [FAULT | --random | --reveal]"""
    if sum((options.fault is not None, options.random, options.reveal)) > 1:
        raise LabError("give one of FAULT, --random and --reveal", code=Exit.USAGE)
    if options.seed is not None and not options.random:
        raise LabError("--seed is for --random", code=Exit.USAGE)
    if options.reveal:
        return _reveal(options, console)
    if options.random:
        return _random(options, console)
    if options.fault is None:
        return _list(options, console)
    made = breaking.break_lab(options.name, options.fault, options.box, console.event)
    if options.json:
        console.json({"broken": [_told(made)]})
    else:
        console.data(console.typed(f"{made.sentence}\n{_next(options.name)}"))
    return Exit.OK


def _random(options: Namespace, console: Console) -> int:
    if options.box is not None:
        raise LabError("--random chooses the box too", code=Exit.USAGE)
    from secrets import randbelow

    seed = randbelow(1_000_000) if options.seed is None else options.seed
    breaking.break_at_random(options.name, seed, console.event)
    if options.json:
        console.json({"broken": [{"seed": seed, "hidden": True}]})
    else:
        console.data(console.typed(
            f"{options.name} has a fault now (--seed {seed} makes the same one again)\n{_next(options.name)}\n"
            f"       labctl break {options.name} --reveal tells what it is"
        ))  # fmt: skip
    return Exit.OK


def _reveal(options: Namespace, console: Console) -> int:
    running(options.name)
    known = breaking.faults_of(options.name)
    if options.json:
        console.json({"broken": [_told(broken) for broken in known]})
    elif known:
        rows = [(broken.fault, broken.box, broken.overlay, broken.sentence) for broken in known]
        console.data(table(("FAULT", "BOX", "OVERLAY", "WHAT"), rows))
    else:
        console.note(f"nothing was broken in {options.name}, or up has mended it")
    return Exit.OK


def _list(options: Namespace, console: Console) -> int:
    instance, _, _ = running(options.name)
    rows = [row for row in _rows(instance) if options.box is None or options.box in row[1]]
    if options.json:
        keys = ("fault", "boxes", "mended", "what")
        console.json({"faults": [dict(zip(keys, row, strict=True)) for row in rows]})
        return Exit.OK
    cells = [(name, _boxes(boxes, instance), mended, what) for name, boxes, mended, what in rows]
    console.data(table(("FAULT", "BOXES", "UP", "WHAT, FOR EXAMPLE"), cells))
    console.data(console.typed(f"\n  try: labctl break {options.name} {rows[0][0]}") if rows else "")
    return Exit.OK


def _rows(instance: Instance) -> list[tuple[str, list[str], str, str]]:
    rows = []
    for fault in faults.FAULTS.values():
        places = faults.places(instance.lab, instance.provider, fault)
        if places:
            boxes = list(dict.fromkeys(site.vtep.box for site in places))
            rows.append((fault.name, boxes, fault.mended, fault.sentence.format_map(places[0].words())))
    return rows


def _boxes(boxes: Sequence[str], instance: Instance) -> str:
    return "any" if len(boxes) == len(instance.lab.boxes) else ", ".join(boxes)


def _told(broken: Broken) -> dict[str, object]:
    return {key: getattr(broken, key) for key in ("fault", "box", "overlay", "sentence", "hidden")}


def _next(name: str) -> str:
    return (f"  try: labctl verify {name}\n       labctl diagnose {name}\n"
            f"       labctl up {name} mends it")  # fmt: skip
