"""A real SSH server on the loopback device, for Ansible's real ssh(1): it runs what it is asked to in a box."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

Start = Callable[[str], "subprocess.Popen[bytes]"]
"""Starts a command line, its three streams being pipes."""


class Server(paramiko.ServerInterface):
    """Lets in who has the one key."""

    def __init__(self, key: str, start: Start) -> None:
        self._key, self._start = key, start

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL if key.get_base64() == self._key else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._serve, args=(channel, command.decode()), daemon=True).start()
        return True

    def _serve(self, channel: paramiko.Channel, command: str) -> None:
        process = self._start(command)
        assert process.stdin
        assert process.stdout
        assert process.stderr
        pumps = [
            threading.Thread(target=_pump, args=(process.stdout, channel.sendall)),
            threading.Thread(target=_pump, args=(process.stderr, channel.sendall_stderr)),
        ]
        for pump in pumps:
            pump.start()
        while data := channel.recv(65536):
            process.stdin.write(data)
        process.stdin.close()
        for pump in pumps:
            pump.join()
        channel.send_exit_status(process.wait())
        channel.close()


def _pump(source: IO[bytes], sink: Callable[[bytes], object]) -> None:
    with source:
        while data := os.read(source.fileno(), 65536):
            sink(data)


@contextlib.contextmanager
def serving(folder: Path, start: Start) -> Iterator[int]:
    """The port it listens on. In `folder` is the client's `key`."""
    for name in ("key", "host"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)]
        subprocess.run(argv, check=True, capture_output=True)
    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    key = paramiko.Ed25519Key.from_private_key_file(str(folder / "host"))
    authorized = (folder / "key.pub").read_text().split()[1]
    transports: list[paramiko.Transport] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                transport = paramiko.Transport(listener.accept()[0])
                transport.add_server_key(key)
                transports.append(transport)
                # With an event it does not wait: who hangs up in the middle keeps nobody else out.
                transport.start_server(threading.Event(), Server(authorized, start))

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for transport in transports:
            transport.close()
