"""Results as text for a person: pure, values in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from orchestrator import engine, store
from orchestrator.console import table
from orchestrator.model import Lab

if TYPE_CHECKING:
    from orchestrator.doctor import Finding
    from orchestrator.verify.results import CheckResult, Report, Status

_COLOURS: dict[Status, int] = {"passed": 32, "failed": 31, "error": 35, "skipped": 33}


class Listed(Struct, frozen=True, kw_only=True):
    """A shipped lab. state: that of the instance with its name, or "-"."""

    name: str
    title: str
    boxes: int
    state: str
    source: str

    @classmethod
    def of(cls, lab: Lab, path: Path) -> Listed:
        """The row of one lab file."""
        state = engine.status(lab.name).state if lab.name in store.names() else "-"
        return cls(name=lab.name, title=lab.title, boxes=len(lab.boxes), state=state, source=str(path))


def contents(lab: Lab) -> str:
    """A lab in a few words."""
    parts = ((len(lab.boxes), "box", "boxes"), (len(lab.networks), "network", "networks"),
             (len(lab.overlays), "overlay", "overlays"))  # fmt: skip
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in parts)


def up(result: engine.Up, *, colour: bool) -> str:
    """What a person wants to know when a lab is up: addresses, checks, time, and what to try next."""
    lab, report = result.lab, result.report
    lines = [f"{lab.name} {_outcome(result)}: {_times(result.seconds)}", ""]
    lines.append(boxes(lab, report))
    lines += ["", "  bare: the overlay is yours to make"] if result.bare else []
    lines += [f"  left alone: {sentence}" for sentence in result.left_alone]
    if report:
        lines += ["", summary(report, colour=colour), *failures(report, colour=colour)]
    if not report or report.exit_code == 0:
        lines += ["", *(_yours(lab) if result.bare else _next(lab))]
    elif not result.created and not result.commands:
        lines += ["", f"  what fails does not come from the lab file; labctl down {lab.name} and up again begins anew"]
    return "\n".join(lines)


def up_json(result: engine.Up) -> dict[str, object]:
    """The shape of `up --json`; docs/json.md."""
    fields = msgspec.structs.asdict(result)
    return fields | {"report": result.report and report_json(result.report)}


def report_json(value: Report) -> msgspec.Raw:
    """The shape of `verify --json`; docs/json.md."""
    from orchestrator.verify.results import as_json

    return msgspec.Raw(as_json(value))


def _outcome(result: engine.Up) -> str:
    if result.created:
        return f"is up on {result.provider}"
    if result.started:
        return f"is up again on {result.provider}"
    if result.commands == 0:
        return f"was up on {result.provider}, and nothing had to be changed"
    return f"was up on {result.provider}, and {result.commands} command{'s' * (result.commands != 1)} mended it"


def _times(seconds: dict[str, float]) -> str:
    total = sum(seconds.values())
    return f"{total:.2f} s (" + ", ".join(f"{stage} {value:.2f}" for stage, value in seconds.items()) + ")"


_MOST_BOXES = 20


def boxes(lab: Lab, report: Report | None) -> str:
    """The table of boxes; a big lab shows its first ones."""
    rows = []
    for box in lab.boxes[:_MOST_BOXES]:
        adapters = "  ".join(f"{i.name} {i.address}" for i in box.interfaces)
        ends = "  ".join(f"{overlay.bearer} {vtep.address}" for overlay, vtep in lab.vteps(box.name))
        rows.append((box.name, adapters, ends or "-", _counts(r for r in report.results if r.box == box.name)
                     if report else "not checked"))  # fmt: skip
    text = table(("BOX", "UNDERLAY", "OVERLAY", "CHECKS"), rows, indent="  ")
    more = len(lab.boxes) - len(rows)
    return text + (f"\n  … and {more} more boxes" if more else "")


def _counts(results: Iterable[CheckResult]) -> str:
    counted = Counter(result.status for result in results)
    return ", ".join(f"{counted[status]} {status}" for status in _COLOURS if counted[status]) or "none"


def _yours(lab: Lab) -> list[str]:
    """What comes next where the overlay is the learner's to make."""
    return [
        f"  try: labctl ssh {lab.name} {lab.boxes[0].name}",
        f"       labctl verify {lab.name}    what is still missing",
        f"       labctl hint {lab.name}      the next step, a little more each time",
        f"       labctl explain {lab.name}   the commands, if you want to see them",
        f"       labctl up {lab.name}        makes the rest",
    ]


