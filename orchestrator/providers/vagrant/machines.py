"""Vagrant itself: python-vagrant, with machine-readable output, and a way to stop what is under way."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import vagrant

from orchestrator import command
from orchestrator.connections.ssh import Address
from orchestrator.errors import Exit, LabError

Tell = Callable[[str], None]
"""Takes a line of Vagrant's machine-readable output, as it comes."""

_OURS = ("VAGRANT_CWD", "VAGRANT_DOTFILE_PATH", "VAGRANT_VAGRANTFILE", "VAGRANT_LOG")
"""Settings of the caller's that would lead Vagrant to another folder, or spoil its output."""

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC

_ATTEMPTS = (("INT", 60.0), ("TERM", 20.0), ("KILL", 5.0))
"""How Vagrant is stopped, and seconds that it gets to tidy up: it destroys a machine that it has not finished."""


class VagrantError(Exception):
    """Vagrant ended with another status than 0; `lines` is all that it said."""

    def __init__(self, status: int, lines: Sequence[str]) -> None:
        super().__init__(f"vagrant ended with status {status}")
        self.status, self.lines = status, tuple(lines)


class Vagrant(vagrant.Vagrant):
    """The machines of one rendered folder. Methods of several threads may run at once, for different boxes.

    log: takes all that Vagrant says.
    """

    def __init__(self, folder: Path, provider: str, log: Path) -> None:
        keep = {key: value for key, value in os.environ.items() if key not in _OURS}
        super().__init__(
            root=str(folder),
            env={**keep, "VAGRANT_CWD": str(folder), "VAGRANT_DEFAULT_PROVIDER": provider,
                 "VAGRANT_CHECKPOINT_DISABLE": "1", "VAGRANT_NO_COLOR": "1"},
        )  # fmt: skip
        self.provider, self.folder, self.log = provider, folder, log
        self._under_way: set[command.Lines] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def make(self, box: str, tell: Tell) -> None:
        """Creates or starts a box, without provisioning it. Raises VagrantError."""
        self._follow(self.up(box, provider=self.provider, provision=False, stream_output=True), tell)

    def turn_off(self, boxes: Sequence[str], tell: Tell) -> None:
        """Shuts boxes down, gracefully as long as they go along. Raises VagrantError."""
        self._follow(self._stream_vagrant_command(["halt", *boxes]), tell)

    def remove(self, boxes: Sequence[str], tell: Tell) -> None:
        """Destroys boxes, or all where none is named. Raises VagrantError."""
        self._follow(self._stream_vagrant_command(["destroy", "--force", *boxes]), tell)

    def addresses(self, boxes: Sequence[str]) -> dict[str, Address]:
        """Where each running box's SSH is. Raises VagrantError where one does not run."""
        from paramiko import SSHConfig

        told = SSHConfig.from_text(self.ssh_config())  # python-vagrant reads one box's only
        found = {box: told.lookup(box) for box in boxes}
        return {
            box: Address(here["hostname"], int(here["port"]), here["user"], tuple(here["identityfile"]))
            for box, here in found.items()
        }

    def stop(self) -> None:
        """Stops what other threads have under way, gently at first, and lets them begin nothing more."""
        with self._lock:
            self._stopping = True
            under_way = tuple(self._under_way)
        for signal, grace in _ATTEMPTS:
            for lines in under_way:
                lines.send(signal)
            over = [lines.over(grace) for lines in under_way]
            if all(over):
                return

    @staticmethod
    def _follow(lines: Iterator[str], tell: Tell) -> None:
        for line in lines:
            tell(line)

    def _make_vagrant_command(self, args: Sequence[str | None]) -> list[str]:
        # When labctl is killed, Vagrant is interrupted, and tidies up: setpriv(1), prctl(2) PR_SET_PDEATHSIG.
        machine = [] if args[0] == "ssh-config" else ["--machine-readable"]
        return [
            "setpriv",
            "--pdeathsig",
            "INT",
            "--",
            "vagrant",
            *machine,
            *(word for word in args if word is not None),
        ]

    def _stream_vagrant_command(self, args: Sequence[str | None]) -> Iterator[str]:
        said = []
        lines = self._begun(args)
        try:
            with lines:
                for line in lines:
                    said.append(line)
                    self._keep(line)
                    yield line
        finally:
            self._under_way.discard(lines)
        if lines.status:
            raise VagrantError(lines.status, said)

    def _keep(self, line: str) -> None:
        with contextlib.suppress(OSError), os.fdopen(os.open(self.log, _APPEND, 0o600), "a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def _begun(self, args: Sequence[str | None]) -> command.Lines:
        with self._lock:
            if self._stopping:
                raise LabError("interrupted", code=Exit.INTERRUPTED)
            lines = command.Lines(self._make_vagrant_command(args), environment=self.env)
            self._under_way.add(lines)
        return lines

    def _run_vagrant_command(self, args: Sequence[str | None]) -> str:
        return "".join(f"{line}\n" for line in self._stream_vagrant_command(args))

    def _call_vagrant_command(self, args: Sequence[str | None]) -> None:
        self._run_vagrant_command(args)
