"""labctl, killed after each step and after each process that it starts: nothing is left, and the next up works."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Caller
from tests.netns.test_life import eventually, holders

NAME = f"killed{os.getpid()}"


def processes(user: Caller) -> list[str]:
    """The living processes of this user, if the user is one that the tests made; else those in namespaces of a
    lab's."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "status").read_text()
            same = int(status.split("Uid:")[1].split()[0]) == user.uid and "State:\tZ" not in status
            elsewhere = (entry / "ns" / "net").stat().st_ino != Path("/proc/self/ns/net").stat().st_ino
        except OSError:
            continue
        if same and (elsewhere or user.uid != os.getuid()):
            found.append(f"{entry.name} {status.splitlines()[0]}")
    return found


def host() -> tuple[str, str]:
    """The host's own links and mounts."""
    links = json.loads(subprocess.check_output(["ip", "-j", "link"]))
    return json.dumps([link["ifname"] for link in links]), Path("/proc/self/mounts").read_text()


@pytest.mark.parametrize("more", [["--no-verify"], []], ids=["no-verify", "verify"])
def test_killed_at_every_point(ordinary_user: Caller, more: list[str]) -> None:
    before = host()
    user, committed, point = ordinary_user, False, 0
    while True:
        point += 1
        command = ["-m", "tests.netns.killed", str(point), "up", "lab9", "--name", NAME, *more]
        answer = user.python(*command)
        if answer.returncode == 0:
            break
        assert answer.returncode == -9, answer.stderr
        found = json.loads(user.labctl("status", "--json", check=True).stdout)["labs"]
        if found and found[0]["state"] == "up":
            committed = True  # killed after its commit: the lab is good, and stays
        else:
            eventually(lambda: not processes(user), f"point {point}: left over: {processes(user)}")
            assert holders(NAME) == []
            assert host() == before
            if point % 4 == 0:  # not after each: it would be the test's longest part
                user.labctl("up", "lab9", "--name", NAME, "--no-verify", check=True)
        user.labctl("down", "--all", check=True)
        assert not list(Path(user.state, "labctl", "instances").iterdir())
    user.labctl("down", NAME, check=True)
    eventually(lambda: not processes(user), f"left over after down: {processes(user)}")
    assert point > 10
    assert committed


def test_killed_while_a_running_lab_is_mended(ordinary_user: Caller) -> None:
    """The lab that was there stays, and another up finishes the work."""
    user, point = ordinary_user, 0
    user.labctl("up", "lab9", "--name", NAME, "--no-verify", check=True)
    while True:
        point += 1
        user.labctl("exec", NAME, "boxA", "--", "ip", "link", "del", "vxlan0")
        answer = user.python("-m", "tests.netns.killed", str(point), "up", "lab9", "--name", NAME, "--no-verify")
        if answer.returncode == 0:
            break
        assert answer.returncode == -9, answer.stderr
        assert len(holders(NAME)) == 1
    assert point > 5
    user.labctl("verify", NAME, check=True)
    user.labctl("down", NAME, check=True)


def test_killed_while_it_goes_down(ordinary_user: Caller) -> None:
    user, point = ordinary_user, 0
    while True:
        point += 1
        user.labctl("up", "lab9", "--name", NAME, "--no-verify", check=True)
        answer = user.python("-m", "tests.netns.killed", str(point), "down", NAME)
        if answer.returncode == 0:
            break
        assert answer.returncode == -9, answer.stderr
        user.labctl("down", NAME, check=True)
        assert holders(NAME) == []
    assert point >= 2
