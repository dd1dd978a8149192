"""What is done inside a box: looks, runs the reconciler's commands, and writes what brings them back at boot.

The module `labctl_overlay` uses it, and as /usr/local/lib/labctl/labctl_box.py it is the program that runs at boot.
Standard library only, Python 3.9 or later.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING or __name__ != "__main__":
    from . import labctl_iproute as iproute
else:
    import labctl_iproute as iproute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType
    from typing import Any

LIBRARY = "/usr/local/lib/labctl"
STATE = "/etc/labctl/box.json"
HOOK = "/etc/labctl/boot.d/overlay"
UNIT = "/etc/systemd/system/labctl-overlay.service"
WANTED = "/etc/systemd/system/multi-user.target.wants/labctl-overlay.service"
HOSTS = "/etc/hosts"
BEGIN, END = "# labctl: begin", "# labctl: end"

HOOK_TEXT = f"""#!/bin/sh
exec python3 {LIBRARY}/labctl_box.py
"""

UNIT_TEXT = f"""[Unit]
Description=Overlay network, as labctl configured it
After=network.target network-online.target systemd-networkd.service networking.service NetworkManager.service
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/env python3 {LIBRARY}/labctl_box.py

[Install]
WantedBy=multi-user.target
"""

PATIENCE = 30.0
"""Seconds that an adapter has to appear after the program was started at boot."""

PROGRAM_SECONDS = 60.0
"""Seconds that one program may take."""

ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class BoxError(Exception):
    """A failure, said in a sentence."""


class File:
    """A file as it shall be: its text, or where it is a symbolic link, its target."""

    def __init__(self, path: str, text: str, mode: int = 0o644, link: bool = False) -> None:
        self.path, self.text, self.mode, self.link = path, text, mode, link


def changes(desired: iproute.Desired) -> iproute.Changes:
    """What is to be done here for the box to show `desired`."""
    try:
        observed = iproute.parse(_run(iproute.observe(desired["sysctls"]), "", "cannot read the state of the box"))
        return iproute.reconcile(desired, observed)
    except (KeyError, ValueError) as error:
        raise BoxError(f"what is desired makes no sense, or ip(8) told nonsense: {error!r}") from error


def run(commands: Iterable[iproute.Command]) -> None:
    """Runs the commands, as few programs as possible."""
    try:
        programs = iproute.batches(commands)
    except ValueError as error:
        raise BoxError(str(error)) from error
    for argv, lines in programs:
        _run(argv, lines, "cannot configure the box")


def _run(argv: Sequence[str], lines: str, what: str) -> str:
    try:
        answer = subprocess.run(
            argv, input=lines, capture_output=True, text=True, timeout=PROGRAM_SECONDS, env=ENVIRONMENT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BoxError(f"{what}: {error}") from error
    if answer.returncode:
        words = "; ".join((answer.stderr or answer.stdout or "it said nothing").strip().splitlines())
        shown = lines.strip() or shlex.join(argv)
        raise BoxError(f"{what}: {words} (exit status {answer.returncode} of: {shown})")
    return answer.stdout


def files(
    desired: iproute.Desired,
    hosts: Mapping[str, str],
    persistent: bool,
    library: Sequence[ModuleType],
    root: Path = Path("/"),
) -> list[File]:
    """Every file that shall be there. `library`: the modules that run at boot, carried byte for byte."""
    wanted = [File(HOSTS, _hosts(hosts, root))] if hosts else []
    if not persistent:
        return wanted
    wanted += [File(f"{LIBRARY}/{module.__name__.rpartition('.')[2]}.py", _source(module)) for module in library]
    wanted.append(File(STATE, json.dumps(desired, indent=2, sort_keys=True) + "\n"))
    wanted.append(File(HOOK, HOOK_TEXT, 0o755))
    if root.joinpath("run/systemd/system").is_dir():
        wanted += [File(UNIT, UNIT_TEXT), File(WANTED, f"../{Path(UNIT).name}", link=True)]
    return wanted


def _source(module: ModuleType) -> str:
    """A module's text; Ansible brings modules along in a zip file."""
    loader: Any = module.__loader__
    data: bytes = loader.get_data(module.__file__)
    return data.decode("utf-8")


