"""What a known failure is: how it is told, and what mends it. The tables are beside this file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from orchestrator.errors import Exit

Facts = Mapping[str, str]
"""What the complaint named (the groups of `says`), and `box`, `kernel`, `virtualbox`."""


class Known(NamedTuple):
    """A failure. The first of the table whose pattern is found is the one.

    says: a pattern over all that was said, every stretch of white space being one space; cause: a sentence, with the
    pattern's {groups}; hint: what mends it, where {groups} are quoted for a shell; retry: whether trying the very same
    again may help; code: the exit status.
    """

    name: str
    says: str
    cause: str
    hint: str | Callable[[Facts], str]
    retry: bool = False
    code: Exit = Exit.STEP_FAILED


def numbers(version: str) -> tuple[int, ...]:
    """`numbers("7.2.10_Debian") == (7, 2, 10)`."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


INSTALL_LIBVIRT = "sudo apt-get install vagrant-libvirt libvirt-daemon-system qemu-system-x86"
