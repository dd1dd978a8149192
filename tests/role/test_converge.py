"""The role in real namespaces, as an ordinary user: the same state as the direct way, and nothing done twice."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator import labfile
from tests.conftest import CHECKOUT, Caller
from tests.parity import State, state

LABS = ("labs/lab9/lab.yml", "labs/lab10/lab.yml", "tests/faults/bridged.yml")

DAMAGE = {
    "lab9": "ip link set dev vxlan0 type vxlan remote 192.168.50.99; ip addr add 10.9.9.9/24 dev enp0s8; "
    "ip link set dev vxlan0 mtu 1300",
    "lab10": "ip link del dev vxlan0; ip link set dev enp0s8 mtu 1400; sysctl -qw net.ipv4.conf.all.rp_filter=1",
    "bridged": "bridge fdb append 00:00:00:00:00:00 dev vxlan1 dst 192.168.50.77; ip link set dev vxlan1 nomaster; "
    "ip link set dev br1 down",
}
"""What is done to boxA before both ways are to mend it."""


class Lab:
    """A lab under its own name, made and asked as a user would."""

    def __init__(self, caller: Caller, file: str) -> None:
        self.caller, self.file = caller, str(caller.root / file)
        self.lab = labfile.load(CHECKOUT / file)

    def up(self, *options: str) -> dict[str, Any]:
        answer = self.caller.labctl("up", self.file, "--no-verify", "--json", *options)
        assert answer.returncode == 0, answer.stderr
        result: dict[str, Any] = json.loads(answer.stdout)
        return result

    def ask(self, box: str, command: Sequence[str], **options: Any) -> str:
        answer = self.caller.labctl("exec", self.lab.name, box, "--", *command, **options)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def state(self) -> dict[str, State]:
        return state(self.lab, self.ask)

    def role(self, *options: str) -> dict[str, Any]:
        """What the role does now. See drive.py."""
        directory = str(self.caller.home / "ansible")
        answer = self.caller.python("-m", "tests.role.drive", self.lab.name, directory, *options)
        assert answer.returncode == 0, answer.stderr
        result: dict[str, Any] = json.loads(answer.stdout)
        return result

    def log(self) -> str:
        return (self.caller.home / "ansible" / f"{self.lab.name}.log").read_text()

    def down(self) -> None:
        self.caller.labctl("down", self.lab.name)


@pytest.fixture
def lab10(ordinary_user: Caller) -> Iterator[Lab]:
    lab = Lab(ordinary_user, LABS[1])
    lab.down()
    yield lab
    lab.down()


@pytest.mark.parametrize("file", LABS)
def test_both_ways_give_the_same_state(ordinary_user: Caller, file: str) -> None:
    lab = Lab(ordinary_user, file)
    found: dict[str, list[dict[str, State]]] = {}
    for way in ("direct", "ansible"):
        lab.down()
        lab.up("--converge", way)
        found[way] = [lab.state()]
        lab.ask("boxA", ["sh", "-ec", DAMAGE[lab.lab.name]])
        damaged = lab.state()
        lab.up("--converge", way)
        found[way].append(lab.state())
        assert damaged["boxA"] != found[way][1]["boxA"]
        assert all(box["links"] and box["sysctls"] for box in found[way][0].values())
    lab.down()
    assert found["ansible"] == found["direct"]
    assert found["ansible"][0] == found["ansible"][1]


def test_a_lab_configured_by_ansible_passes_its_checks_as_root_too(root_labctl: Caller) -> None:
    answer = root_labctl.labctl("up", "lab10", "--json", env={"LABCTL_CONVERGE": "ansible"})
    root_labctl.labctl("down", "lab10")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["report"]["counts"]["passed"] > 100
    assert "boxC: changed" in answer.stderr


def test_the_second_run_changes_nothing(lab10: Lab) -> None:
    lab10.up("--bare")
    first, state, second = lab10.role(), lab10.state(), lab10.role()
    assert [box["changed"] for box in first["boxes"].values()] == [True] * 3
    assert [(box["changed"], box["commands"]) for box in second["boxes"].values()] == [(False, [])] * 3
    assert lab10.state() == state
    assert lab10.log().count("changed=0") == 3


def test_check_mode_changes_nothing_and_tells_the_commands(lab10: Lab) -> None:
    lab10.up("--converge", "ansible")
    lab10.ask("boxA", ["ip", "link", "del", "dev", "vxlan0"])
    before = lab10.state()
    told = lab10.role("--check")["boxes"]
    assert lab10.state() == before
    assert told["boxA"]["changed"]
    assert not told["boxB"]["changed"]
    diff = [line for line in lab10.log().splitlines() if line.startswith("+ip ")]
    assert [line[1:].partition("  # ")[0] for line in diff] == told["boxA"]["commands"]
    assert diff[0].startswith("+ip link add name vxlan0 ")
    done = lab10.role()["boxes"]
    assert done["boxA"]["commands"] == told["boxA"]["commands"]


def test_progress_is_told_by_box(lab10: Lab) -> None:
    lab10.up()
    told = lab10.role()["told"]
    assert sorted(map(tuple, told)) == sorted(
        (box, what) for box in ("boxA", "boxB", "boxC") for what in ("configuring", "as it shall be")
    )


def test_what_is_in_the_way_is_told_in_words(lab10: Lab) -> None:
    lab10.up("--bare")
    lab10.ask("boxB", ["ip", "link", "add", "vxlan0", "type", "bridge"])
    answer = lab10.role()
    assert answer["error"] == (
        "boxB: vxlan0 is a bridge device; that name is wanted for a vxlan device; it is to be removed by hand"
    )
    log = lab10.caller.home / "ansible" / "lab10.log"
    assert answer["hint"] == f"all that Ansible said: {log}"
    assert "FAILED!" in lab10.log()
    assert log.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in log.parent.iterdir() if path.is_dir()] == []
    assert ["boxB", "failed"] in answer["told"]
    assert ["boxA", "changed"] in answer["told"]


def test_what_others_made_is_left_alone(lab10: Lab) -> None:
    lab10.up()
    lab10.ask("boxB", ["ip", "link", "add", "theirs", "type", "bridge"])
    assert lab10.role()["boxes"]["boxB"]["left_alone"] == [
        "labctl did not make the bridge device theirs and leaves it alone"
    ]


def test_settings_of_the_user_for_ansible_do_not_take_part(lab10: Lab) -> None:
    home = lab10.caller.home
    (home / ".ansible.cfg").write_text("[defaults]\nstdout_callback = nonsense\nroles_path = /nonexistent\n")
    (home / "ansible.cfg").write_text("[defaults]\nforks = nonsense\n")
    hostile = {"ANSIBLE_CONFIG": str(home / "ansible.cfg"), "ANSIBLE_STRATEGY": "nonsense", "ANSIBLE_PIPELINING": "0"}
    answer = lab10.caller.labctl("up", lab10.file, "--no-verify", env={"LABCTL_CONVERGE": "ansible", **hostile})
    assert answer.returncode == 0, answer.stderr
    assert not lab10.role()["boxes"]["boxA"]["changed"]
    for file in (home / ".ansible.cfg", home / "ansible.cfg"):
        file.unlink()
    assert not (home / ".ansible").exists()


def test_an_interrupt_undoes_the_lab(lab10: Lab) -> None:
    process = lab10.caller.popen("up", lab10.file, "--converge", "ansible", stderr=-1, stdout=-1)
    assert process.stderr
    for line in process.stderr:
        if "boxA: configuring" in line:
            process.send_signal(signal.SIGINT)
            break
    _, rest = process.communicate(timeout=600)
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    assert not (Path(lab10.caller.state) / "labctl" / "ansible" / "lab10").exists()
    assert lab10.caller.labctl("exec", "lab10", "boxA", "--", "true").returncode == 125


def test_nonsense_is_refused(ordinary_user: Caller) -> None:
    answer = ordinary_user.labctl("up", "lab10", "--converge", "chef")
    assert (answer.returncode, "none of auto, direct, ansible" in answer.stderr) == (2, True)
