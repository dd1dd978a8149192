"""A small APT repository of just the packages of a lock: whatever APT chooses from it, it chooses the right thing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from orchestrator import command
from orchestrator.box.lock import Lock


def make(lock: Lock, files: Sequence[Path], folder: Path) -> str:
    """Fills the empty `folder`, which every user can read: so can the namespace that mmdebstrap works in.

    Returns the line for APT's sources. Hashes were checked when the files were fetched; nothing here needs a signature.
    """
    paragraphs = []
    for package, file in zip(lock.packages, files, strict=True):
        name = f"{package.sha256}.deb"
        _place(file, folder / name)
        control = command.require(
            command.Running(["dpkg-deb", "--field", str(file)]).wait(60), f"{package.name} is no package"
        )
        fields = f"Filename: ./{name}\nSize: {package.size}\nSHA256: {package.sha256}\n"
        paragraphs.append(control.stdout.rstrip("\n") + "\n" + fields)
    (folder / "Packages").write_text("\n".join(paragraphs), encoding="utf-8")
    (folder / "Packages").chmod(0o644)
    return f"deb [trusted=yes] copy:{folder} ./"


def _place(file: Path, to: Path) -> None:
    try:
        os.link(file, to)
    except OSError:  # another file system
        shutil.copyfile(file, to)
    to.chmod(0o644)
