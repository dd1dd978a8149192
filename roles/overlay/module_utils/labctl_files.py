"""The files that bring it back at boot, and the block in /etc/hosts: what they shall be, and how they come to be so."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

from .labctl_box import LIBRARY, STATE, BoxError, adapters, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType
    from typing import Any

    from . import labctl_iproute as iproute

HOOK = "/etc/labctl/boot.d/overlay"
UNIT = "/etc/systemd/system/labctl-overlay.service"
WANTED = "/etc/systemd/system/multi-user.target.wants/labctl-overlay.service"
NETWORKD = "/etc/systemd/network/05-labctl-overlay.network"
HOSTS = "/etc/hosts"
BEGIN, END = "# labctl: begin", "# labctl: end"

HOOK_TEXT = f"""#!/bin/sh
exec python3 {LIBRARY}/labctl_box.py
"""

UNIT_TEXT = f"""[Unit]
Description=Overlay network, as labctl configured it
After=network.target systemd-networkd.service networking.service NetworkManager.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/env python3 {LIBRARY}/labctl_box.py

[Install]
WantedBy=multi-user.target
"""

NETWORKD_TEXT = """# labctl-overlay.service gives them addresses, which systemd-networkd would take away at its start.
[Match]
MACAddress={macs}

[Link]
Unmanaged=yes
"""


class File:
    """A file as it shall be: its text, or where it is a symbolic link, its target."""

    def __init__(self, path: str, text: str, mode: int = 0o644, link: bool = False) -> None:
        self.path, self.text, self.mode, self.link = path, text, mode, link


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
        macs = sorted(adapters(desired))
        wanted += [File(UNIT, UNIT_TEXT), File(WANTED, f"../{Path(UNIT).name}", link=True)]
        wanted += [File(NETWORKD, NETWORKD_TEXT.format(macs=" ".join(macs)))] if macs else []
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
        program(("systemctl", "daemon-reload"), "", "cannot tell systemd of its new unit")


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
