"""Lab files: YAML → the file as written → the lab. All problems of a file at once, each with its place."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.errors import Exit, LabError
from orchestrator.labfile import machine, overlay, underlay
from orchestrator.labfile.facts import Facts
from orchestrator.labfile.places import find, is_shipped, shared, shipped
from orchestrator.labfile.problem import LabFileError, Problem, printable
from orchestrator.labfile.resolve import resolve
from orchestrator.labfile.schema import LAB_NAME, schema
from orchestrator.labfile.source import read
from orchestrator.labfile.structure import convert
from orchestrator.labfile.tree import FAULTY, parse
from orchestrator.model import Lab

__all__ = ["LabFileError", "Problem", "find", "is_shipped", "load", "schema", "shared", "shipped"]


def load(path: Path, *, name: str | None = None) -> Lab:
    """The lab in the file at `path`, under its own name or `name`.

    Raises LabFileError with all problems of the file; LabError where it cannot be read, or `name` is no name for a lab.
    """
    if name is not None and not re.fullmatch(LAB_NAME, name):
        hint = "a small letter, then small letters, digits and '-', 32 characters at most"
        raise LabError(f"{printable(name)} is no name for a lab", hint=hint, code=Exit.USAGE)
    document = parse(read(path), printable(str(path)))
    written = convert(document)
    if written is not FAULTY:
        facts = Facts(written)
        underlay.check(document, facts)
        overlay.check(document, facts)
        machine.check(document, facts)
    if document.problems:
        raise LabFileError(document.problems)
    return resolve(facts, name or written.name)
