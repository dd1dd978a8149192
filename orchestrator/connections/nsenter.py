"""Into a box on namespaces: nsenter(1), by the holder's process and the namespaces that it keeps open."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from orchestrator.command import Result, Running, Stream

ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "LOGNAME": "root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SHELL": "/bin/bash",
    "USER": "root",
}
"""What a command in a box finds in its environment: root's, and nothing of the caller's but the terminal's type."""

KINDS = {"net": "net", "uts": "uts", "mnt": "mount"}
"""The namespaces that each box has of its own, and nsenter's options for them. The holder keeps them as open files.

Bind mounts would not do for mount namespaces: the kernel wants the mounted one to have a higher number than the one it
is mounted in, and on Linux 6.18 the newer of two was seen to have the lower one.
"""

_FIRST_DESCRIPTOR = 10


def descriptor(kind: str, box: int) -> int:
    """The holder's open file of a namespace of the box with this place in the lab, counted from 0."""
    return _FIRST_DESCRIPTOR + len(KINDS) * box + list(KINDS).index(kind)


class Nsenter:
    """A Connection to the boxes of one holder. `prefix` drops root's rights first, where labctl itself is root."""

    allowance = 0.0

    def __init__(self, pid: int, boxes: Sequence[str], prefix: Sequence[str] = ()) -> None:
        # The PID namespace too: what is entered without it would outlive the holder and keep everything.
        self._holder = [
            *prefix, "nsenter", f"--target={pid}", "--user", "--pid", "--ipc", "--preserve-credentials",
        ]  # fmt: skip
        self._files, self._boxes = f"/proc/{pid}/fd", {box: number for number, box in enumerate(boxes)}

    def run_beside(self, command: Sequence[str], *, stdin: str | None = None) -> Result:
        """Runs `command` where the switches are, beside the boxes."""
        argv = [*self._holder, "--net", "--uts", "--mount", "--", *command]
        return Running(argv, stdin=stdin, environment=ENVIRONMENT).wait()

    def argv(self, box: str, command: Sequence[str]) -> list[str]:
        """See Connection."""
        number = self._boxes[box]
        own = [f"--{option}={self._files}/{descriptor(kind, number)}" for kind, option in KINDS.items()]
        return [*self._holder, *own, "--", *command]

    def interactive(self, box: str, command: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
        """See Connection."""
        keep = {key: os.environ[key] for key in ("TERM", "COLORTERM", "NO_COLOR") if key in os.environ}
        return self.argv(box, command), {**ENVIRONMENT, **keep}

    def inventory(self, box: str) -> dict[str, object]:
        """See Connection. The plugin is orchestrator/converge/plugins/connection/netns.py."""
        enter = ["env", "-i", *(f"{name}={value}" for name, value in ENVIRONMENT.items())]
        return {"ansible_connection": "netns", "ansible_netns_command": self.argv(box, enter)}

    def start(self, box: str, command: Sequence[str], *, stdin: str | None = None) -> Running:
        """See Connection."""
        return Running(self.argv(box, command), stdin=stdin, environment=ENVIRONMENT)

    def run(
        self, box: str, command: Sequence[str], *, stdin: str | None = None, timeout: float | None = None
    ) -> Result:
        """See Connection."""
        return self.start(box, command, stdin=stdin).wait(timeout)

    def stream(self, box: str, command: Sequence[str]) -> Stream:
        """See Connection."""
        return Stream(self.argv(box, command), environment=ENVIRONMENT)
