"""A lab file's text: bounded, from a regular file, UTF-8, printable."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from orchestrator.errors import Exit, LabError
from orchestrator.labfile.problem import LabFileError, Problem, printable

LARGEST = 1024 * 1024
"""Bytes of a lab file; a lab of 1000 boxes with one overlay takes some 100 KiB."""

CONTROL = r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""What YAML 1.2 calls non-printable (section 5.1). Compiled only for a text that is not plain: that takes 3 ms."""


def read(path: Path) -> str:
    """The text of the file. Raises LabError where it cannot be read, LabFileError where it is not text."""
    name = printable(str(path))
    data = _bytes(path, name)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(name, data[: error.start].decode("utf-8"), f"byte 0x{data[error.start]:02x} is not UTF-8",
                       "save the file as UTF-8") from None  # fmt: skip
    text = text.removeprefix("\ufeff")
    plain = text.translate({9: None, 10: None, 13: None}).isprintable()
    found = None if plain else re.search(CONTROL, text)
    if found:
        raise _refused(name, text[: found.start()], f"control character U+{ord(found[0]):04X}", "only text is allowed")
    return text


def _bytes(path: Path, name: str) -> bytes:
    """What is in the file, without ever waiting: a pipe or a device is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0, closefd=True) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise LabError("a lab file is a regular file, and this is none", where=name, code=Exit.USAGE)
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or "no such path"
        raise LabError(f"cannot read the lab file: {reason}", where=name, code=Exit.USAGE) from None
    if len(data) > LARGEST:
        raise _refused(name, "", f"larger than {LARGEST // 1024} KiB", "a lab of 1000 boxes takes about 100 KiB")
    return data


def _refused(name: str, before: str, what: str, hint: str) -> LabFileError:
    line, start = before.count("\n") + 1, before.rfind("\n") + 1
    return LabFileError([Problem(name, line, len(before) - start + 1, what, hint)])
