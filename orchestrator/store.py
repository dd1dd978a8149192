"""Instances on disk: one folder per lab that is up, below XDG_STATE_HOME/labctl, for this user alone (0700, files
0600).

A state file is replaced as a whole or not at all. Locks are the kernel's: nothing is stale after a crash or a restart.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from orchestrator.errors import Exit, LabError
from orchestrator.model import Lab, decode, encode

T = TypeVar("T")

_FLOCK = "hhqqi4x"  # struct flock of fcntl(2) on 64-bit Linux: type, whence, start, length, process


class Instance(Struct, frozen=True, kw_only=True):
    """A lab that is up, as stored. `source`: its lab file's absolute path; `created`: UTC, ISO 8601; `seconds`: what
    making it took, by stage; `bare`: its overlays are left to the learner; `by_hand`: they were so once, and the MACs
    that the learner's devices have are right; `halted`: its boxes were turned off; `id`: of this making of it, and no
    other.
    """

    lab: Lab
    provider: str
    source: str
    created: str
    uid: int
    gid: int
    seconds: dict[str, float] = {}
    bare: bool = False
    by_hand: bool = False
    halted: bool = False
    id: str = ""
    version: int = 1


def root() -> Path:
    """The folder of all instances; see the XDG Base Directory Specification for XDG_STATE_HOME."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "labctl"


def folder(name: str) -> Path:
    """An instance's folder. Raises LabError where `name` cannot be an instance's: it becomes part of a path."""
    if not re.fullmatch("[a-z][a-z0-9-]*", name):
        raise LabError(f"{name!r} is no name of a lab that is up", hint="labctl status shows them", code=Exit.USAGE)
    return root() / "instances" / name


def holder_file(name: str) -> Path:
    """The file that the holder of an instance keeps locked."""
    return folder(name) / "holder"


def names() -> list[str]:
    """Every name with a folder, whether its lab is alive, lost or damaged."""
    try:
        return sorted(entry.name for entry in os.scandir(root() / "instances") if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def read(name: str) -> Instance | None:
    """The stored instance, None where there is none. Raises LabError where the file is there and makes no sense."""
    return load(name, "instance.json", Instance)


def load(name: str, file: str, kind: type[T]) -> T | None:
    """What a file of an instance's holds; None where there is none. Raises LabError where it makes no sense."""
    return _load(folder(name) / file, kind, f"labctl down {name} clears it away")


def _load(path: Path, kind: type[T], hint: str) -> T | None:
    try:
        return decode(path.read_bytes(), kind)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.DecodeError, ValueError) as error:
        raise LabError(f"the stored state is damaged: {error}", where=str(path), hint=hint) from error


def write(instance: Instance) -> None:
    """Stores an instance durably, or leaves what was there and raises LabError (a full disk, a read-only folder)."""
    save(instance.lab.name, "instance.json", instance)


def save(name: str, file: str, value: object) -> None:
    """Stores a value in a file of an instance's, durably and as a whole, or leaves what was there: LabError."""
    _save(folder(name) / file, value)


def _save(path: Path, value: object) -> None:
    new = path.with_suffix(".new")
    with _explained(path):
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
                opened.write(encode(value))
                opened.flush()
                os.fsync(opened.fileno())
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise


def bookmark(name: str, kind: type[T]) -> T | None:
    """How far the guide of the lab that is called `name` was read: kept when the lab goes down. See `load`."""
    return _load(_bookmark(name), kind, f"labctl guide {name} --restart begins anew")


def mark(name: str, value: object) -> None:
    """Keeps how far a guide was read. See `save`."""
    path = _bookmark(name)
    with _explained(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _save(path, value)


def _bookmark(name: str) -> Path:
    return root() / "guides" / f"{folder(name).name}.json"


def remove(name: str, file: str) -> None:
    """Removes a file of an instance's, if it is there."""
    with _explained(folder(name)):
        (folder(name) / file).unlink(missing_ok=True)


def forget(name: str) -> None:
    """Forgets an instance; to be called by who has it `locked`, whose leaving then removes the folder."""
    remove(name, "instance.json")


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """The one who may change the instance `name`. A folder that holds no instance at the end goes again.

    Raises LabError where another labctl is at it.
    """
    place = folder(name)
    with _explained(place):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        root().chmod(0o700)
        while True:
            with contextlib.suppress(FileExistsError):
                place.mkdir(mode=0o700)
            with contextlib.suppress(FileNotFoundError):
                fd = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                if _lock(fd, place / "lock", name):
                    break
                os.close(fd)  # it was removed between opening and locking
    try:
        yield
    finally:
        if not (place / "instance.json").exists():
            with contextlib.suppress(OSError):
                if not any(file.is_dir() for file in place.iterdir()):  # a folder is for who made it to remove first
                    for file in place.iterdir():
                        file.unlink()
                    place.rmdir()
        os.close(fd)


@contextlib.contextmanager
def turn(places: int) -> Iterator[None]:
    """One of `places` of this user's processes that may be here at once; waits for its turn.

    Where no lock file can be made (a read-only state folder) nobody waits: this is a courtesy, not a guard.
    """
    fds: list[int] = []
    try:
        with contextlib.suppress(OSError):
            folder = root() / "turns"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            fds = [os.open(folder / str(number), flags, 0o600) for number in range(places)]
            if not any(_try(fd) for fd in fds):
                fcntl.lockf(fds[os.getpid() % places], fcntl.LOCK_EX)
        yield
    finally:
        for fd in fds:
            os.close(fd)


def _try(fd: int) -> bool:
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def lock_owner(path: Path) -> int | None:
    """The process that holds a lock on this file; None where nobody does or there is no file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        answer = fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    finally:
        os.close(fd)
    kind, _, _, _, pid = struct.unpack(_FLOCK, answer)
    return None if kind == fcntl.F_UNLCK else pid


def _lock(fd: int, path: Path, name: str) -> bool:
    if not _try(fd):
        owner = lock_owner(path)
        os.close(fd)
        raise LabError(
            f"another labctl is at work on {name}" + (f" (process {owner})" if owner else ""),
            hint="wait for it, or stop it",
        )
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_ino == os.fstat(fd).st_ino
    return False


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise LabError(
            f"cannot keep the lab's state: {error.strerror}",
            where=str(error.filename or path),
            hint="free some space" if full else "set XDG_STATE_HOME to a folder that can be written",
            code=Exit.STEP_FAILED if full else Exit.HOST,
        ) from error
