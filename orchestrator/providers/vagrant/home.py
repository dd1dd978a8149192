"""What Vagrant keeps in its home: an index of all machines, and locks (flock) on those that it works on."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

from orchestrator.errors import LabError

LOCKS = Path("/proc/locks")


class Indexed(NamedTuple):
    """A machine of the index. folder: its Vagrantfile's; data: what Vagrant keeps of it, usually `.vagrant` there."""

    folder: Path
    data: Path


def path() -> Path:
    """Vagrant's own folder."""
    return Path(os.environ.get("VAGRANT_HOME") or Path.home() / ".vagrant.d")


def indexed() -> Iterator[Indexed]:
    """What Vagrant has made and not unmade, in whatever folder. Raises LabError where that cannot be told."""
    file = path() / "data" / "machine-index" / "index"
    try:
        text = file.read_text()
        for entry in json.loads(text)["machines"].values() if text else ():
            folder = Path(entry["vagrantfile_path"])
            yield Indexed(folder, Path(entry.get("local_data_path") or folder / ".vagrant"))
    except FileNotFoundError:  # Vagrant has made nothing yet
        return
    except OSError as error:
        raise LabError(f"cannot read Vagrant's index of machines: {error.strerror}", where=str(file)) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        hint = f"mv {shlex.quote(str(file))} /tmp/ (Vagrant makes a new one)"
        raise LabError("Vagrant's index of machines is damaged", where=str(file), hint=hint) from error


def holder(folder: Path, box: str) -> int | None:
    """The process that works on a box of the Vagrantfile in `folder`; None where there is none, or it cannot be told.

    The file is called after the folder, its `.vagrant` and the box, as Vagrant::Machine#action does it.
    """
    name = md5(f"{folder}{folder / '.vagrant'}{box}".encode(), usedforsecurity=False).hexdigest()
    return _held(path() / "data" / f"lock.machine-action-{name}.lock")


def busy() -> bool:
    """Whether any Vagrant of this user's works on any machine now."""
    return any(_held(file) for file in (path() / "data").glob("lock.machine-action-*.lock"))


def _held(file: Path) -> int | None:
    try:
        there = file.stat()
        table = LOCKS.read_text()
    except OSError:  # no such lock; or no such table, on a Mac
        return None
    return parse(table, there.st_dev, there.st_ino)


def parse(table: str, device: int, inode: int) -> int | None:
    """Who holds a flock on a file, from the text of /proc/locks: `6: FLOCK ADVISORY WRITE 30799 fe:00:1578 0 EOF`."""
    file = f"{os.major(device):02x}:{os.minor(device):02x}:{inode}"
    for line in table.splitlines():
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5] == file:
            return int(words[4])
    return None
