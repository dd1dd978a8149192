"""`labctl hint`: a little more help each time."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from textwrap import wrap

import msgspec

from orchestrator.console import Console
from orchestrator.engine.hinting import STEPS, Hint, hint
from orchestrator.verify.results import Report

_NEXT = ("what is wrong", "what mends it")


def show(options: Namespace, console: Console) -> int:
    """labctl hint LAB"""
    found, report = hint(options.name, deadline=options.deadline, emit=console.event)
    if options.json:
        console.json(msgspec.structs.asdict(found) | {"exit_code": int(report.exit_code)})
    else:
        console.data(console.typed("\n".join(text(found, passed(report)))))
    return report.exit_code


def passed(report: Report) -> str:
    """How the checks stand."""
    return f"{report.count('passed')} of {len(report.results)} checks passed"


def text(found: Hint, standing: str, *, width: int = 88) -> Iterator[str]:
    """A hint for a person, line by line. `standing`: how the checks stand."""
    yield f"{found.lab}: {standing}" + (f"; hint {found.step} of {STEPS}" if found.step else "")
    if not found.step:
        return
    yield f"  look at  {found.look}"
    for number, sentence in enumerate(found.wrong):
        label = "  because  " if number else "  wrong is "
        yield from wrap(sentence, width, initial_indent=label, subsequent_indent=" " * len(label))
    for command in found.mend:
        yield f"  in {found.box}# {command}"
    if found.step < STEPS:
        yield f"  labctl hint {found.lab}, once more, tells {_NEXT[found.step - 1]}"
    elif not found.mend:
        yield f"  labctl did not make what stands in the way in {found.box}, and knows no command that mends it"
