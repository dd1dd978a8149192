"""testinfra's way into a box: a backend that runs commands through the lab's Connection and keeps evidence."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import testinfra  # type: ignore[import-untyped]
import testinfra.backend  # type: ignore[import-untyped]
from testinfra.backend.base import BaseBackend, CommandResult  # type: ignore[import-untyped]
from testinfra.host import Host  # type: ignore[import-untyped]

from orchestrator.connections import Connection, Running
from orchestrator.errors import LabError
from orchestrator.verify.results import Evidence, bounded

TIMEOUT = 60.0
"""Seconds that a command of a lab's own tests may take; our checks set their own."""


class Channel:
    """The connection of the verification that is going on, and the commands that it has under way."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.under_way: set[Running] = set()
        self.evidence: list[Evidence] = []
        self.closed = threading.Event()

    def run(self, box: str, argv: Sequence[str], stdin: str | None, timeout: float) -> tuple[int, str, str]:
        """Runs a command to its end: status, standard output, standard error. Raises LabError where it does not end."""
        if self.closed.is_set():
            raise LabError("verification was interrupted")
        running = self.connection.start(box, argv, stdin=stdin)
        self.under_way.add(running)
        if self.closed.is_set():  # meanwhile
            self.stop()
        try:
            result = running.wait(timeout + self.connection.allowance)
        finally:
            self.under_way.discard(running)
        return result.returncode, result.stdout, result.stderr

    def stop(self) -> None:
        """Kills what is under way, so that whoever waits for it stops waiting, and starts nothing more."""
        self.closed.set()
        for running in tuple(self.under_way):
            running.stop()


class BoxBackend(BaseBackend):  # type: ignore[misc]
    """`labctl://boxA`: a box of the lab that is being verified."""

    NAME = "labctl"
    channel: ClassVar[Channel | None] = None

    def __init__(self, hostname: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(hostname, *args, **kwargs)
        self._encoding = "utf-8"

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        """Runs a shell command in the box. Keywords: `stdin`, `timeout` in seconds, `keep` as evidence."""
        assert self.channel is not None, "a box can be asked only while its lab is being verified"
        line = self.get_command(command, *args)
        status, out, err = self.channel.run(
            self.hostname, ["sh", "-c", line], kwargs.get("stdin"), kwargs.get("timeout", TIMEOUT)
        )
        if kwargs.get("keep", True):
            self.channel.evidence.append(Evidence(line, status, bounded(out + err)))
        return self.result(status, line.encode(), out, err)


@contextlib.contextmanager
def registered(connection: Connection) -> Iterator[Channel]:
    """Lets testinfra know the backend, for one verification; afterwards it knows it no more."""
    channel = BoxBackend.channel = Channel(connection)
    testinfra.backend.BACKENDS[BoxBackend.NAME] = f"{__name__}.{BoxBackend.__name__}"
    try:
        yield channel
    finally:
        BoxBackend.channel = None
        del testinfra.backend.BACKENDS[BoxBackend.NAME]
        _forget()


def host(box: str) -> Host:
    """testinfra's Host of a box; the same one each time."""
    return testinfra.get_host(f"{BoxBackend.NAME}://{box}")


def _forget() -> None:
    # testinfra keeps hosts for ever, by name: the next lab's boxA would be this one's.
    for key, kept in list(Host._host_cache.items()):
        if isinstance(kept.backend, BoxBackend):
            del Host._host_cache[key]
    for names, hosts in list(Host._hosts_cache.items()):
        if any(isinstance(kept.backend, BoxBackend) for kept in hosts):
            del Host._hosts_cache[names]
