"""`labctl diagnose`: the most likely fault, and what speaks for it."""

from __future__ import annotations

import textwrap
from argparse import Namespace

import msgspec

from orchestrator.cli import show as shown
from orchestrator.console import Console, table
from orchestrator.diagnose import Diagnosis, Finding
from orchestrator.engine.diagnosing import diagnose_lab

_WIDTH = 100


def diagnose(options: Namespace, console: Console) -> int:
    """labctl diagnose LAB"""
    found, report = diagnose_lab(options.name, deadline=options.deadline, emit=console.event)
    if options.json:
        console.json(msgspec.structs.asdict(found) | {"report": shown.report_json(report)})
    else:
        console.data(console.typed(text(found)))
    return report.exit_code


def text(found: Diagnosis) -> str:
    """A diagnosis for a person: the first cause, what speaks for it, and what else there may be."""
    rows = [(layer, str(passed), str(failed)) for layer, passed, failed in found.layers]
    lines = [table(("LAYER", "PASSED", "FAILED"), rows), ""]
    if not found.findings:
        nothing, known = "nothing is wrong that the checks can see", "no single cause explains what failed"
        lines.append(f"{found.lab}: {known if found.unexplained else nothing}")
    for number, finding in enumerate(found.findings):
        lines += [*_wrapped("most likely: " if number == 0 else "besides: ", finding.what), *_because(finding), ""]
    if found.unexplained:
        lines += ["not explained by this:", *(f"  {name}" for name in found.unexplained), ""]
    if found.unknown:
        lines += ["could not be checked, so that nothing is known of:", *(f"  {name}" for name in found.unknown), ""]
    if found.findings:
        lines.append(f"  labctl up {found.lab} mends what it can; labctl verify {found.lab} shows every check")
    return "\n".join(lines)


def _because(finding: Finding) -> list[str]:
    because = [line for sentence in finding.because for line in _wrapped("  because  ", sentence)]
    return [*because, f"  see      {finding.command}"]


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=label, subsequent_indent=" " * len(label), break_on_hyphens=False
    )  # fmt: skip
