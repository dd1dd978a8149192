"""Building boxes, stage by stage. What is there before the last stage is in a folder of its own, and goes with it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from msgspec import Struct

from orchestrator import command
from orchestrator.box import disk, fetch, initramfs, manifest, mirror, pack, repository, shelf, system
from orchestrator.box import lock as locking
from orchestrator.box.lock import Lock
from orchestrator.box.shelf import Entry
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit, Stage

_PREFIX = "labctl-box-"


class Source(Struct, frozen=True):
    """Where packages come from; see mirror.choose."""

    mirror: str | None = None
    snapshot: str | None = None


def build(
    providers: Sequence[str], lock: Lock, source: Source, place: Path, emit: Emit, *, again: bool = False
) -> list[Entry]:
    """Builds boxes for these providers onto the shelf `place`, and returns its entries for them.

    What is there already of the same lock stays, unless `again`.
    """
    locking.require_own_files(lock, own_files())
    with shelf.locked(place):
        there = [] if again else _there(providers, lock, place)
        wanted = [each for each in providers if each not in {entry.provider for entry in there}]
        if wanted:
            require_tools()
            with working() as work, shelf.explained(work):
                made = _build(wanted, lock, source, place, work, emit)
            shelf.put(made, place)
            there = sorted([*there, *made])
    return there


def require_tools() -> None:
    """Raises LabError with the command that installs what a build misses."""
    packages = {package for tool, package in disk.NEEDS.items() if shutil.which(tool, path=system.PATH) is None}
    if not Path(fetch.HELPER).exists():
        packages.add("apt")
    if not disk.MBR.exists():
        packages.add("syslinux-common")
    if packages:
        names = " ".join(sorted(packages))
        hint = f"sudo apt-get install {names}"
        raise LabError(f"to build a box this machine needs {names}", hint=hint, code=Exit.HOST)
    system.mode()


def own_files() -> str:
    """The SHA-256 of all that labctl itself gives to a box: whoever changes it makes another box, with another lock."""
    texts = [system.archive("", 0), initramfs.INIT.encode(), (disk.SYSLINUX + disk.KERNEL_LINE).encode()]
    return hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in texts)).hexdigest()


def digest(lock: Lock) -> str:
    """The SHA-256 of a lock."""
    return hashlib.sha256(locking.text(lock).encode()).hexdigest()


def _there(providers: Sequence[str], lock: Lock, place: Path) -> list[Entry]:
    entries = [each for each in shelf.read(place) if each.provider in providers and each.version == lock.version]
    return [each for each in entries if each.lock == digest(lock) and (place / each.file).exists()]


def _build(providers: Sequence[str], lock: Lock, source: Source, place: Path, work: Path, emit: Emit) -> list[Entry]:
    def stage(words: str) -> None:
        emit(Stage("box", words))

    archive = contents(lock, source, work, emit)
    stage("writing the manifest")
    told = manifest.of(archive).encode()
    boot = initramfs.Boot(archive)
    missing = boot.missing(initramfs.OVERLAYS)
    if missing:
        raise LabError(f"the box's kernel lacks {', '.join(missing)}", hint="labctl box lock chooses another kernel")
    stage("making the disk")
    raw = work / "disk.raw"
    disk.make(archive, disk.Start(boot.kernel, boot.initramfs()), raw, work)
    archive.unlink()
    made = []
    parts: list[tuple[Path, Path]] = []
    try:
        for provider in providers:
            stage(f"packing the box for {provider}")
            file = shelf.box_file(lock.version, provider)
            parts.append((place / f".{file}.part", place / file))
            pack.pack(provider, shelf.NAME, raw, parts[-1][0], lock.epoch, work)
            sums = pack.digest(parts[-1][0]), hashlib.sha256(told).hexdigest(), digest(lock)
            made.append(Entry(lock.version, provider, file, *sums))
        for part, final in parts:
            part.replace(final)
        shelf.replace(place / shelf.manifest_file(lock.version), told)
    finally:
        for part, _ in parts:
            part.unlink(missing_ok=True)
    return made


def contents(lock: Lock, source: Source, work: Path, emit: Emit) -> Path:
    """The archive of the box's file system, made below `work`."""

    def progress(done: int, total: int) -> None:
        emit(Stage("box", f"fetching packages ({done} of {total})"))

    files = fetch.fetch(lock, lambda: mirror.choose(source.mirror, source.snapshot), fetch.cache(), progress)
    emit(Stage("box", f"installing {len(files)} packages"))
    packages = work / "packages"
    packages.mkdir(mode=0o755)
    archive = work / "root.tar"
    system.make(lock, repository.make(lock, files, packages), archive, work)
    return archive


@contextlib.contextmanager
def working() -> Iterator[Path]:
    """A folder for one build, gone at its end however that comes; first, what a killed build left goes.

    Every user can read it, so that a namespace of mmdebstrap's can; what is in it is no secret.
    """
    base = Path(os.environ.get("TMPDIR", "/var/tmp"))
    for left in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if left.stat().st_uid == os.geteuid() and (file := _alone(left)) is not None:
                _remove(left)
                file.close()
    try:
        work = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    except OSError as error:
        hint = "set TMPDIR to a folder that can be written and has 1.5 GB of room"
        raise LabError(f"{error.strerror}", where=str(base), hint=hint, code=Exit.HOST) from error
    try:
        work.chmod(0o755)
        with _alone(work) or contextlib.nullcontext():
            yield work
    finally:
        _remove(work)


def _alone(work: Path) -> IO[str] | None:
    """The lock of a build's folder, None while its build is alive."""
    file = (work / "lock").open("w")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _remove(work: Path) -> None:
    """Files of other users, as mmdebstrap leaves them when it is killed, can only be removed where they were made."""
    shutil.rmtree(work, ignore_errors=True)
    if work.exists():
        command.Running([*system.in_namespace(), "rm", "-rf", "--", str(work)]).wait(600)
