"""A file that is there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from orchestrator.errors import Exit, LabError


def replace(path: Path, text: str) -> None:
    """Writes `text` to `path` as UTF-8; until that is done, whatever was there stays. A link is followed.

    Raises LabError (USAGE) for a full disk, a folder that is not there or cannot be written, and for what is no file.
    """
    try:
        _replace(path.resolve(), text.encode())
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle; a NUL in the name
        why = error.strerror if isinstance(error, OSError) else error
        raise LabError(f"cannot write the page: {why}", where=str(path), code=Exit.USAGE) from error


def _replace(path: Path, data: bytes) -> None:
    if path.exists() and not path.is_file():
        raise ValueError("there is something that is no file")  # a rename would take a device's place
    handle, name = tempfile.mkstemp(prefix=".labctl-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, _mode(path))
            file.write(data)
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _mode(path: Path) -> int:
    """What the file's mode is already or, for a new one, what the user's umask makes of it."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
