"""How commands reach a box. A provider gives a Connection; the rest of labctl knows no other way in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from orchestrator.command import Result, Running, Stream


class Connection(Protocol):
    """A way into the boxes of one running lab; commands run as root there."""

    def argv(self, box: str, command: Sequence[str]) -> list[str]:
        """The host's command that runs `command` in `box`."""
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