def _next(lab: Lab) -> list[str]:
    first = lab.boxes[0].name
    lines = [f"  try: labctl ssh {lab.name} {first}"]
    peer = next((vtep for overlay, _ in lab.vteps(first) for vtep in overlay.vteps if vtep.box != first), None)
    if peer:
        lines.append(f"       labctl exec {lab.name} {first} -- ping -c 1 {peer.address.ip}")
    return [*lines, f"       labctl explain {lab.name} {first}", f"       labctl down {lab.name}"]


def report(value: Report, *, colour: bool) -> str:
    """Every check of a report, a line each, and more about those that did not pass."""
    rows = [
        (_paint(r.status, colour), r.box, r.overlay or "", r.check, f"{r.seconds * 1000:.0f} ms") for r in value.results
    ]
    lines = [table(("", "BOX", "OVERLAY", "CHECK", "TIME"), rows), ""] if rows else []
    return "\n".join([*lines, summary(value, colour=colour), *failures(value, colour=colour)])


def summary(value: Report, *, colour: bool) -> str:
    """The outcome on one line, and what should be known of how it came to be."""
    lines = [f"  {_counts(value.results)} of {len(value.results)} checks in {value.seconds:.2f} s"]
    lines += [f"  {note}" for note in (value.sampled, *value.notes) if note]
    return "\n".join(lines)


_WHOLE = 4
"""Failures that are shown with all that is known of them; of the others the name."""


def failures(value: Report, *, colour: bool) -> list[str]:
    """What failed, or could not run: what was expected, what was seen, and the commands that show why."""
    bad = [result for result in value.results if result.status in ("failed", "error")]
    lines = []
    for number, result in enumerate(bad):
        where = f"{result.box} {result.overlay or ''}".strip()
        title = f"  {_paint(result.status, colour)} {where}: {result.check}"
        lines += ["", title, *_known(result)] if number < _WHOLE else [title] if number > _WHOLE else ["", title]
    if any(result.status == "failed" for result in bad):
        lines += ["", f"  labctl diagnose {value.lab} tells what is most likely behind this"]
    return lines


def _known(result: CheckResult) -> list[str]:
    lines = [f"    expected  {result.expected}", f"    saw       {result.saw}"]
    lines += [f"    $ {evidence.command}" for evidence in result.evidence[-1:]]
    for number, cause in enumerate(result.causes):
        lines += [f"    {'likely' if number == 0 else 'or':8}  {cause.what}", f"              {cause.command}"]
    return lines


def _paint(status: Status, colour: bool) -> str:
    return f"\x1b[{_COLOURS[status]}m{status}\x1b[0m" if colour else status


def dry_run(todo: engine.DryRun) -> str:
    """The commands that `up` would run, and where."""
    if not todo.steps:
        return f"# {todo.lab.name} is as its file says: nothing would be run"
    lines = []
    if todo.created and todo.provider == "netns":
        names = ", ".join(box.name for box in todo.lab.boxes)
        lines.append(f"# {todo.provider}: one holder process, with namespaces of its own for each of {names}")
    place: str | None = None
    for where, command, _ in todo.steps:
        if where != place:
            lines.append(f"# in {where}" if where else "# beside the boxes")
            place = where
        lines.append(command)
    return "\n".join([*lines, *(f"# left alone: {sentence}" for sentence in todo.left_alone)])


def status(found: Sequence[engine.Status]) -> str:
    """The table of instances, and a sentence on each that is not simply up."""
    rows = [(s.name, s.state, s.provider or "-", str(s.boxes or "-"), s.created or "-", s.source) for s in found]
    lines = [table(("LAB", "STATE", "PROVIDER", "BOXES", "SINCE", "FILE"), rows)]
    return "\n".join([*lines, *(f"  {s.name}: {s.detail}" for s in found if s.detail)])


def welcome(lab: Lab, box: str) -> str:
    """Where one is, when a shell opens in a box."""
    ends = "".join(f", {overlay.bearer} {vtep.address}" for overlay, vtep in lab.vteps(box))
    adapters = ", ".join(f"{i.name} {i.address}" for i in lab.box(box).interfaces)
    return f"{lab.name} · {box} · {adapters}{ends} · you are root here, and only here; exit leaves"


def findings(found: Sequence[Finding]) -> str:
    """What `doctor` found, with what mends it."""
    lines = [table(("", "WHAT", "FOUND"), [(f.status, f.name, f.saw) for f in found])]
    return "\n".join([*lines, *(f"  {f.name}: {f.hint}" for f in found if f.hint)])
