"""The directory on disk: written file by file, each as a whole or not at all, and nothing touched that is not ours."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from orchestrator.errors import Exit, LabError
from orchestrator.labfile.problem import printable
from orchestrator.model import Lab
from orchestrator.render.content import SUMS, files

MARK = b"# Rendered by labctl:"
"""What the Vagrantfile of a directory of ours begins with."""


_NEW = ".labctl-"
"""What a file's name begins with until it is whole. A killed labctl can leave one, and no Vagrantfile yet."""


def write(lab: Lab, directory: Path) -> list[str]:
    """Makes `directory` the lab's, and returns the paths in it that changed, or went because they are rendered no more.

    Raises LabError (USAGE) where other things are in there, or it cannot be written. `.vagrant` is never touched.
    """
    wanted = files(lab)
    _refuse_foreign(directory)
    changed = _differing(wanted, directory)
    with _explained(directory):
        for path in sorted(changed, key=lambda path: (path != "Vagrantfile", path == SUMS)):  # the mark comes first
            target = _inside(directory, path)
            if path in wanted:
                _replace(target, wanted[path])
            else:
                _remove(target, directory)
    return changed


def check(lab: Lab, directory: Path) -> list[str]:
    """The paths in `directory` that `write` would change: another content, missing, or rendered no more."""
    _refuse_foreign(directory)
    return _differing(files(lab), directory)


def _differing(wanted: dict[str, bytes], directory: Path) -> list[str]:
    stale = [path for path in _listed(directory) if path not in wanted and _read(directory, path) is not None]
    return sorted([*stale, *(path for path, content in wanted.items() if _read(directory, path) != content)])


def _refuse_foreign(directory: Path) -> None:
    with _explained(directory):
        try:
            there = any(not path.name.startswith(_NEW) for path in directory.iterdir())
        except FileNotFoundError:
            return
        if there and not (_read(directory, "Vagrantfile") or b"").startswith(MARK):
            raise LabError(
                "this directory holds other things, and no lab that labctl has rendered",
                where=str(directory),
                hint="name a new directory, or an empty one",
                code=Exit.USAGE,
            )


def _listed(directory: Path) -> list[str]:
    """What was written here before, by its SHA256SUMS; only what can have been."""
    lines = (_read(directory, SUMS) or b"").decode(errors="replace").splitlines()
    paths = [line[66:] for line in lines if re.fullmatch(r"[0-9a-f]{64}  [A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", line)]
    return [path for path in paths if not {"..", ".", ".vagrant"} & set(path.split("/"))]


def _inside(directory: Path, path: str) -> Path:
    """The file's place. Raises LabError where a link on the way leads elsewhere."""
    place = directory
    for part in PurePosixPath(path).parts[:-1]:
        place /= part
        if place.is_symlink():
            hint = "remove the link; what it leads to is left alone"
            raise LabError("there is a link where a folder is to be", where=str(place), hint=hint, code=Exit.USAGE)
    return directory / path


def _read(directory: Path, path: str) -> bytes | None:
    """The file's content; None where there is none, and for a link, which is never the file that was written."""
    target = _inside(directory, path)
    if target.is_symlink() or not target.is_file():
        return None
    with _explained(directory):
        return target.read_bytes()


def _replace(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_NEW, dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o666 & ~_umask())
            file.write(content)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _remove(target: Path, directory: Path) -> None:
    """Removes the file, and the folders that it leaves empty."""
    target.unlink()
    for folder in target.relative_to(directory).parents:
        with contextlib.suppress(OSError):
            if folder.parts:
                (directory / folder).rmdir()


@contextlib.contextmanager
def _explained(directory: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = error.strerror if isinstance(error, OSError) else error
        place = printable(str(getattr(error, "filename", None) or directory))
        raise LabError(f"cannot use the directory: {why}", where=place, code=Exit.USAGE) from error
