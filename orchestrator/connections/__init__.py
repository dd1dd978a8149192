"""How commands reach a box. A provider gives a Connection; the rest of labctl knows no other way in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from orchestrator.command import Result


class Running(Protocol):
    """A command under way in a box; see command.Running."""

    def wait(self, timeout: float | None = None) -> Result:
        """What it printed, once it has ended. LabError after `timeout` seconds, when it is given up."""
        ...

    def stop(self) -> None:
        """Gives it up, for who waits for it in another thread."""
        ...

    def kill(self) -> None:
        """Gives it up."""
        ...


class Stream(Protocol):
    """A command in a box whose stdout is read while it runs, in a `with` block; see command.Stream."""

    def line(self, timeout: float) -> str:
        """The next line of its stderr, "" once there is none to come. LabError if none comes in `timeout` seconds."""
        ...

    def read(self) -> bytes:
        """What it has written to stdout, as soon as there is anything; b"" at its end."""
        ...

    def finish(self) -> None:
        """Asks it to end; what it still writes can be read."""
        ...

    def ended(self) -> tuple[int, str]:
        """Its exit status and what of its stderr has not been read, once it has ended by itself."""
        ...

    def __enter__(self) -> Stream: ...

    def __exit__(self, *error: object) -> None: ...


class Connection(Protocol):
    """A way into the boxes of one running lab; commands run as root there.

    allowance: seconds that the way in may cost beyond what a command itself needs.
    """

    allowance: float

    def argv(self, box: str, command: Sequence[str]) -> list[str]:
        """The host's command that runs `command` in `box`."""
        ...

    def interactive(self, box: str, command: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
        """The host's command, and its environment, that runs `command` in `box` with the caller's terminal."""
        ...

    def inventory(self, box: str) -> dict[str, object]:
        """What Ansible has to know to reach `box`: the variables of its connection plugin."""
        ...

    def start(self, box: str, command: Sequence[str], *, stdin: str | None = None) -> Running:
        """Starts `command` in `box`; stdin is its whole input."""
        ...

    def run(
        self, box: str, command: Sequence[str], *, stdin: str | None = None, timeout: float | None = None
    ) -> Result:
        """Runs `command` in `box` to its end, `timeout` seconds at most."""
        ...

    def run_beside(self, command: Sequence[str], *, stdin: str | None = None) -> Result:
        """Runs `command` where the switches are, beside the boxes, if they are the provider's."""
        ...

    def stream(self, box: str, command: Sequence[str]) -> Stream:
        """Starts `command` in `box`, its stdout to be read while it runs; it has to end when its stdin does."""
        ...
