"""Where, when and with what a page was made. Looked up here, so that the rest is pure."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from msgspec import Struct

from orchestrator import __version__, command
from orchestrator.errors import LabError
from orchestrator.model import Lab, encode


class Facts(Struct, frozen=True, kw_only=True):
    """`date`: UTC, for people; `versions`: (of what, which); `hashes`: (of what, SHA-256 in hexadecimal, or why not).

    source: the lab file; made: the seconds that making the lab took, by stage, where they are known.
    """

    date: str
    source: str
    versions: tuple[tuple[str, str], ...]
    hashes: tuple[tuple[str, str], ...]
    made: Mapping[str, float] = {}


def gather(lab: Lab, *, source: Path, provider: str, now: datetime, made: Mapping[str, float] | None = None) -> Facts:
    """The facts of this host, this moment and this lab."""
    return Facts(
        date=now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        source=str(source),
        versions=(*versions(), ("provider", provider)),
        hashes=(("lab file", _of_file(source)), ("resolved lab", hashlib.sha256(encode(lab)).hexdigest())),
        made=dict(made or {}),
    )


def versions() -> tuple[tuple[str, str], ...]:
    """What took part, and its version."""
    return (
        ("labctl", __version__),
        ("Python", platform.python_version()),
        ("Linux", os.uname().release),
        ("iproute2", _iproute2()),
        ("pytest", _package("pytest")),
        ("testinfra", _package("pytest-testinfra")),
    )


def _package(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


def _iproute2() -> str:
    """From `ip utility, iproute2-6.1.0, libbpf 1.1.0`."""
    try:
        said = command.Running(["ip", "-V"]).wait(5.0).stdout
    except LabError:
        return "unknown"
    words = [word.strip(",\n") for word in said.split() if word.startswith("iproute2-")]
    return words[0].removeprefix("iproute2-") if words else "unknown"


def _of_file(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"unknown: {error.strerror}"
