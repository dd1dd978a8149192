"""The box's file system, as a tar archive: Debian's packages by mmdebstrap, and our files."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

from orchestrator import command
from orchestrator.box.lock import Lock
from orchestrator.errors import Exit, LabError

HERE = Path(__file__).parent
FILES = HERE / "files"
_LEAVE_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
)
PATH = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
_REPLAY = "labctl -v box build shows the command"
_CUSTOMISE = "/root/labctl-box-customise"


def mode() -> str:
    """How mmdebstrap can work here: as root, or in a user namespace. Raises LabError where it can do neither."""
    if os.geteuid() == 0:
        return "root"
    if shutil.which("newuidmap") is None:
        hint = "sudo apt-get install uidmap, or run this as root"
        raise LabError("an ordinary user needs newuidmap to build a box", hint=hint, code=Exit.HOST)
    probe = command.Running([*in_namespace(), "true"]).wait(60)
    if probe.returncode != 0:
        hint = (
            "give this user a range in /etc/subuid and /etc/subgid (sudo usermod --add-subuids …), or run this as root"
        )
        words = (probe.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise LabError(f"no user namespace with many users can be made: {words}", hint=hint, code=Exit.HOST)
    return "unshare"


def in_namespace() -> list[str]:
    """What goes before a command that gives files to other users: nothing for root."""
    if os.geteuid() == 0:
        return []
    return ["unshare", "--user", "--map-root-user", "--map-auto", "--"]


def make(lock: Lock, source: str, target: Path, work: Path) -> None:
    """Writes the file system of `lock`'s packages, taken from APT's `source`, to the archive `target`.

    `work` is a folder that every user can read.
    """
    ours = work / "files.tar"
    ours.write_bytes(archive(lock.version, lock.epoch))
    ours.chmod(0o644)
    names = ",".join(each.name for each in lock.packages)
    words = ["mmdebstrap", f"--mode={mode()}", "--variant=apt", "--format=tar", "--skip=check/empty"]
    words += ["--architectures=amd64", f"--include={names}", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
    words += [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEAVE_OUT]
    words += ["--aptopt=APT::Install-Recommends 0"]
    words += [f"--customize-hook=tar-in {ours} /", f'--customize-hook=chroot "$1" sh {_CUSTOMISE}']
    words += [f'--customize-hook=rm "$1{_CUSTOMISE}"', lock.suite, str(target), source]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(lock.epoch), "TMPDIR": str(work), "LC_ALL": "C.UTF-8"}
    environment["PATH"] = PATH  # an ordinary user's often lacks the folders of chroot and ldconfig
    environment["INITRD"] = "No"  # asks the kernel's package for no initial RAM disk: see initramfs.py
    answer = command.Running(words, environment=environment).wait(3600)
    if answer.returncode != 0:
        raise LabError(f"mmdebstrap could not build the system: {_cause(answer.stderr)}", hint=_REPLAY)


def _cause(said: str) -> str:
    """The first error in what mmdebstrap said; those that follow only say that there was one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = (line for line in lines if line.startswith(("E: ", "dpkg: error")) or ": not found" in line)
    cause = next(first, lines[-1] if lines else "it said nothing")
    return cause.removeprefix("E: ")[:300]


def archive(version: str, epoch: int) -> bytes:
    """Our own files, as they will be in the box. Wheels keep no modes, so these follow from what a file is."""
    found = {path.relative_to(FILES).as_posix(): path.read_bytes() for path in FILES.rglob("*") if path.is_file()}
    found[_CUSTOMISE.lstrip("/")] = (HERE / "customise.sh").read_bytes()
    found["etc/labctl/box-version"] = f"{version}\n".encode()
    return tar(found, epoch)


def tar(files: Mapping[str, bytes], epoch: int) -> bytes:
    """The same bytes for the same files: sorted, root's, `epoch` their time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as written:
        folders = sorted({parent.as_posix() for name in files for parent in Path(name).parents} - {"."})
        for name in sorted([*folders, *files]):
            entry = tarfile.TarInfo(name)
            entry.mtime = epoch
            if name in files:
                entry.size, entry.mode = len(files[name]), _mode(name, files[name])
                written.addfile(entry, io.BytesIO(files[name]))
            else:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o700 if name == "root" else 0o755
                written.addfile(entry)
    return buffer.getvalue()


def _mode(name: str, content: bytes) -> int:
    if name.startswith("etc/sudoers.d/"):
        return 0o440
    return 0o755 if content.startswith(b"#!") else 0o644
