"""What a machine is to any hypervisor, the mark that tells labctl's from others, and how such a program is run."""

from __future__ import annotations

import os
import platform
import re
from typing import NamedTuple

from orchestrator import command

_MARK = re.compile(r"labctl-[a-z][a-z0-9-]*-[0-9a-f]{8}-[A-Za-z0-9][A-Za-z0-9_.-]*")

ENVIRONMENT = {"LC_ALL": "C"}
"""On top of labctl's own: the programs' words are read."""


class Machine(NamedTuple):
    """A machine as its hypervisor has it. id: its UUID; state: `running`, `off` or `paused`; else the hypervisor's
    word, such as `saved`, `aborted`, `crashed`."""

    name: str
    id: str
    state: str
    provider: str


class Usable(NamedTuple):
    """Whether labs can be made with a hypervisor. saw: what there is, or what is wrong; hint: what mends it."""

    good: bool
    saw: str
    hint: str = ""


def marked(name: str) -> bool:
    """Whether a machine, a volume or a network of this name is labctl's. A master of linked clones is not."""
    return _MARK.fullmatch(name) is not None


def kernel() -> dict[str, str]:
    """The kernel's version alone."""
    return {"kernel": platform.release()}


def run(argv: list[str], timeout: float = 120.0) -> command.Result:
    """Runs a program of a hypervisor's, in English."""
    return command.Running(argv, environment={**os.environ, **ENVIRONMENT}).wait(timeout)
