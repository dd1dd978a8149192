"""A report as JUnit XML, for continuous integration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.verify.results import CheckResult, Evidence, Report

if TYPE_CHECKING:
    from junitparser import TestCase

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not allow (section 2.2), not even escaped."""


def write(report: Report, path: Path) -> None:
    """Writes the report: a suite for the lab, a case for each check, in class `lab.box.overlay`.

    The check's id is a property of its case, as pytest's `record_property` writes them. Raises OSError.
    """
    from junitparser import JUnitXml, TestSuite

    suite = TestSuite(report.lab)
    about = {"provider": report.provider, "sampled": report.sampled or "", "notes": "; ".join(report.notes)}
    for key, value in about.items():
        if value:
            suite.add_property(key, _xml(value))
    for result in report.results:
        suite.add_testcase(_case(report.lab, result))
    document = JUnitXml("labctl")
    document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    suite.time = document.time = report.seconds  # not the checks' sum: the boxes are asked together, and beforehand
    document.write(str(path), pretty=True)


def _case(lab: str, result: CheckResult) -> TestCase:
    from junitparser import Error, Failure, Properties, Property, Skipped, TestCase

    place = ".".join(filter(None, (lab, result.box, result.overlay)))
    case = TestCase(_xml(result.check), _xml(place), round(result.seconds, 6))
    properties = Properties()  # type: ignore[no-untyped-call]
    properties.add_property(Property("id", _xml(result.id)))
    case.append(properties)  # type: ignore[no-untyped-call]
    kinds = {"failed": Failure, "error": Error, "skipped": Skipped}
    if result.status in kinds:
        message = result.saw if result.status == "skipped" else f"expected: {result.expected}; saw: {result.saw}"
        case.result = [kinds[result.status](_xml(message), result.status)]
    if result.evidence:
        case.system_out = _xml("\n\n".join(_shown(evidence) for evidence in result.evidence))
    return case


def _shown(evidence: Evidence) -> str:
    return f"$ {evidence.command}\n{evidence.output}\n[exit status {evidence.returncode}]"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
