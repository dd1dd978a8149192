"""Fetching packages: by APT's own helper, so that its proxies count, and by the lock's SHA-256 alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator import command
from orchestrator.box.lock import Lock, Package
from orchestrator.errors import Exit, LabError

HELPER = "/usr/lib/apt/apt-helper"
_AT_ONCE = 20
_MISSING = ("404", "File not found", "Not Found", "550")


def cache() -> Path:
    """Where packages are kept between builds; see the XDG Base Directory Specification for XDG_CACHE_HOME."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "labctl" / "packages"


def fetch(lock: Lock, mirror: Callable[[], str], folder: Path, progress: Callable[[int, int], None]) -> list[Path]:
    """The files of the lock's packages, in its order, below `folder`; only what is not there yet is fetched.

    `mirror` is asked only then. `progress` gets how many are there, and how many there will be.
    """
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    files = [folder / f"{each.sha256}.deb" for each in lock.packages]
    missing = [(each, file) for each, file in zip(lock.packages, files, strict=True) if not _good(each, file)]
    url = mirror() if missing else ""
    for batch in _batches(missing):
        progress(len(files) - len(missing) + missing.index(batch[0]), len(files))
        _fetch(batch, url)
    return files


def _batches(work: list[tuple[Package, Path]]) -> Iterator[list[tuple[Package, Path]]]:
    for start in range(0, len(work), _AT_ONCE):
        yield work[start : start + _AT_ONCE]


def _good(package: Package, file: Path) -> bool:
    try:
        if file.stat().st_size != package.size:
            return False
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == package.sha256
    except OSError:
        return False


def _fetch(batch: list[tuple[Package, Path]], url: str) -> None:
    """Each file appears under its name only when it is whole and has the right hash."""
    words: list[str] = []
    for package, file in batch:
        words += [f"{url}/{package.path}", f"{file}.part", f"SHA256:{package.sha256}"]
    options = ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2"]
    try:
        answer = command.Running([HELPER, *options, "download-file", *words]).wait(1800)
        for package, file in batch:
            part = Path(f"{file}.part")
            if _good(package, part):
                part.replace(file)
            else:
                raise _failure(package, url, answer)
    finally:
        for _, file in batch:
            for left in file.parent.glob(f"{file.name}.part*"):
                left.unlink(missing_ok=True)


def _failure(package: Package, url: str, answer: command.Result) -> LabError:
    lines = [line.removeprefix("E: ").strip() for line in answer.stderr.splitlines() if line.startswith("E:")]
    about = next((line for line in lines if package.path in line), lines[0] if lines else "it said nothing")
    what = f"{package.name} {package.version}"
    if any(word in about for word in _MISSING):
        return LabError(
            f"the mirror no longer has {what}, which the lock file asks for",
            where=url,
            hint="--mirror URL --snapshot DATE takes it from a snapshot; labctl box lock chooses anew",
            code=Exit.STEP_FAILED,
        )
    return LabError(f"cannot fetch {what}: {about}", where=url, hint="--mirror URL names another mirror")