def _hosts(hosts: Mapping[str, str], root: Path) -> str:
    """/etc/hosts with the block of ours in it, where it was or at the end."""
    present = _text(root, File(HOSTS, "")) or ""
    before, begin, rest = present.partition(BEGIN + "\n")
    _, end, after = rest.partition(END + "\n")
    if not (begin and end):
        before, after = present + ("\n" if present and not present.endswith("\n") else ""), ""
    for word in (*hosts, *hosts.values()):
        if not word or word.split() != [word] or "#" in word:
            raise BoxError(f"{word!r} is no word of {HOSTS}")
    lines = "".join(f"{address} {name}\n" for name, address in hosts.items())
    return f"{before}{BEGIN}\n{lines}{END}\n{after}"


def stale(wanted: Iterable[File], root: Path = Path("/")) -> list[File]:
    """The files that are not as they shall be."""
    return [file for file in wanted if _text(root, file) != file.text or _mode(root, file) != file.mode]


def _text(root: Path, file: File) -> str | None:
    path = root / file.path.lstrip("/")
    try:
        return str(path.readlink()) if file.link else path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:  # of another kind than it shall be
        if path.is_symlink() or path.is_file():
            return None
        raise BoxError(f"cannot read {path}: {error}") from error


def _mode(root: Path, file: File) -> int:
    path = root / file.path.lstrip("/")
    return file.mode if file.link or not path.exists() else path.stat().st_mode & 0o7777


def write(wanted: Sequence[File], root: Path = Path("/")) -> None:
    """Writes files, each as a whole or not at all; systemd is told where it is concerned."""
    for file in wanted:
        path = root / file.path.lstrip("/")
        try:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            _replace(path, file)
        except OSError as error:
            raise BoxError(f"cannot write {path}: {error}") from error
    if root == Path("/") and any(file.path in (UNIT, WANTED) for file in wanted):
        _run(("systemctl", "daemon-reload"), "", "cannot tell systemd of its new unit")


def _replace(path: Path, file: File) -> None:
    folder = Path(tempfile.mkdtemp(prefix=".labctl-", dir=path.parent))
    new = folder / path.name
    try:
        if file.link:
            new.symlink_to(file.text)
        else:
            new.write_bytes(file.text.encode("utf-8", "surrogateescape"))
            new.chmod(file.mode)
        new.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        folder.rmdir()


def diff(commands: Iterable[iproute.Command], stale: Iterable[File]) -> list[dict[str, str]]:
    """What --diff shows: the commands, then the files."""
    lines = "".join(f"{' '.join(command.argv)}  # {command.why}\n" for command in commands)
    shown = [{"before_header": "commands", "after_header": "commands", "before": "", "after": lines}] if lines else []
    for file in stale:
        before = _text(Path("/"), file) or ""
        shown.append({"before_header": file.path, "after_header": file.path, "before": before, "after": file.text})
    return shown


def boot() -> None:
    """What runs at boot: waits for the adapters, and makes the box show what it shall. Run twice, it does nothing."""
    try:
        desired: iproute.Desired = json.loads(Path(STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BoxError(f"cannot read {STATE}: {error}") from error
    await_adapters({link["mac"].lower() for link in desired["links"] if link["kind"] == "adapter"})
    todo = changes(desired)
    if todo.conflicts:
        raise BoxError("; ".join(todo.conflicts))
    run(todo.commands)
    for command in todo.commands:
        print(" ".join(command.argv))


def await_adapters(macs: set[str], folder: Path = Path("/sys/class/net"), patience: float = PATIENCE) -> bool:
    """Returns once every MAC is that of a device, or after `patience` seconds; whether all are there."""
    deadline = time.monotonic() + patience
    while not macs <= _macs(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _macs(folder: Path) -> set[str]:
    found = set()
    for path in folder.glob("*/address"):
        with contextlib.suppress(OSError):  # a device may go while one looks
            found.add(path.read_text(encoding="ascii").strip().lower())
    return found


if __name__ == "__main__":
    try:
        boot()
    except BoxError as failure:
        sys.exit(f"labctl: {failure}")
