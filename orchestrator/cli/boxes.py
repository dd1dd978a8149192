"""`labctl box`: building boxes of our own, and what there is of them."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from msgspec import Struct

from orchestrator.box import build as building
from orchestrator.box import lock as locking
from orchestrator.box import mirror, pack, resolve, shelf, stock, vagrant
from orchestrator.box.shelf import NAME, Entry
from orchestrator.console import Console, table
from orchestrator.errors import Exit, LabError


def build(options: Namespace, console: Console) -> int:
    """labctl box build"""
    providers = pack.PROVIDERS if options.providers == "all" else (options.providers,)
    place = _place(options)
    source = building.Source(options.mirror, options.snapshot)
    made = building.build(providers, _lock(options), source, place, console.event, again=options.again)
    given = _give(made, place, options, console)
    _tell(made, place, given, options, console)
    return Exit.OK


def lock(options: Namespace, console: Console) -> int:
    """labctl box lock"""
    path = Path(options.lock) if options.lock else locking.DEFAULT
    old = locking.read(path) if path.exists() else None
    with building.working() as work:
        chosen = resolve.resolve(mirror.choose(options.mirror, options.snapshot), building.own_files(), work)
    new = locking.renewed(old, chosen)
    with shelf.explained(path):
        shelf.replace(path, locking.text(new).encode())
    told = {"file": str(path), "version": new.version, "packages": len(new.packages), "changed": new != old}
    if options.json:
        console.json(told)
    else:
        words = "changed" if new != old else "nothing changed"
        console.data(f"{path}: {NAME} {new.version}, {len(new.packages)} packages; {words}")
    return Exit.OK


def list_boxes(options: Namespace, console: Console) -> int:
    """labctl box list"""
    place = _place(options)
    here = {(entry.version, entry.provider): entry for entry in shelf.read(place)}
    known = vagrant.boxes() if vagrant.installed() else set()
    given = {(version, provider) for name, version, provider in known if name == NAME}
    rows = [_row(*key, here.get(key), place, given=key in given) for key in sorted({*here, *given})]
    if options.json:
        console.json({"boxes": rows})
    elif rows:
        cells = [
            (row.name, row.version, row.provider, "yes" if row.vagrant else "no", row.file or "not here")
            for row in rows
        ]
        console.data(table(("BOX", "VERSION", "PROVIDER", "VAGRANT", "FILE"), cells))
    else:
        console.note("there is no box of labctl's here; labctl box build makes one")
    return Exit.OK


class _Row(Struct, frozen=True):
    name: str
    version: str
    provider: str
    file: str
    sha256: str
    vagrant: bool


def _row(version: str, provider: str, entry: Entry | None, place: Path, *, given: bool) -> _Row:
    there = entry is not None and (place / entry.file).exists()
    file, sha256 = (str(place / entry.file), entry.sha256) if entry and there else ("", "")
    return _Row(NAME, version, provider, file, sha256, given)


def import_boxes(options: Namespace, console: Console) -> int:
    """labctl box import FILE…"""
    place = _place(options)
    taken = stock.take([Path(file).absolute() for file in options.files], place, console.event)
    given = _give(taken, place, options, console)
    _tell(taken, place, given, options, console)
    return Exit.OK


def verify(options: Namespace, console: Console) -> int:
    """labctl box verify"""
    place = _place(options)
    found = stock.check(place, console.event)
    bad = [each for each in found if each.problem]
    if options.json:
        console.json({"files": found, "good": bool(found) and not bad})
    elif found:
        console.data(table(("FILE", "STATE"), [(each.file, each.problem or "good") for each in found]))
    if not found:
        raise LabError("there is no box to check", where=str(place), hint=stock.BUILD, code=Exit.CHECK_ERROR)
    return Exit.CHECK_FAILED if bad else Exit.OK


def _place(options: Namespace) -> Path:
    return Path(options.shelf).absolute() if options.shelf else shelf.folder()


def _lock(options: Namespace) -> locking.Lock:
    return locking.read(Path(options.lock) if options.lock else locking.DEFAULT)


def _give(entries: list[Entry], place: Path, options: Namespace, console: Console) -> bool:
    """Whether Vagrant has the boxes now. A folder that was named is for others: a USB stick, a cache."""
    if options.shelf:
        return False
    if not vagrant.installed():
        console.note("Vagrant is not installed, so it was not given the box; labctl up will do that")
        return False
    stock.give(entries, place, console.event)
    return True


def _tell(entries: list[Entry], place: Path, given: bool, options: Namespace, console: Console) -> None:
    if options.json:
        boxes = [
            {"name": NAME, "version": entry.version, "provider": entry.provider, "file": str(place / entry.file),
             "sha256": entry.sha256} for entry in entries
        ]  # fmt: skip
        console.json({"boxes": boxes, "vagrant": given})
        return
    lines = [f"{NAME} {entry.version} for {entry.provider}: {place / entry.file}" for entry in entries]
    console.data("\n".join([*lines, "Vagrant has it." if given else f"catalogue: {shelf.catalogue(place)}"]))
