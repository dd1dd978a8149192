"""What is in a box, file by file: two builds of one lock have the same manifest, byte for byte."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

_KINDS = {tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link", tarfile.CHRTYPE: "device", tarfile.BLKTYPE: "device"}


def of(archive: Path) -> str:
    """The manifest of a tar archive: path, mode, owner, and SHA-256 or where it leads; in the order of the paths."""
    with tarfile.open(archive) as opened:
        return "".join(f"{line}\n" for line in sorted(_line(opened, entry) for entry in opened))


def _line(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    name = "/" + entry.name.removeprefix(".").strip("/")
    start = f"{_quoted(name)} {entry.mode:04o} {entry.uid}:{entry.gid}"
    if entry.isfile() or entry.islnk():
        content = archive.extractfile(entry)
        assert content is not None
        digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
        return f"{start} {digest}"
    if entry.issym():
        return f"{start} -> {_quoted(entry.linkname)}"
    return f"{start} {_KINDS.get(entry.type, 'other')}"


def _quoted(text: str) -> str:
    """A path without spaces or newlines, so that a line has one meaning."""
    return text.replace("\\", "\\\\").replace(" ", "\\040").replace("\n", "\\012")
