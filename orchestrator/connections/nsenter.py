"""Into a box on namespaces: nsenter(1), by the holder's process and the namespaces that it keeps open."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.command import Result, Running
from orchestrator.providers.netns.holder import descriptor

ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "LOGNAME": "root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SHELL": "/bin/bash",
    "USER": "root",
}
"""What a command in a box finds in its environment: root's, and nothing of the caller's but the terminal's type."""


class Nsenter:
    """A Connection to the boxes of one holder. `prefix` drops root's rights first, where labctl itself is root."""

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
        own = [f"--{option}={self._files}/{descriptor(kind, number)}" for option, kind in _OPTIONS.items()]
        return [*self._holder, *own, "--", *command]

    def start(self, box: str, command: Sequence[str], *, stdin: str | None = None) -> Running:
        """See Connection."""
        return Running(self.argv(box, command), stdin=stdin, environment=ENVIRONMENT)

    def run(
        self, box: str, command: Sequence[str], *, stdin: str | None = None, timeout: float | None = None
    ) -> Result:
        """See Connection."""
        return self.start(box, command, stdin=stdin).wait(timeout)


_OPTIONS = {"net": "net", "uts": "uts", "mount": "mnt"}
