"""Commands under way over SSH: each is a channel of a connection (RFC 4254, section 6)."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from orchestrator import command
from orchestrator.command import Result, replay
from orchestrator.errors import LabError

if TYPE_CHECKING:
    from paramiko import Channel


_REST = 5.0
"""Seconds in which the last output of a command that has ended comes in."""


class SshRunning:
    """A command under way; see connections.Running."""

    def __init__(self, channel: Channel, box: str, words: Sequence[str], stdin: str | None) -> None:
        self.argv, self._box, self._stdin = tuple(words), box, stdin
        self._channel, self._started = channel, time.monotonic()

    def wait(self, timeout: float | None = None) -> Result:
        """See connections.Running."""
        out, err = bytearray(), bytearray()
        threads = [
            threading.Thread(target=self._feed, daemon=True),
            threading.Thread(target=_drain, args=(self._channel.recv_stderr, err), daemon=True),
            threading.Thread(target=_drain, args=(self._channel.recv, out), daemon=True),
        ]
        for thread in threads:
            thread.start()
        ended = self._channel.status_event.wait(timeout)
        if not ended:
            self.kill()
            raise LabError(f"no end within {timeout:g} s: {replay(self.argv)}", where=self._box)
        for thread in threads:  # what it left running in the box may hold on to its output
            thread.join(_REST)
        status, seconds = self._channel.recv_exit_status(), time.monotonic() - self._started
        self._channel.close()
        result = Result(self.argv, status, out.decode(errors="replace"), err.decode(errors="replace"), seconds)
        command.journal(f"{self._box}# {replay(self.argv, self._stdin)}  # {status}, {seconds * 1000:.1f} ms")
        return result

    def stop(self) -> None:
        """See connections.Running. In the box it ends by itself, or when it next writes: sshd(8) sends no signal."""
        self._channel.close()

    kill = stop

    def _feed(self) -> None:
        try:
            if self._stdin:
                self._channel.sendall(self._stdin.encode())
            self._channel.shutdown_write()
        except OSError:
            pass  # it has ended without reading all of it


class SshStream:
    """A command whose output is read while it runs; see connections.Stream."""

    def __init__(self, channel: Channel, words: Sequence[str]) -> None:
        self.argv, self._channel, self._said = tuple(words), channel, b""

    def line(self, timeout: float) -> str:
        """See connections.Stream."""
        self._channel.settimeout(timeout)
        try:
            while b"\n" not in self._said and (data := self._channel.recv_stderr(65536)):
                self._said += data
        except TimeoutError:
            raise LabError(f"no word within {timeout:g} s: {shlex.join(self.argv)}") from None
        finally:
            self._channel.settimeout(None)
        line, _, self._said = self._said.partition(b"\n")
        return line.decode(errors="replace")

    def read(self) -> bytes:
        """See connections.Stream."""
        return self._channel.recv(1 << 18)

    def finish(self) -> None:
        """See connections.Stream."""
        self._channel.shutdown_write()

    def ended(self) -> tuple[int, str]:
        """See connections.Stream."""
        rest = bytearray(self._said)
        _drain(self._channel.recv_stderr, rest)
        return self._channel.recv_exit_status(), rest.decode(errors="replace")

    def __enter__(self) -> SshStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()


def _drain(receive: Callable[[int], bytes], into: bytearray) -> None:
    while data := receive(1 << 16):
        into += data
