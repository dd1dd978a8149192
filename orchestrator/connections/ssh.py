"""Into a box that is a virtual machine: SSH, by paramiko; one connection a box, and a channel of it for each command.

A box's host key is what it showed when it was made (see `learn`), and no other is taken afterwards.
"""

from __future__ import annotations

import os
import shlex
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orchestrator import command
from orchestrator.command import Result
from orchestrator.connections.channels import SshRunning, SshStream
from orchestrator.errors import Exit, LabError

if TYPE_CHECKING:
    from paramiko import Channel, HostKeys, MissingHostKeyPolicy, PKey, SSHClient, Transport

_ROOT = ("sudo", "-n", "-H", "--", "env", "LANG=C.UTF-8", "SHELL=/bin/bash")
"""How the box's user becomes root there, and what of an environment sudo(8) does not give."""

_AGAIN = 0.5
"""Seconds between two attempts to reach a box that is still booting."""


class Address(NamedTuple):
    """Where a box's SSH is, as its hypervisor's host sees it, and whose key opens it."""

    host: str
    port: int
    user: str
    keys: tuple[str, ...]


class Ssh:
    """A Connection to boxes. known_hosts: the file of their host keys; allowance: see Connection."""

    def __init__(self, boxes: Mapping[str, Address], known_hosts: Path, allowance: float) -> None:
        self.allowance = allowance
        self._boxes, self._known_hosts = dict(boxes), known_hosts
        self._clients: dict[tuple[int, str], SSHClient] = {}
        self._lock = threading.Lock()

    def argv(self, box: str, words: Sequence[str]) -> list[str]:
        """See Connection."""
        return [*self._ssh(box, "-T"), shlex.join([*_ROOT, *words])]

    def interactive(self, box: str, words: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
        """See Connection. By ssh(1), which knows terminals; that there is a way in is seen before."""
        self._transport(box)
        terminal = "-t" if os.isatty(0) and os.isatty(1) else "-T"
        return [*self._ssh(box, terminal), shlex.join([*_ROOT, *words])], os.environ

    def inventory(self, box: str) -> dict[str, object]:
        """See Connection."""
        address = self._boxes[box]
        return {
            "ansible_connection": "ssh", "ansible_host": address.host, "ansible_port": address.port,
            "ansible_user": address.user, "ansible_ssh_private_key_file": address.keys[0], "ansible_become": True,
            "ansible_ssh_common_args": shlex.join(f"-o{option}" for option in self.options(box)),
        }  # fmt: skip

    def start(self, box: str, words: Sequence[str], *, stdin: str | None = None) -> SshRunning:
        """See Connection."""
        return SshRunning(self._channel(box, words), box, words, stdin)

    def run(self, box: str, words: Sequence[str], *, stdin: str | None = None, timeout: float | None = None) -> Result:
        """See Connection."""
        return self.start(box, words, stdin=stdin).wait(timeout)

    def run_beside(self, words: Sequence[str], *, stdin: str | None = None) -> Result:
        """See Connection: there is nothing of labctl's beside virtual machines."""
        raise LabError("switches of virtual machines are their hypervisor's", code=Exit.USAGE)

    def stream(self, box: str, words: Sequence[str]) -> SshStream:
        """See Connection."""
        command.journal(f"{box}# {shlex.join(words)}  # started")
        return SshStream(self._channel(box, words), words)

    def learn(self) -> None:
        """Takes the host keys that boxes show now as theirs, where none is known; see `forget`."""
        keys = _read(self._known_hosts)
        for box in self._boxes.keys() - set(keys):
            key = self._shown(box)
            keys.add(box, key.get_name(), key)
        _replace(self._known_hosts, keys)

    def options(self, box: str) -> list[str]:
        """ssh_config(5)'s options for a box: its host key goes by the box's name, for its port may change."""
        return [
            f"HostKeyAlias={box}", f'UserKnownHostsFile="{self._known_hosts}"', "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes",
            "IdentitiesOnly=yes", "BatchMode=yes", "LogLevel=ERROR", f"ConnectTimeout={self.allowance:.0f}",
        ]  # fmt: skip

    def _ssh(self, box: str, terminal: str) -> list[str]:
        address = self._boxes[box]
        argv = ["ssh", terminal, "-F", "none", "-p", str(address.port), "-l", address.user]
        argv += [f"-o{option}" for option in self.options(box)] + [w for key in address.keys for w in ("-i", key)]
        return [*argv, "--", address.host]

    def _channel(self, box: str, words: Sequence[str]) -> Channel:
        import paramiko

        try:
            channel = self._transport(box).open_session(timeout=self.allowance)
            channel.exec_command(shlex.join([*_ROOT, *words]))
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._unreachable(box, error) from error
        return channel

    def _transport(self, box: str) -> Transport:
        """The connection to a box. A fork must not use its parent's: it makes its own."""
        with self._lock:
            client = self._clients.get((os.getpid(), box))
            transport = client.get_transport() if client else None
            if transport is None or not transport.is_active():
                client = self._connect(box)
                self._clients[os.getpid(), box] = client
                transport = client.get_transport()
            assert transport is not None
            return transport

    def _connect(self, box: str) -> SSHClient:
        """Tries until the box answers, `allowance` seconds at most: it may be booting."""
        import paramiko

        address, deadline = self._boxes[box], time.monotonic() + self.allowance
        known, patience = _read(self._known_hosts).lookup(box), self.allowance
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(_policy(lambda key: known is not None and known.get(key.get_name()) == key))
        while True:
            try:
                client.connect(
                    address.host, address.port, address.user, look_for_keys=False,
                    key_filename=list(address.keys),  # type: ignore[arg-type]
                    allow_agent=False, timeout=patience, banner_timeout=patience, auth_timeout=patience,
                )  # fmt: skip
                return client
            except _StrangerError as error:
                raise self._stranger(box) from error
            except paramiko.AuthenticationException as error:
                raise self._unreachable(box, error) from error
            except (paramiko.SSHException, OSError, EOFError) as error:
                if time.monotonic() > deadline:
                    raise self._unreachable(box, error) from error
                time.sleep(_AGAIN)

    def _shown(self, box: str) -> PKey:
        """The host key that a box shows. It is asked again as `_connect` does: it may be booting."""
        import paramiko

        deadline = time.monotonic() + self.allowance
        while True:
            try:
                with paramiko.Transport(socket.create_connection(self._boxes[box][:2], self.allowance)) as transport:
                    transport.start_client(timeout=self.allowance)
                    return transport.get_remote_server_key()
            except (paramiko.SSHException, OSError, EOFError) as error:
                if time.monotonic() > deadline:
                    raise self._unreachable(box, error) from error
                time.sleep(_AGAIN)

    def _stranger(self, box: str) -> LabError:
        address = self._boxes[box]
        return LabError(
            f"who answers at {address.host} port {address.port} is not {box}: it shows another host key",
            where=box,
            hint=f"the key that {box} showed when it was made is in {self._known_hosts}",
        )

    def _unreachable(self, box: str, error: BaseException) -> LabError:
        address = self._boxes[box]
        return LabError(
            f"no SSH at {address.host} port {address.port}: {error or type(error).__name__}",
            where=box,
            hint="labctl status shows whether it runs; labctl halt and labctl start bring a running one back",
        )


def forget(known_hosts: Path, boxes: Sequence[str]) -> None:
    """Forgets the host keys of boxes that are about to be made: they will show others."""
    if known_hosts.exists():
        keys = _read(known_hosts)
        for box in boxes:
            keys.pop(box, None)
        _replace(known_hosts, keys)


def _read(known_hosts: Path) -> HostKeys:
    import paramiko

    return paramiko.HostKeys(str(known_hosts) if known_hosts.exists() else None)


def _replace(known_hosts: Path, keys: HostKeys) -> None:
    new = known_hosts.with_suffix(".new")
    new.touch(0o600)
    keys.save(str(new))
    new.replace(known_hosts)


class _StrangerError(Exception):
    """A host key that is not the box's."""


def _policy(is_known: Callable[[PKey], bool]) -> MissingHostKeyPolicy:
    import paramiko

    class Policy(paramiko.MissingHostKeyPolicy):
        """paramiko knows keys by address; ours go by the box."""

        def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
            if not is_known(key):
                raise _StrangerError

    return Policy()
