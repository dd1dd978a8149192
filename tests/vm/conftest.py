"""labctl on libvirt, as root, on a host of its own (host.sh). The box is built once and kept between runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT

CACHE = Path(os.environ.get("LABCTL_VM_CACHE") or CHECKOUT / "build" / "vm")
"""What is kept between runs: the built box, and Vagrant's and libvirt's copies of it."""

HANG = 1800.0
"""Seconds after which a program that does not end is given up: processors are emulated here."""


class Host:
    """labctl as root runs it here. `state`: its XDG_STATE_HOME."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.environment = {
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CHECKOUT),
            "LABCTL_PROVIDER": "libvirt",
            "LABCTL_LIBVIRT_DRIVER": "qemu",  # no KVM is asked of the host
            "LABCTL_BOOT_TIMEOUT": "900",
            "LABCTL_DEADLINE": "60",
            "VAGRANT_HOME": str(CACHE / "vagrant"),
            "XDG_DATA_HOME": str(CACHE / "data"),
            "XDG_STATE_HOME": str(self.state),
        }

    def command(self, *words: str) -> list[str]:
        """The argument list that runs labctl."""
        return [sys.executable, "-P", "-m", "orchestrator.cli", *words]

    def run(self, argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs a program, in the host's environment."""
        options = {"capture_output": True, "text": True, "timeout": HANG, "stdin": subprocess.DEVNULL, **options}
        return subprocess.run(argv, env=self.environment, **options)

    def labctl(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs labctl to its end."""
        return self.run(self.command(*words), **options)

    def json(self, *words: str, status: int = 0) -> Any:
        """What labctl prints with --json; it has to end with this status."""
        done = self.labctl(*words, "--json")
        assert done.returncode == status, done.stderr + done.stdout[-3000:]
        return json.loads(done.stdout)

    def popen(self, *words: str) -> subprocess.Popen[str]:
        """Starts labctl; its process is labctl's own."""
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(self.command(*words), env=self.environment, stdin=subprocess.DEVNULL, **options)

    def virsh(self, *words: str) -> str:
        """What virsh(1) prints."""
        done = self.run(["virsh", "--quiet", "--connect", "qemu:///system", *words])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def domains(self) -> list[str]:
        """The names of labctl's machines."""
        return [name for name in self.virsh("list", "--all", "--name").split() if name.startswith("labctl-")]

    def networks(self) -> list[str]:
        """The names of labctl's networks."""
        return [name for name in self.virsh("net-list", "--all", "--name").split() if name.startswith("labctl-")]

    def volumes(self) -> list[str]:
        """The names of labctl's volumes, but not of the box's image, which all labs share."""
        names = [line.split()[0] for line in self.virsh("vol-list", "default").splitlines()]
        return [name for name in names if name.startswith("labctl-lab")]


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A host with the project's box."""
    with tempfile.TemporaryDirectory(prefix="labctl-vm-", dir="/var/tmp") as folder:
        made = Host(Path(folder))
        made.state.mkdir(mode=0o700)
        yield made
        made.labctl("down", "--all", check=True)
        shutil.rmtree(folder, ignore_errors=True)
