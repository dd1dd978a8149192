"""A verification as one page of HTML that needs nothing else: to read, to print, to hand in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.model import Lab
from orchestrator.report.facts import Facts, gather
from orchestrator.report.writing import replace

if TYPE_CHECKING:
    from orchestrator.verify.results import Report

__all__ = ["Facts", "gather", "page", "replace", "write"]


def page(lab: Lab, report: Report, facts: Facts) -> str:
    """The page. Pure: the same text for the same values. Imports jinja2."""
    from orchestrator.report.content import content
    from orchestrator.report.render import render

    return render("report.html.j2", content(lab, report, facts))


def write(lab: Lab, report: Report, facts: Facts, path: Path) -> None:
    """Writes the page to `path`, as a whole or not at all. Raises LabError (USAGE) where that cannot be."""
    replace(path, page(lab, report, facts))
