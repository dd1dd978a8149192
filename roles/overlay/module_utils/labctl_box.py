"""What is done inside a box: looks, and runs the reconciler's commands.

The module `labctl_overlay` uses it, and as /usr/local/lib/labctl/labctl_box.py it is the program that runs at boot.
Standard library only, Python 3.9 or later.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING or __name__ != "__main__":
    from . import labctl_iproute as iproute
else:
    import labctl_iproute as iproute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LIBRARY = "/usr/local/lib/labctl"
STATE = "/etc/labctl/box.json"
LOCK = "/run/labctl-overlay.lock"

PATIENCE = 30.0
"""Seconds that an adapter has to appear after the program was started at boot."""

PROGRAM_SECONDS = 60.0
"""Seconds that one program may take."""

ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class BoxError(Exception):
    """A failure, said in a sentence."""


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Waits for whoever else of these is at work: at boot the program may run twice, and Ansible come early."""
    try:
        fd = os.open(LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BoxError(f"cannot lock {LOCK}: {error.strerror}; one has to be root") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def changes(desired: iproute.Desired) -> iproute.Changes:
    """What is to be done here for the box to show `desired`."""
    try:
        observed = iproute.parse(program(iproute.observe(desired["sysctls"]), "", "cannot read the state of the box"))
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
        program(argv, lines, "cannot configure the box")


def program(argv: Sequence[str], lines: str, what: str) -> str:
    """What a program prints, whose input is `lines`. Raises BoxError, with `what` failed and its own words."""
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


def boot(state: str) -> None:
    """What runs at boot: waits for the adapters, and makes the box show what it shall. Run twice, it does nothing."""
    try:
        desired: iproute.Desired = json.loads(Path(state).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BoxError(f"cannot read {state}: {error}") from error
    with alone():
        await_adapters(adapters(desired))
        todo = changes(desired)
        if todo.conflicts:
            raise BoxError("; ".join(todo.conflicts))
        run(todo.commands)
    for command in todo.commands:
        print(" ".join(command.argv))


def adapters(desired: iproute.Desired) -> set[str]:
    """The MACs of the adapters."""
    return {link["mac"].lower() for link in desired["links"] if link["kind"] == "adapter"}


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
        boot(sys.argv[1] if len(sys.argv) > 1 else STATE)
    except BoxError as failure:
        sys.exit(f"labctl: {failure}")
