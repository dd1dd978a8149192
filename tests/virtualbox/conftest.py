"""labctl as it was installed, on this host's VirtualBox. Time limits are the caller's: LABCTL_BOOT_TIMEOUT …"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT

LABCTL = CHECKOUT / "build" / "installed" / "bin" / "labctl"
HANG = float(os.environ.get("LABCTL_TEST_HANG") or 3600)
"""Seconds after which a program that does not end is given up."""


class Host:
    """This host; `state` is the XDG_STATE_HOME of these tests."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.environment = {**os.environ, "LABCTL_PROVIDER": "virtualbox", "XDG_STATE_HOME": str(state)}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs labctl to its end."""
        options: dict[str, Any] = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL, "timeout": HANG}
        done = subprocess.run([str(LABCTL), *words], env=self.environment, cwd="/", **options)
        print(f"$ labctl {' '.join(words)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done

    def json(self, *words: str) -> Any:
        """What labctl prints with --json."""
        done = self.run(*words, "--json")
        assert done.returncode == 0
        return json.loads(done.stdout)

    def popen(self, *words: str) -> subprocess.Popen[bytes]:
        """Starts labctl; its process is labctl's own."""
        return subprocess.Popen([str(LABCTL), *words], env=self.environment, cwd="/", stdin=subprocess.DEVNULL)

    def machines(self) -> list[str]:
        """The names of labctl's machines."""
        done = subprocess.run(["VBoxManage", "list", "vms"], capture_output=True, text=True, check=True)
        names = [line.split('"')[1] for line in done.stdout.splitlines()]
        return [name for name in names if name.startswith(("labctl-lab", "temp_clone_"))]


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with the project's box; built here if it is neither built nor imported."""
    if shutil.which("VBoxManage") is None:
        pytest.skip("VBoxManage is not installed")
    made = Host(tmp_path_factory.mktemp("state"))
    assert made.run("box", "build", "--provider", "virtualbox").returncode == 0
    yield made
    made.run("down", "--all")
