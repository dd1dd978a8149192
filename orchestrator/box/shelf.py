"""The shelf: built and imported boxes, and the catalogue that tells Vagrant of them. A USB stick can be one, too.

A catalogue is Vagrant's own format, so that `vagrant box add CATALOGUE` takes a box with its name and version from it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from msgspec.structs import astuple

from orchestrator.box.pack import PROVIDERS
from orchestrator.errors import Exit, LabError

NAME = "labctl/debian-12"
_FILE = NAME.replace("/", "-")


class Entry(Struct, frozen=True, order=True):
    """A box in a catalogue: where its file should be, what that and its manifest (a file beside it) hash to, and
    which lock it was built from.
    """

    version: str
    provider: str
    file: str
    sha256: str
    manifest: str = ""
    lock: str = ""


def folder() -> Path:
    """This user's shelf; see the XDG Base Directory Specification for XDG_DATA_HOME."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "labctl" / "boxes"


def catalogue(shelf: Path) -> Path:
    """The catalogue's path on a shelf."""
    return shelf / f"{_FILE}.json"


def box_file(version: str, provider: str) -> str:
    """What a box's file is called on a shelf."""
    return f"{_FILE}-{version}.{provider}.box"


def manifest_file(version: str) -> str:
    """What the manifest of a version is called on a shelf."""
    return f"{_FILE}-{version}.manifest"


def read(shelf: Path) -> list[Entry]:
    """What the catalogue on a shelf has; nothing where there is none. Raises LabError where it makes no sense."""
    path = catalogue(shelf)
    try:
        return parse(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise LabError(f"cannot be read: {error.strerror}", where=str(path), code=Exit.USAGE) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        hint = "remove it and build or import the boxes again"
        raise LabError("this is no catalogue of labctl's boxes", where=str(path), hint=hint, code=Exit.USAGE) from error


def parse(content: bytes) -> list[Entry]:
    """The boxes that a catalogue tells of. Raises ValueError, TypeError or KeyError where it is none of ours."""
    told: Any = json.loads(content)
    if told["name"] != NAME:
        raise ValueError(told["name"])
    return sorted(_entry(version, provider) for version in told["versions"] for provider in version["providers"])


def _entry(version: Any, provider: Any) -> Entry:
    if provider["checksum_type"] != "sha256":
        raise ValueError(provider["checksum_type"])
    name = Path(unquote(urlsplit(provider["url"]).path)).name  # the shelf may have moved since: a name, never a path
    entry = Entry(
        version["version"],
        provider["name"],
        name,
        provider["checksum"],
        version.get("manifest", ""),
        version.get("lock", ""),
    )
    if any(type(value) is not str for value in astuple(entry)) or entry.provider not in PROVIDERS or not name:
        raise ValueError(name)
    return entry


def text(entries: list[Entry], shelf: Path) -> str:
    """A catalogue of these boxes, with the addresses that their files have on this shelf."""
    versions = []
    for number in sorted({entry.version for entry in entries}):
        own = sorted(entry for entry in entries if entry.version == number)
        providers = [
            {
                "name": each.provider,
                "url": (shelf / each.file).as_uri(),
                "checksum_type": "sha256",
                "checksum": each.sha256,
            }
            for each in own
        ]
        versions.append({"version": number, "manifest": own[0].manifest, "lock": own[0].lock, "providers": providers})
    about = {"name": NAME, "description": "A small Debian 12 for labs", "versions": versions}
    return json.dumps(about, indent=2) + "\n"


def put(entries: list[Entry], shelf: Path) -> None:
    """Adds boxes, whose files are there, to the catalogue; what it had of the same version and provider goes."""
    new = {(entry.version, entry.provider) for entry in entries}
    kept = [entry for entry in read(shelf) if (entry.version, entry.provider) not in new]
    replace(catalogue(shelf), text([*kept, *entries], shelf).encode())


def replace(path: Path, content: bytes) -> None:
    """Writes a file as a whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(shelf: Path) -> Iterator[None]:
    """The one who may put boxes on a shelf. Makes the folder; what the disk refuses becomes a LabError."""
    with explained(shelf):
        shelf.mkdir(parents=True, exist_ok=True)
        with (shelf / ".lock").open("w") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LabError(
                    "another labctl is at work on these boxes", where=str(shelf), hint="wait for it"
                ) from None
            yield


@contextlib.contextmanager
def explained(place: Path) -> Iterator[None]:
    """Says what the disk refused so that a person can mend it."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "free some space: a build needs about 1.5 GB, a box 100 MB" if full else "--to DIR names another folder"
        where = str(error.filename or place)
        raise LabError(
            f"{error.strerror}", where=where, hint=hint, code=Exit.STEP_FAILED if full else Exit.HOST
        ) from error
