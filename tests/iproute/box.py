"""A box on the real kernel, without root: a network namespace of its own, and one for the far ends of its cables."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from orchestrator import iproute
from orchestrator.iproute import Changes, Desired, Observed

_HOLD = ("sh", "-c", "echo $$; exec cat")


def _hold(*prefix: str) -> subprocess.Popen[str]:
    return subprocess.Popen([*prefix, *_HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


class Box:
    """A box just made, with the adapters of `desired`. It goes when the block ends."""

    def __init__(self, desired: Desired) -> None:
        self._holder = _hold("unshare", "--map-root-user", "--net")
        self._pid = self._read(self._holder)
        self._far = _hold(*self._enter(), "unshare", "--net")
        far = self._read(self._far)
        for key, value in desired["sysctls"].items():
            self.run("sysctl", "-qw", f"{key}={value}")
        for number, link in enumerate(link for link in desired["links"] if link["kind"] == "adapter"):
            cable = ["type", "veth", "peer", "name", f"far{number}", "netns", far]
            self.run("ip", "link", "add", "name", link["name"], "address", link["mac"], *cable)
            subprocess.run([*self._enter(far), "ip", "link", "set", "dev", f"far{number}", "up"], check=True)

    @staticmethod
    def _read(holder: subprocess.Popen[str]) -> str:
        assert holder.stdout is not None
        return holder.stdout.readline().strip()

    def _enter(self, pid: str = "") -> list[str]:
        return ["nsenter", "--target", pid or self._pid, "--user", "--net", "--preserve-credentials"]

    def run(self, *argv: str, stdin: str = "") -> str:
        """Runs a program in the box; its failure is the test's."""
        told = subprocess.run([*self._enter(), *argv], input=stdin, capture_output=True, text=True)
        assert told.returncode == 0, (argv, stdin, told.stderr)
        return told.stdout

    def by_hand(self, *lines: str) -> None:
        """Runs commands as a person would type them."""
        for line in lines:
            self.run(*shlex.split(line))

    def look(self, desired: Desired) -> str:
        """What the box shows, as printed."""
        return self.run(*iproute.observe(desired["sysctls"]))

    def observe(self, desired: Desired) -> Observed:
        """What the box shows."""
        return iproute.parse(self.look(desired))

    def apply(self, changes: Changes) -> None:
        """Runs what the reconciler says."""
        assert changes.conflicts == ()
        for argv, stdin in iproute.batches(changes.commands):
            self.run(*argv, stdin=stdin)

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_: object) -> None:
        for holder in (self._far, self._holder):
            holder.communicate()


def typed(changes: Changes) -> Sequence[str]:
    """The commands as a person would type them."""
    return [shlex.join(command.argv) for command in changes.commands]
