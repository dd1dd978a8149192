"""`break` beyond the matrix: what it refuses, what it tells and hides, and what survives accidents."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import faults, labfile
from orchestrator.faults import FAULTS
from tests.conftest import CHECKOUT, Caller

LAB = labfile.load(CHECKOUT / "labs/lab10/lab.yml")


@pytest.fixture
def lab(ordinary_user: Caller, request: pytest.FixtureRequest) -> Iterator[str]:
    """A copy of lab10 that is up."""
    name = f"broken{abs(hash(request.node.name)) % 10**8}"
    ordinary_user.labctl("up", "lab10", "--name", name, "--no-verify", check=True)
    yield name
    ordinary_user.labctl("down", name, check=True)


def failed(caller: Caller, name: str) -> set[str]:
    told = json.loads(caller.labctl("verify", name, "--json", "--deadline", "2").stdout)
    assert told["counts"]["error"] == 0
    return {result["id"] for result in told["results"] if result["status"] == "failed"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["wrong-vnii"], "no fault is called 'wrong-vnii'\n  did you mean wrong-vni?"),
        (["anything"], "no fault is called 'anything'\n  there is: lo-down, "),
        (["wrong-remote"], "wrong-remote cannot strike"),
        (["wrong-vni", "--box", "boxD"], "wrong-vni cannot strike boxD\n  it can strike boxA, boxB, boxC"),
        (["wrong-vni", "--random"], "give one of FAULT, --random and --reveal"),
        (["--seed", "1"], "--seed is for --random"),
        (["--random", "--box", "boxA"], "--random chooses the box too"),
    ],
)
def test_what_cannot_be_broken_is_said(ordinary_user: Caller, lab: str, arguments: list[str], words: str) -> None:
    done = ordinary_user.labctl("break", lab, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert json.loads(ordinary_user.labctl("break", lab, "--reveal", "--json").stdout) == {"broken": []}


def test_a_lab_that_is_not_up(ordinary_user: Caller) -> None:
    done = ordinary_user.labctl("break", "lab10x", "wrong-vni")
    assert (done.returncode, "lab10x is not up" in done.stderr) == (2, True)
    assert not Path(ordinary_user.state, "labctl/instances/lab10x").exists()


def test_the_list_names_every_fault_and_box(ordinary_user: Caller, lab: str) -> None:
    rows = json.loads(ordinary_user.labctl("break", lab, "--json").stdout)["faults"]
    wanted = {name for name, fault in FAULTS.items() if faults.places(LAB, "netns", fault)}
    assert {row["fault"] for row in rows} == wanted
    assert all(row["boxes"] == ["boxA", "boxB", "boxC"] for row in rows)
    assert "wrong-vni" in ordinary_user.labctl("break", lab).stdout


def test_the_same_twice_is_refused_and_two_are_mended(ordinary_user: Caller, lab: str) -> None:
    ordinary_user.labctl("break", lab, "firewall-in", "--box", "boxB", check=True)
    again = ordinary_user.labctl("break", lab, "firewall-in", "--box", "boxB")
    assert (again.returncode, "has firewall-in already" in again.stderr) == (2, True)
    ordinary_user.labctl("break", lab, "wrong-kind", "--box", "boxC", check=True)
    assert "broken on purpose" in ordinary_user.labctl("status", lab).stdout
    planned = ordinary_user.labctl("up", lab, "--dry-run").stdout
    assert "delete table ip labctl-fault" in planned
    done = ordinary_user.labctl("up", lab)
    assert (done.returncode, "102 passed of 102 checks" in done.stdout) == (0, True), done.stdout
    assert "broken on purpose" not in ordinary_user.labctl("status", lab).stdout
    assert "nothing had to be changed" in ordinary_user.labctl("up", lab, "--no-verify").stdout


def test_random_is_the_same_for_the_same_seed_and_does_not_tell(ordinary_user: Caller, lab: str) -> None:
    told = ordinary_user.labctl("break", lab, "--random", "--seed", "7", check=True)
    chosen = faults.choose(LAB, "netns", 7)
    assert chosen is not None
    fault, site = chosen
    assert fault.name not in told.stdout + told.stderr
    assert site.vtep.box not in told.stdout + told.stderr
    (broken,) = json.loads(ordinary_user.labctl("break", lab, "--reveal", "--json").stdout)["broken"]
    assert (broken["fault"], broken["box"], broken["hidden"]) == (fault.name, site.vtep.box, True)
    assert failed(ordinary_user, lab)
    assert ordinary_user.labctl("up", lab).returncode == 0
    every = [faults.choose(LAB, "netns", seed) for seed in range(200)]
    assert len({(one[0].name, one[1].vtep.box) for one in every if one}) > 50


def test_a_process_on_the_port_is_refused_with_its_pid(ordinary_user: Caller, lab: str) -> None:
    """It is the user's own: labctl touches nothing, and says which process it is."""
    ordinary_user.labctl("exec", lab, "boxB", "--", "ip", "link", "set", "vxlan0", "down", check=True)
    hold = "import os, socket; s = socket.socket(type=2); s.bind(('0.0.0.0', 4789)); print(os.getpid(), flush=True)"
    process = ordinary_user.popen(
        "exec", lab, "boxB", "--", "python3", "-c", f"{hold}; input()", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    pid = process.stdout.readline().strip()
    ordinary_user.labctl("exec", lab, "boxA", "--", "ip", "link", "set", "vxlan0", "mtu", "1300", check=True)
    done = ordinary_user.labctl("up", lab)
    assert done.returncode == 3
    assert f"boxB: process {pid} (python3) has UDP port 4789, which vxlan0 needs" in done.stderr
    mtu = ordinary_user.labctl("exec", lab, "boxA", "--", "cat", "/sys/class/net/vxlan0/mtu").stdout
    assert mtu == "1300\n", "something was touched all the same"
    assert ordinary_user.labctl("exec", lab, "boxB", "--", "kill", pid).returncode == 0
    process.communicate()
    assert ordinary_user.labctl("up", lab).returncode == 0


def test_what_is_taken_back_by_hand_does_no_harm(ordinary_user: Caller, lab: str) -> None:
    for fault in ("firewall-out", "socket-taken", "port-taken", "default-route", "foreign-bridge", "wrong-kind",
                  "tcp-damaged"):  # fmt: skip
        ordinary_user.labctl("break", lab, fault, "--box", "boxA", check=True)
        by_hand = ("nft flush ruleset; pkill -f '[l]abctl-fault'; ip link del vxlan-fault; ip link del br-fault;"
                   " ip route del default; ip link del vxlan0; true")  # fmt: skip
        ordinary_user.labctl("exec", lab, "boxA", "--", "sh", "-c", by_hand, check=True)
        assert ordinary_user.labctl("up", lab, "--no-verify").returncode == 0, fault
    assert ordinary_user.labctl("verify", lab).returncode == 0


def test_the_default_route_that_a_box_has_comes_back(ordinary_user: Caller, lab: str) -> None:
    """A virtual machine has one, over its way out."""
    ordinary_user.labctl("exec", lab, "boxA", "--", "ip", "route", "add", "default", "dev", "vxlan0", check=True)
    ordinary_user.labctl("break", lab, "default-route", "--box", "boxA", check=True)
    assert ordinary_user.labctl("verify", lab).returncode == 1
    ordinary_user.labctl("up", lab, "--no-verify", check=True)
    shown = ordinary_user.labctl("exec", lab, "boxA", "--", "ip", "route", "show", "default")
    assert shown.stdout.split() == ["default", "dev", "vxlan0", "scope", "link"]
    ordinary_user.labctl("exec", lab, "boxA", "--", "ip", "route", "del", "default", check=True)


@pytest.mark.parametrize("delay", [0.05, 0.1, 0.15, 0.2, 0.3])
def test_killed_while_it_breaks(ordinary_user: Caller, lab: str, delay: float) -> None:
    """What was done is recorded before it is done: `up` mends it, wherever the kill came."""
    process = ordinary_user.popen("break", lab, "igmp-lost", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = ordinary_user.labctl("up", lab)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_record_is_the_user_s_alone(ordinary_user: Caller, lab: str) -> None:
    ordinary_user.labctl("break", lab, "firewall-in", check=True)
    record = Path(ordinary_user.state, "labctl/instances", lab, "broken.json")
    assert record.stat().st_mode & 0o777 == 0o600
    record.write_text("{")
    done = ordinary_user.labctl("up", lab)
    assert (done.returncode, "the stored state is damaged" in done.stderr) == (4, True)
    assert "Traceback" not in done.stderr
