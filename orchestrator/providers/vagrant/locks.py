"""Who works on a machine: Vagrant's locks (flock) on files in its home, and what the kernel says of them."""

from __future__ import annotations

import os
from hashlib import md5
from pathlib import Path

LOCKS = Path("/proc/locks")


def home() -> Path:
    """Vagrant's own folder."""
    return Path(os.environ.get("VAGRANT_HOME") or Path.home() / ".vagrant.d")


def holder(folder: Path, box: str) -> int | None:
    """The process that works on a box of the Vagrantfile in `folder`; None where there is none, or it cannot be told.

    The file is called after the folder, its `.vagrant` and the box, as Vagrant::Machine#action does it.
    """
    name = md5(f"{folder}{folder / '.vagrant'}{box}".encode(), usedforsecurity=False).hexdigest()
    return _held(home() / "data" / f"lock.machine-action-{name}.lock")


def busy() -> bool:
    """Whether any Vagrant of this user's works on any machine now."""
    return any(_held(file) for file in (home() / "data").glob("lock.machine-action-*.lock"))


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
