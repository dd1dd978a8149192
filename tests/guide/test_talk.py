"""A learner at a terminal: runs, types, asks, leaves, and comes back."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator

import pexpect
import pytest

from tests.conftest import Caller

Talk = Callable[..., "pexpect.spawn[str]"]
LAB = "lab9"


@pytest.fixture
def talk(ordinary_user: Caller) -> Iterator[Talk]:
    """Starts `labctl guide lab9` on a terminal."""
    started: list[pexpect.spawn[str]] = []

    def start(*arguments: str, columns: int = 80) -> pexpect.spawn[str]:
        argv = ordinary_user.become(ordinary_user.command("guide", LAB, *arguments))
        environment = ordinary_user.environment | {"TERM": "xterm"}
        child = pexpect.spawn(
            argv[0], argv[1:], env=environment, dimensions=(24, columns), timeout=60, encoding="utf-8", cwd="/"
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)
    ordinary_user.labctl("down", "--all", check=True)


def plain(text: str | None) -> str:
    shown = re.sub(r"[^\n]*\r\x1b\[K", "", text or "")  # progress that was taken away again
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "")


def prompt(child: pexpect.spawn[str], box: str = "boxA") -> str:
    """Everything up to the prompt of this box's."""
    child.expect(rf"\n(\r|\x1b\[[0-9;?]*[A-Za-z])*{box}# $")
    return plain(child.before)


def test_run_type_ask_leave_and_come_back(talk: Talk, ordinary_user: Caller) -> None:
    child = talk("--restart", columns=60)
    shown = prompt(child)
    assert "boxA# ip -br addr" in shown
    assert max(map(len, shown.splitlines())) <= 60
    child.sendline("")  # runs it
    assert "as the guide says" in prompt(child)
    child.sendline("hostname")  # something else
    assert prompt(child).splitlines()[:2] == ["hostname", "boxA"]
    child.sendline("boxB# hostname")  # elsewhere
    assert prompt(child).splitlines() == ["boxB# hostname", "boxB"]
    child.sendline("?")
    assert ":skip" in prompt(child)
    child.sendline("ping -n -c1 192.168.50.5")  # the step's command in other words
    assert "as the guide says" in prompt(child)
    child.sendline("")
    prompt(child)
    child.sendline("ip link add name vxlan0 type vxlan id 100 remote 192.168.50.5 dstport 4789 dev enp0s8")
    assert "your way" in prompt(child)
    child.sendline(":quit")
    child.expect("goes on from here")
    child.expect(pexpect.EOF)

    again = talk()
    again.expect("going on at step")
    prompt(again)
    again.sendline(":hint")
    assert "hint 1 of 3" in prompt(again)
    again.sendeof()
    again.expect("goes on from here")

    ordinary_user.labctl("down", LAB, check=True)
    anew = talk()
    anew.expect("commands so far again")
    prompt(anew)
    anew.sendcontrol("c")
    anew.expect("goes on from here")
    assert json.loads(ordinary_user.labctl("status", "--json").stdout)["labs"][0]["state"] == "up"

    killed = talk()
    killed.expect(r"going on at step (\d+) of")
    step = killed.match[1] if isinstance(killed.match, re.Match) else ""
    prompt(killed)
    killed.kill(signal.SIGKILL)
    last = talk()
    last.expect(f"going on at step {step} of")
    prompt(last)


def test_ctrl_c_ends_a_command_and_not_the_guide(talk: Talk) -> None:
    child = talk("--restart")
    prompt(child)
    child.sendline("ping 127.0.0.1")
    child.expect("icmp_seq=1")
    child.sendcontrol("c")
    prompt(child)
    child.sendline(":quit")
    child.expect("goes on from here")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_an_exercise_knows_when_it_is_mended(talk: Talk, ordinary_user: Caller) -> None:
    done = ordinary_user.labctl("guide", LAB, "--check")
    assert done.returncode == 0
    steps = json.loads(ordinary_user.labctl("guide", LAB, "--json").stdout)["steps"]
    first = next(number for number, step in enumerate(steps) if step["type"] == "exercise")
    mark = ordinary_user.home / f"state/labctl/guides/{LAB}.json"
    mark.write_text(json.dumps(json.loads(mark.read_text()) | {"step": first}))
    child = talk()
    child.expect("exercise> ")
    child.sendline("")
    child.expect("not yet")
    child.expect("exercise> ")
    for command in (
        "ip link del vxlan0",
        "ip link add vxlan0 type vxlan id 100 remote 192.168.50.4 dstport 4789 dev enp0s8",
        "ip addr add 192.168.60.5/24 dev vxlan0",
        "ip link set vxlan0 up",
    ):
        child.sendline(f"boxB# {command}")
        child.expect("exercise> ")
    child.sendline("")
    child.expect("mended")
    child.expect("exercise> ")  # the next one
    child.sendline(":skip")
    child.expect("at its end")
    child.expect(pexpect.EOF)
    assert ordinary_user.labctl("verify", LAB).returncode == 0


def test_what_a_learner_has_built_without_the_guide_is_not_lost(talk: Talk, ordinary_user: Caller) -> None:
    child = talk("--restart")
    prompt(child)
    child.sendline("")
    prompt(child)
    child.sendline(":quit")
    child.expect(pexpect.EOF)
    ordinary_user.labctl("down", LAB, check=True)
    ordinary_user.labctl("up", LAB, "--bare", check=True)
    ordinary_user.labctl("exec", LAB, "boxA", "--", "ip", "link", "add", "own", "type", "bridge", check=True)
    refused = talk()
    refused.expect("not from its guide")
    refused.expect("--restart begins in this one")
    refused.expect(pexpect.EOF)
    assert "own" in ordinary_user.labctl("exec", LAB, "boxA", "--", "ip", "-br", "link", check=True).stdout
    again = talk("--restart")
    prompt(again)
    assert "own" in ordinary_user.labctl("exec", LAB, "boxA", "--", "ip", "-br", "link", check=True).stdout
