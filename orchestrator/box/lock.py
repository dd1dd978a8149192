"""The lock file: every package of the box by name, version and SHA-256, and nothing of where it comes from.

    box 1.0.0
    suite bookworm
    epoch 1783765017
    files SHA256
    package NAME VERSION SIZE SHA256 PATH

`epoch` is when the suite was published: no file of the box is younger. `files` is the hash of what labctl itself
adds. PATH is below any mirror's root, and a snapshot's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from orchestrator.errors import Exit, LabError

DEFAULT = Path(__file__).with_name("packages.lock")
_PATH = re.compile(r"pool/[A-Za-z0-9][A-Za-z0-9_.+~%-]*(/[A-Za-z0-9][A-Za-z0-9_.+~%-]*)*\.deb")
_FORMS = {
    "box": re.compile(r"\d+\.\d+\.\d+"),
    "suite": re.compile(r"[a-z]+"),
    "epoch": re.compile(r"\d{9,11}"),
    "files": re.compile(r"[0-9a-f]{64}"),
}
_PACKAGE = (
    re.compile(r"[a-z0-9][a-z0-9+.-]+"),
    re.compile(r"[A-Za-z0-9.+~:-]+"),
    re.compile(r"\d{1,10}"),
    re.compile(r"[0-9a-f]{64}"),
    _PATH,
)


class Package(NamedTuple):
    """A package as Debian has it in its archive; `size` in bytes."""

    name: str
    version: str
    size: int
    sha256: str
    path: str


class Lock(NamedTuple):
    """What a box is made of. `version` is the box's own; `epoch` in seconds since 1970."""

    version: str
    suite: str
    epoch: int
    files: str
    packages: tuple[Package, ...]


def read(path: Path = DEFAULT) -> Lock:
    """The lock in a file. Raises LabError with the line where it makes no sense."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cannot read the lock file: {error}", where=str(path), code=Exit.USAGE) from error
    return parse(text, str(path))


def parse(text: str, where: str) -> Lock:
    """The lock in a text; `where` is told in errors."""
    values: dict[str, str] = {}
    packages: list[Package] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        match words:
            case [] | ["#", *_]:
                continue
            case ["package", *fields] if _all_match(fields):
                name, version, size, digest, place = fields
                packages.append(Package(name, version, int(size), digest, place))
            case [key, value] if key in _FORMS and key not in values and _FORMS[key].fullmatch(value):
                values[key] = value
            case _:
                raise LabError("this line of the lock file makes no sense", where=f"{where}:{number}", code=Exit.USAGE)
    missing = [key for key in _FORMS if key not in values]
    if missing or not packages:
        raise LabError(f"the lock file has no {', '.join(missing) or 'packages'}", where=where, code=Exit.USAGE)
    names = [package.name for package in packages]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LabError(f"the lock file has {', '.join(twice)} twice", where=where, code=Exit.USAGE)
    return Lock(values["box"], values["suite"], int(values["epoch"]), values["files"], tuple(packages))


def _all_match(fields: list[str]) -> bool:
    return len(fields) == len(_PACKAGE) and all(
        form.fullmatch(field) for form, field in zip(_PACKAGE, fields, strict=True)
    )


def text(lock: Lock) -> str:
    """The lock as its file has it, packages in alphabetical order."""
    lines = ["# Made by `labctl box lock`. It says what the box is made of, whichever mirror that comes from."]
    lines += [f"box {lock.version}", f"suite {lock.suite}", f"epoch {lock.epoch}", f"files {lock.files}"]
    lines += [
        f"package {each.name} {each.version} {each.size} {each.sha256} {each.path}" for each in sorted(lock.packages)
    ]
    return "\n".join(lines) + "\n"


def require_own_files(lock: Lock, files: str) -> None:
    """Raises LabError where labctl would add other files than those that the lock is about."""
    if lock.files != files:
        raise LabError(
            "the lock file is of another labctl: what labctl itself adds to the box differs",
            hint="labctl box lock makes it anew, with another version of the box",
            code=Exit.USAGE,
        )


def renewed(old: Lock | None, new: Lock) -> Lock:
    """The new lock with the version that it should have: the old one's, or the next where anything differs."""
    if old is None:
        return new
    if old == new._replace(version=old.version):
        return old
    first, second, third = old.version.split(".")
    return new._replace(version=f"{first}.{second}.{int(third) + 1}")
