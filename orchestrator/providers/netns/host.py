"""What this host allows: user namespaces, and room in the neighbour table that all network namespaces share."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_FORBIDDING = (
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ("user/max_user_namespaces", "0", "10000"),
    ("user/max_net_namespaces", "0", "10000"),
    ("user/max_mnt_namespaces", "0", "10000"),
    ("user/max_pid_namespaces", "0", "10000"),
    ("user/max_uts_namespaces", "0", "10000"),
    ("user/max_ipc_namespaces", "0", "10000"),
)
"""Settings below /proc/sys that forbid user namespaces: the name, the value that forbids, a value that allows."""


class Neighbours(NamedTuple):
    """The kernel's IPv4 neighbour table: entries in use, the most it takes, how often it was full since boot."""

    entries: int
    limit: int
    table_fulls: int

    @property
    def near(self) -> bool:
        """Whether labs are about to lose their pings to it."""
        return self.entries > 0.8 * self.limit


def cause(said: str) -> str:
    """The setting that most likely forbids what was refused with the words `said`, and the command that mends it."""
    for name, forbidding, allowing in _FORBIDDING:
        if setting(name) == forbidding:
            key = name.replace("/", ".")
            return f"{key} is {forbidding}; allow it with: sudo sysctl -w {key}={allowing}"
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "this is a container; start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined, or run labctl on its host"
        )
    if "No space left" in said:
        return "a limit on namespaces is reached; raise user.max_*_namespaces (sysctl user)"
    return "labctl doctor looks closer; a seccomp filter, an LSM or a container may forbid unshare(2)"


def setting(name: str) -> str | None:
    """The value of a file below /proc/sys; None where this kernel has none."""
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return None


def neighbours() -> Neighbours | None:
    """The neighbour table; None if it is not told. /proc/net/stat/arp_cache is hexadecimal, a line a processor."""
    limit = setting("net/ipv4/neigh/default/gc_thresh3")
    try:
        header, *rows = Path("/proc/net/stat/arp_cache").read_text().splitlines()
    except (OSError, ValueError):
        return None
    if limit is None or not rows:
        return None
    column = header.split().index("table_fulls")
    return Neighbours(int(rows[0].split()[0], 16), int(limit), sum(int(row.split()[column], 16) for row in rows))


NEIGHBOUR_ADVICE = "raise it with: sudo sysctl -w net.ipv4.neigh.default.gc_thresh3=8192"
