"""What a lab's processes see of the host's files: all of the system, read-only, and nothing to write but tmpfs.

Two user namespaces make that hold. In the outer one the tree is put together and made read-only; the inner one, in
which labs live, inherits the mounts locked (mount_namespaces(7)): not even a box's root can make them writable.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from orchestrator.providers.netns import kernel

_HIDDEN = frozenset({"boot", "lost+found", "media", "mnt", "proc", "root", "run", "snap", "tmp"})
"""Not taken over from the host: mounts that come and go would be pinned, or must be the lab's own."""

_EMPTY = ("root", "run", "tmp", "media", "mnt")
"""Mount points and customary folders of the lab's own."""

_SMALL = kernel.MS_NOSUID | kernel.MS_NODEV


def build() -> None:
    """Replaces this process's root by the read-only view. Needs a user and a mount namespace of its own.

    /proc and /sys come along, because the kernel lets a user namespace mount new ones only beside visible old ones.
    """
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    new = "/tmp"
    entries = [(entry.name, entry.is_symlink(), entry.is_dir(follow_symlinks=False)) for entry in os.scandir("/")]
    kernel.mount("labctl", new, "tmpfs", _SMALL, "mode=755")
    for name, link, folder in entries:
        if link:
            Path(new, name).symlink_to(Path("/", name).readlink())
        elif folder and (name not in _HIDDEN or name == "proc"):
            Path(new, name).mkdir()
            kernel.mount(f"/{name}", f"{new}/{name}", flags=kernel.MS_BIND | kernel.MS_REC)
            if name != "proc":
                _make_read_only(f"{new}/{name}")
    for name in _EMPTY:
        Path(new, name).mkdir(exist_ok=True)
    kernel.mount("none", new, flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | _SMALL)
    os.chdir(new)
    kernel.pivot_root_here()


def _make_read_only(target: str) -> None:
    try:
        kernel.read_only(target)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        remount_read_only(target, Path("/proc/self/mountinfo").read_text())


def remount_read_only(target: str, mountinfo: str) -> None:
    """The same as kernel.read_only, mount by mount, for kernels before 5.12. `mountinfo`: see proc_pid_mountinfo(5).

    A remount must repeat the flags that the mount has, for they are locked in a user namespace.
    """
    flags = {
        "nosuid": kernel.MS_NOSUID, "nodev": kernel.MS_NODEV, "noexec": kernel.MS_NOEXEC,
        "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21,
    }  # fmt: skip
    for line in mountinfo.splitlines():
        fields = line.split()
        place = fields[4].encode("latin-1").decode("unicode_escape")
        if place == target or place.startswith(f"{target}/"):
            kept = sum(flags.get(option, 0) for option in fields[5].split(","))
            kernel.mount("none", place, flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kept)


def own_proc() -> None:
    """Mounts the /proc and /sys of the holder's namespaces, and its /run."""
    kernel.mount("proc", "/proc", "proc", _SMALL | kernel.MS_NOEXEC)
    kernel.mount("sysfs", "/sys", "sysfs", _SMALL | kernel.MS_NOEXEC | kernel.MS_RDONLY)
    tmpfs("/run", "mode=755")


def own_box(files: dict[str, str]) -> None:
    """Gives a box, in its own mount namespace, its own /sys and writable folders, and `files` (path → text).

    A file under a writable folder is written; one elsewhere, such as /etc/hosts, is covered by a copy in /run.
    """
    kernel.mount("sysfs", "/sys", "sysfs", _SMALL | kernel.MS_NOEXEC | kernel.MS_RDONLY)
    for place in ("/run", "/tmp", "/root", "/dev/shm"):
        tmpfs(place, "mode=1777" if place in ("/tmp", "/dev/shm") else "mode=755")
    for number, (path, text) in enumerate(files.items()):
        written = path if path.startswith("/root/") else f"/run/labctl.{number}"
        Path(written).write_text(text)
        if written != path and Path(path).exists():
            kernel.mount(written, path, flags=kernel.MS_BIND)


def tmpfs(place: str, options: str) -> None:
    """Mounts an empty, small, writable file system."""
    kernel.mount("labctl", place, "tmpfs", _SMALL, f"{options},size=64m")
