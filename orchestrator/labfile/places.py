"""Where lab files are: the shipped ones, and those that a person names."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.errors import Exit, LabError
from orchestrator.labfile.problem import printable, suggestion

PACKAGE = Path(__file__).resolve().parent.parent
FILE = "lab.yml"


def shared(name: str) -> Path:
    """The folder `name` (labs, roles, templates) that comes with labctl: inside an installed package, or beside it."""
    installed = PACKAGE / "share" / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def shipped() -> list[Path]:
    """The lab files that come with labctl, lab9 before lab10."""
    return sorted(shared("labs").glob(f"*/{FILE}"), key=lambda path: _natural(path.parent.name))


def is_shipped(path: Path) -> bool:
    """Whether `path` is one of the lab files that come with labctl."""
    return path.resolve() in {each.resolve() for each in shipped()}


def find(lab: str) -> Path:
    """The file of a shipped lab, by its name; else the lab file at the path `lab`, or in the folder there.

    Raises LabError (USAGE) where there is none; `./NAME` is always a path.
    """
    names = {path.parent.name: path for path in shipped()}
    if lab in names:
        return names[lab]
    path = Path(lab)
    try:
        if (path / FILE).exists():
            return path / FILE
        if path.exists() and not path.is_dir():
            return path
    except (OSError, ValueError):
        pass  # a name too long, or with a NUL, is no path
    hint = suggestion(lab, names).replace("allowed here", "labs")
    raise LabError(f"there is no lab {printable(lab)}", hint=f"{hint}; or the path of a lab file", code=Exit.USAGE)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split("([0-9]+)", name)]
