"""Ansible over real SSH, as for virtual machines; at the other end is a box on namespaces."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator import labfile
from orchestrator.connections.ssh import Address, Ssh
from orchestrator.converge import ansible
from orchestrator.errors import LabError
from orchestrator.model import Lab
from orchestrator.plan import hosts
from tests.conftest import CHECKOUT, Caller
from tests.parity import state
from tests.role.ssh_server import serving


class Machines:
    """The boxes of lab9, made bare, as if they were machines with an SSH server each."""

    def __init__(self, caller: Caller, folder: Path, ports: dict[str, int]) -> None:
        self.caller, self.folder, self.ports = caller, folder, ports
        self.lab: Lab = labfile.load(CHECKOUT / "labs/lab9/lab.yml")

    def ask(self, box: str, command: Sequence[str]) -> str:
        answer = self.caller.labctl("exec", "lab9", box, "--", *command)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def reach(self, **more: Any) -> dict[str, dict[str, Any]]:
        """A box has a file system that is read-only, so nothing can be made to last in it."""
        found = {}
        for box, port in self.ports.items():
            folder = self.folder / box
            ssh = Ssh({box: Address("127.0.0.1", port, "root", (str(folder / "key"),))}, folder / "known_hosts", 120.0)
            ssh.learn()
            found[box] = {**ssh.inventory(box), "overlay_persistent": False, **more}
        return found

    def apply(self, variables: dict[str, dict[str, Any]], **options: Any) -> dict[str, ansible.Converged]:
        return ansible.apply(self.lab, variables, directory=self.folder, **options)


@pytest.fixture
def machines(ordinary_user: Caller, tmp_path: Path) -> Iterator[Machines]:
    def start(box: str) -> Iterator[int]:
        def run(command: str) -> subprocess.Popen[bytes]:
            argv = ordinary_user.become(ordinary_user.command("exec", "lab9", box, "--", "sh", "-c", command))
            pipe = subprocess.PIPE
            return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, env=ordinary_user.environment, cwd="/")

        folder = tmp_path / box
        folder.mkdir()
        with serving(folder, run) as port:
            yield port

    ordinary_user.labctl("down", "lab9")
    answer = ordinary_user.labctl("up", "lab9", "--bare", "--no-verify")
    assert answer.returncode == 0, answer.stderr
    servers = {box: start(box) for box in ("boxA", "boxB")}
    yield Machines(ordinary_user, tmp_path, {box: next(server) for box, server in servers.items()})
    for server in servers.values():
        next(server, None)
    ordinary_user.labctl("down", "lab9")


def test_makes_what_the_direct_way_makes(machines: Machines) -> None:
    first, second = machines.apply(machines.reach()), machines.apply(machines.reach())
    made = state(machines.lab, machines.ask)
    assert [done.changed for done in (*first.values(), *second.values())] == [True, True, False, False]
    machines.caller.labctl("down", "lab9")
    assert machines.caller.labctl("up", "lab9", "--no-verify").returncode == 0
    assert made == state(machines.lab, machines.ask)


def test_tells_in_check_mode_what_it_would_write_for_the_next_boot(machines: Machines) -> None:
    variables = machines.reach(overlay_persistent=True, overlay_hosts=hosts(machines.lab))
    told = machines.apply(variables, check=True)["boxA"]
    assert "/etc/labctl/box.json" in told.files
    assert "/usr/local/lib/labctl/labctl_iproute.py" in told.files
    assert "/etc/hosts" in told.files
    assert "+192.168.60.5 boxB.vxlan0" in (machines.folder / "lab9.log").read_text()


def test_what_cannot_be_written_is_told(machines: Machines) -> None:
    with pytest.raises(LabError, match=r"boxA: .*cannot write /usr/local/lib/labctl/labctl_iproute\.py: .*Read-only"):
        machines.apply(machines.reach(overlay_persistent=True))


def test_a_machine_with_another_host_key_is_not_believed(machines: Machines) -> None:
    machines.reach()
    known = machines.folder / "boxB/known_hosts"
    stranger = (machines.folder / "boxA/host.pub").read_text().split()[1]
    known.write_text(f"boxB ssh-ed25519 {stranger}\n")
    variables = machines.reach()
    told: list[tuple[str, str]] = []
    with pytest.raises(LabError, match=r"^boxB: .*Host key verification failed"):
        machines.apply(variables, emit=lambda box, what: told.append((box, what)))
    assert ("boxB", "unreachable") in told
    assert ("boxA", "changed") in told
