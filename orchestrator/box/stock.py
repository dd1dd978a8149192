"""Boxes that are there: checking them, importing them from elsewhere, and giving them to Vagrant."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from orchestrator.box import pack, shelf, vagrant
from orchestrator.box.shelf import NAME, Entry
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit, Stage

BUILD = "labctl box build"


class Checked(Struct, frozen=True):
    """A file on a shelf, and what is wrong with it ("" where nothing is)."""

    file: str
    sha256: str
    problem: str = ""


def check(place: Path, emit: Emit) -> list[Checked]:
    """Holds every box and manifest on a shelf to the catalogue's hashes."""
    entries = shelf.read(place)
    found = []
    for entry in entries:
        emit(Stage("box", f"reading {entry.file}"))
        found.append(_checked(place / entry.file, entry.sha256))
    manifests = {(shelf.manifest_file(entry.version), entry.manifest) for entry in entries if entry.manifest}
    return found + [_checked(place / file, digest) for file, digest in sorted(manifests)]


def _checked(path: Path, wanted: str) -> Checked:
    try:
        saw = pack.digest(path)
    except OSError as error:
        return Checked(path.name, wanted, f"cannot be read: {error.strerror}")
    return Checked(path.name, wanted, "" if saw == wanted else f"its SHA-256 is {saw}")


def take(files: Sequence[Path], place: Path, emit: Emit) -> list[Entry]:
    """Copies boxes onto the shelf `place`, each only if it is what a catalogue beside it says. All of them, or none."""
    told = [_told(file) for file in files]
    with shelf.locked(place):
        parts: list[tuple[Path, Path]] = []
        try:
            for file, entry in zip(files, told, strict=True):
                emit(Stage("box", f"copying {entry.file}"))
                parts.append(_copy(file, entry, place))
            for part, final in parts:
                part.replace(final)
        finally:
            for part, _ in parts:
                part.unlink(missing_ok=True)
        for file, entry in zip(files, told, strict=True):
            _take_manifest(file.parent, entry, place)
        shelf.put(told, place)
    return told


def _told(file: Path) -> Entry:
    """What the catalogue beside a file says of it."""
    if not file.is_file():
        raise LabError("there is no such file", where=str(file), code=Exit.USAGE)
    for entry in shelf.read(file.parent):
        if entry.file == file.name:
            return _renamed(entry)
    hint = f"copy {shelf.catalogue(Path()).name} along with the box: it has the box's version and SHA-256"
    raise LabError("no catalogue beside it tells of this file", where=str(file), hint=hint, code=Exit.USAGE)


def _renamed(entry: Entry) -> Entry:
    file = shelf.box_file(entry.version, entry.provider)
    return Entry(entry.version, entry.provider, file, entry.sha256, entry.manifest, entry.lock)


def _copy(file: Path, entry: Entry, place: Path) -> tuple[Path, Path]:
    """The hash is that of the copy: what was read once may be read differently the next time."""
    part = place / f".{entry.file}.part"
    try:
        shutil.copyfile(file, part)
        if pack.digest(part) != entry.sha256:
            raise LabError("its SHA-256 is not the one in the catalogue", where=str(file), hint="copy it once more")
        if pack.provider_of(part) != entry.provider:
            raise LabError(f"this is no Vagrant box for {entry.provider}", where=str(file))
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part, place / entry.file


def _take_manifest(source: Path, entry: Entry, place: Path) -> None:
    name = shelf.manifest_file(entry.version)
    if (source / name).is_file() and not _checked(source / name, entry.manifest).problem:
        shelf.replace(place / name, (source / name).read_bytes())


def give(entries: Sequence[Entry], place: Path, emit: Emit) -> None:
    """Adds boxes of a shelf to Vagrant, under their name and version."""
    for entry in entries:
        emit(Stage("box", f"adding {NAME} {entry.version} for {entry.provider} to Vagrant"))
        vagrant.add(shelf.catalogue(place), entry.version, entry.provider)


def ensure(provider: str, image: str, version: str, emit: Emit) -> None:
    """Sees to it that Vagrant has a box of ours, taking it from the shelf where it does not.

    Raises LabError, with the command that makes it, where it is neither with Vagrant nor on the shelf.
    """
    if (image, version, provider) in vagrant.boxes():
        return
    place = shelf.folder()
    entries = [each for each in shelf.read(place) if (each.version, each.provider) == (version, provider)]
    if image != NAME or not entries or not (place / entries[0].file).exists():
        hint = f"{BUILD} --provider {provider} builds it; labctl box import FILE takes one that was built elsewhere"
        raise LabError(f"Vagrant has no box {image} {version} for {provider}", hint=hint, code=Exit.HOST)
    give(entries, place, emit)
