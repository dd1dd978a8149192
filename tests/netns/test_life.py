"""A lab's life: up, up again, side by side, killed, half-written, down; and what is left of it: nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Caller

NAME = f"life{os.getpid()}"


@pytest.fixture
def user(ordinary_user: Caller) -> Iterator[Caller]:
    yield ordinary_user
    ordinary_user.labctl("down", "--all", check=True)


def eventually(true: Callable[[], bool], what: str, seconds: float = 15) -> None:
    """Asks again until it is true. The time limit is for a hang, not for slowness."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def holders(name: str = NAME) -> list[int]:
    """The processes that hold a lab of this name, whoever's they are; zombies are dead."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cmdline").read_bytes().startswith(f"labctl:{name}\0".encode()):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def status(user: Caller, *arguments: str) -> list[dict[str, Any]]:
    answer = user.labctl("status", "--json", *arguments, check=True)
    labs: list[dict[str, Any]] = json.loads(answer.stdout)["labs"]
    return labs


def up(user: Caller, *arguments: str, lab: str = "lab10", name: str = NAME) -> subprocess.CompletedProcess[str]:
    return user.labctl("up", lab, "--name", name, "--no-verify", *arguments)


def test_up_status_down_leave_nothing(user: Caller) -> None:
    assert up(user).returncode == 0
    (found,) = status(user)
    assert (found["name"], found["state"], found["boxes"], found["provider"]) == (NAME, "up", 3, "netns")
    (holder,) = holders()
    assert user.labctl("down", NAME).returncode == 0
    assert status(user) == []
    assert not Path(f"/proc/{holder}").exists() or "zombie" in Path(f"/proc/{holder}/status").read_text()
    assert list(Path(user.state, "labctl", "instances").iterdir()) == []


def test_a_lab_at_rest_is_one_small_process(user: Caller) -> None:
    up(user).check_returncode()
    (holder,) = holders()
    namespace = Path(f"/proc/{holder}/ns/pid").stat().st_ino
    inside = [
        entry.name
        for entry in Path("/proc").glob("[0-9]*")
        if (entry / "ns").exists() and _namespace(entry) == namespace
    ]
    assert inside == [str(holder)]
    memory = Path(f"/proc/{holder}/status").read_text()
    assert int(memory.split("VmRSS:")[1].split()[0]) < 4096


def _namespace(entry: Path) -> int | None:
    try:
        return (entry / "ns" / "pid").stat().st_ino
    except OSError:
        return None


def test_a_second_up_changes_nothing_and_says_so(user: Caller) -> None:
    up(user).check_returncode()
    (holder,) = holders()
    index = user.labctl("exec", NAME, "boxA", "--", "cat", "/sys/class/net/vxlan0/ifindex").stdout
    again = up(user, "--json")
    assert json.loads(again.stdout)["commands"] == 0
    assert "nothing had to be changed" in up(user).stdout
    assert holders() == [holder]
    assert user.labctl("exec", NAME, "boxA", "--", "cat", "/sys/class/net/vxlan0/ifindex").stdout == index


def test_up_mends_what_was_broken_by_hand(user: Caller) -> None:
    up(user).check_returncode()
    user.labctl("exec", NAME, "boxB", "--", "ip", "link", "del", "vxlan0", check=True)
    user.labctl("exec", NAME, "boxC", "--", "ip", "link", "set", "vxlan0", "mtu", "1400", check=True)
    mended = user.labctl("up", "lab10", "--name", NAME)
    assert mended.returncode == 0, mended.stdout
    assert "mended it" in mended.stdout


def test_what_is_not_ours_is_left_alone_and_reported(user: Caller) -> None:
    up(user).check_returncode()
    foreign = ("ip", "link", "add", "vxlan7", "type", "vxlan", "id", "7", "dstport", "4789")
    user.labctl("exec", NAME, "boxA", "--", *foreign, check=True)
    again = up(user)
    assert "left alone" in again.stdout
    assert "vxlan7" in again.stdout
    user.labctl("exec", NAME, "boxA", "--", "ip", "link", "show", "vxlan7", check=True)


def test_dry_run_prints_what_up_runs(user: Caller) -> None:
    """The commands of the log of a real run, taken out of its batches, are those that the dry run printed."""
    dry = up(user, "--dry-run", "--json")
    steps = [command for _, command, _ in json.loads(dry.stdout)["steps"]]
    assert status(user) == []
    real = user.labctl("-v", "up", "lab10", "--name", NAME, "--no-verify")
    assert real.returncode == 0
    ran, program = [], ""
    for line in real.stderr.splitlines():
        if line.startswith("+ "):
            program = "bridge" if " bridge -batch" in line else "ip" if " ip -batch" in line else ""
        elif program and line.startswith("END"):
            program = ""
        elif program:
            ran.append(f"{program} {line}")
    assert sorted(ran) == sorted(steps)
    assert len(steps) > 10
    assert "nothing would be run" in up(user, "--dry-run").stdout


def test_copies_and_other_labs_side_by_side(user: Caller) -> None:
    for lab, name in (("lab10", f"{NAME}a"), ("lab10", f"{NAME}b"), ("lab9", f"{NAME}c")):
        assert up(user, lab=lab, name=name).returncode == 0
    assert {found["name"] for found in status(user)} == {f"{NAME}a", f"{NAME}b", f"{NAME}c"}
    user.labctl("exec", f"{NAME}a", "boxA", "--", "ip", "link", "del", "vxlan0", check=True)
    ping = ("ping", "-c1", "-w5", "-i0.2", "192.168.60.5")
    for name in (f"{NAME}b", f"{NAME}c"):
        user.labctl("exec", name, "boxA", "--", *ping, check=True)


def test_status_finds_a_lab_from_any_directory(user: Caller) -> None:
    up(user).check_returncode()
    for folder in ("/", "/usr"):
        assert json.loads(user.labctl("status", "--json", cwd=folder).stdout)["labs"][0]["state"] == "up"


def test_a_killed_holder_takes_everything_along(user: Caller) -> None:
    up(user).check_returncode()
    (holder,) = holders()
    sleeper = user.popen("exec", NAME, "boxA", "--", "sleep", "1000")
    eventually(lambda: len(_members(holder)) > 1, "the sleeper does not start")
    os.kill(holder, signal.SIGKILL)
    sleeper.wait(15)
    eventually(lambda: not holders(), "the holder lives on")
    (found,) = status(user)
    assert found["state"] == "lost"
    assert user.labctl("verify", NAME).returncode == 4
    assert up(user).returncode == 0
    assert status(user)[0]["state"] == "up"


def _members(holder: int) -> list[Path]:
    wanted = Path(f"/proc/{holder}/ns/pid").stat().st_ino
    return [entry for entry in Path("/proc").glob("[0-9]*") if _namespace(entry) == wanted]


@pytest.mark.parametrize("text", ["", "{", '{"lab": {"name": 7}}', "\0\xff", "[]"], ids=repr)
@pytest.mark.parametrize("alive", [True, False], ids=["alive", "dead"])
def test_a_half_written_state_is_understood(user: Caller, text: str, alive: bool) -> None:
    up(user).check_returncode()
    (holder,) = holders()
    if not alive:
        os.kill(holder, signal.SIGKILL)
        eventually(lambda: not holders(), "the holder lives on")
    state = Path(user.state, "labctl", "instances", NAME, "instance.json")
    user.run(["sh", "-c", 'printf %s "$1" > "$2"', "-", text.replace("\0", ""), str(state)]).check_returncode()
    assert status(user)[0]["state"] == "damaged"
    for command in (["verify", NAME], ["exec", NAME, "boxA", "--", "true"], ["list"], ["doctor"]):
        assert "Traceback" not in user.labctl(*command).stderr
    if alive:
        refused = up(user)
        assert (refused.returncode, "labctl down" in refused.stderr) == (4, True)
        user.labctl("down", NAME, check=True)
        assert holders() == []
    assert up(user).returncode == 0


def test_a_pipe_does_not_keep_up_from_returning(user: Caller) -> None:
    process = user.popen("up", "lab10", "--name", NAME, "--no-verify", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=60)  # end-of-file comes only if the holder has let go of both
    assert process.returncode == 0, err
    assert NAME in out


def test_two_ups_of_one_name_never_both_work(user: Caller) -> None:
    answers: list[subprocess.CompletedProcess[str]] = []
    threads = [threading.Thread(target=lambda: answers.append(up(user))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [answer for answer in answers if answer.returncode != 0]
    assert len(holders()) == 1
    assert len(refused) < 6
    for answer in refused:
        assert answer.returncode == 4
        assert "another labctl is at work" in answer.stderr


def test_another_file_under_the_same_name_is_refused(user: Caller) -> None:
    up(user).check_returncode()
    refused = up(user, lab="lab9")
    assert refused.returncode == 2
    assert "from another file" in refused.stderr
    assert len(holders()) == 1


def test_ctrl_c_undoes_a_fresh_lab(user: Caller) -> None:
    """Interrupted at moments spread over the whole of an up; each leaves all or nothing."""
    undone = 0
    for delay in (0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3):
        process = user.popen("up", "lab10", "--name", NAME, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stderr is not None
        first = process.stderr.readline()  # before it, Ctrl-C may meet Python itself, and nothing has been made
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert "making 3 boxes" in first
        assert "Traceback" not in err
        if process.returncode == 130:
            undone += 1
            assert holders() == []
            assert status(user) == []
        else:
            assert process.returncode == 0, err  # too late
            user.labctl("down", "--all", check=True)
    assert undone


def test_ctrl_c_leaves_an_old_lab_alone(user: Caller) -> None:
    up(user).check_returncode()
    (holder,) = holders()
    process = user.popen("up", "lab10", "--name", NAME, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert holders() == [holder]
    assert status(user)[0]["state"] == "up"


def test_a_failed_check_tears_nothing_down(user: Caller) -> None:
    up(user).check_returncode()
    user.labctl("exec", NAME, "boxB", "--", "ip", "link", "set", "vxlan0", "down", check=True)
    assert user.labctl("verify", NAME, "--deadline", "0.5").returncode == 1
    assert status(user)[0]["state"] == "up"


def test_state_is_for_its_owner_alone(user: Caller) -> None:
    up(user).check_returncode()
    for path in [Path(user.state, "labctl"), *Path(user.state, "labctl").rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
