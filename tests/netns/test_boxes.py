"""What a box is and what it cannot reach: real namespaces, made by an ordinary user and by root."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Caller


@pytest.fixture(scope="module", params=["ordinary_user", "root_labctl"])
def caller(request: pytest.FixtureRequest) -> Caller:
    who: Caller = request.getfixturevalue(request.param)
    return who


@pytest.fixture(scope="module")
def lab(caller: Caller) -> Iterator[str]:
    name = f"boxes{os.getpid()}"
    caller.labctl("up", "lab10", "--name", name, "--no-verify", check=True)
    yield name
    caller.labctl("down", name, check=True)


def inside(caller: Caller, lab: str, *command: str, box: str = "boxA") -> subprocess.CompletedProcess[str]:
    return caller.labctl("exec", lab, box, "--", *command)


def test_has_a_name_of_its_own(caller: Caller, lab: str) -> None:
    for box in ("boxA", "boxB", "boxC"):
        assert inside(caller, lab, "hostname", box=box).stdout == f"{box}\n"
    assert socket.gethostname() not in ("boxA", "boxB", "boxC")


def test_a_changed_host_name_is_not_another_box_s(caller: Caller, lab: str) -> None:
    inside(caller, lab, "hostname", "elsewhere").check_returncode()
    assert inside(caller, lab, "hostname").stdout == "elsewhere\n"
    assert inside(caller, lab, "hostname", box="boxB").stdout == "boxB\n"
    inside(caller, lab, "hostname", "boxA").check_returncode()


def test_one_is_root_at_home(caller: Caller, lab: str) -> None:
    script = 'id -u; echo "$HOME"; cd; touch note && ls'
    assert inside(caller, lab, "sh", "-c", script).stdout == "0\n/root\nnote\n"


def test_knows_the_others_by_name(caller: Caller, lab: str) -> None:
    hosts = inside(caller, lab, "cat", "/etc/hosts").stdout
    assert "192.168.50.5 boxB\n" in hosts
    assert "192.168.60.5 boxB.vxlan0\n" in hosts


def test_a_shell_says_where_one_is(caller: Caller, lab: str) -> None:
    shown = inside(caller, lab, "bash", "-ic", 'echo "${PS1@P}"').stdout
    assert shown.startswith(f"[{lab}] root@boxA:")


@pytest.mark.parametrize("folder", ["/", "/etc", "/usr", "/usr/bin", "/var", "/var/tmp", "/opt", "/home", "/sys"])
def test_cannot_create_a_file_of_the_host_s(caller: Caller, lab: str, folder: str) -> None:
    """The folder is there, so that the refusal is about writing; a tmpfs of the box's own takes the same file."""
    name = f"labctl-test-{os.getpid()}"
    refused = inside(caller, lab, "touch", f"{folder}/{name}")
    assert refused.returncode == 1
    assert "Read-only file system" in refused.stderr or "Permission denied" in refused.stderr
    assert not Path(folder, name).exists()
    inside(caller, lab, "touch", f"/tmp/{name}").check_returncode()
    assert not Path("/tmp", name).exists()


def test_cannot_write_where_its_owner_could(caller: Caller, lab: str) -> None:
    """The state folder belongs to the very user that the box's root is outside."""
    place = f"{caller.state}/touched"
    caller.run(["touch", place]).check_returncode()
    caller.run(["rm", place]).check_returncode()
    assert inside(caller, lab, "touch", place).returncode == 1
    assert not Path(place).exists()


@pytest.mark.parametrize("place", ["/", "/usr", "/etc", "/home", "/sys"])
def test_root_of_a_box_cannot_lift_the_protection(caller: Caller, lab: str, place: str) -> None:
    inside(caller, lab, "mount", "-o", "remount,rw,bind", "/tmp").check_returncode()
    assert inside(caller, lab, "mount", "-o", "remount,rw,bind", place).returncode != 0


def test_another_box_s_folders_are_not_its_own(caller: Caller, lab: str) -> None:
    inside(caller, lab, "touch", "/tmp/mine").check_returncode()
    assert inside(caller, lab, "test", "-e", "/tmp/mine", box="boxB").returncode == 1


@pytest.mark.parametrize(
    "key", ["kernel/panic", "kernel/randomize_va_space", "vm/swappiness", "fs/file-max", "net/core/somaxconn"]
)
def test_cannot_write_a_sysctl_of_the_host_s(caller: Caller, lab: str, key: str) -> None:
    """The value written is the one it has, so that a failure of this test changes nothing. somaxconn is a box's own."""
    before = Path("/proc/sys", key).read_text()
    answer = inside(caller, lab, "sh", "-c", 'cat "$1" && echo "$2" > "$1"', "-", f"/proc/sys/{key}", "77")
    if key.startswith("net/"):
        assert answer.returncode == 0
    else:
        assert answer.returncode != 0
        assert answer.stdout == before
    assert Path("/proc/sys", key).read_text() == before


def test_sees_no_process_of_the_host_s(caller: Caller, lab: str) -> None:
    numbers = inside(caller, lab, "sh", "-c", "cd /proc; echo [0-9]*").stdout.split()
    assert len(numbers) < 5
    command = inside(caller, lab, "cat", "/proc/1/cmdline").stdout
    assert command == f"labctl:{lab}\0infinity\0"


def test_has_its_adapter_on_a_network_of_its_own(caller: Caller, lab: str) -> None:
    links = json.loads(inside(caller, lab, "ip", "-j", "link").stdout)
    assert [link["ifname"] for link in links] == ["lo", "enp0s8", "vxlan0"]
    assert inside(caller, lab, "ls", "/sys/class/net").stdout.split() == ["enp0s8", "lo", "vxlan0"]


def test_the_host_s_network_is_untouched(caller: Caller, lab: str) -> None:
    names = [link["ifname"] for link in json.loads(subprocess.check_output(["ip", "-j", "link"]))]
    assert not {"enp0s8", "vxlan0", "sw0", "p1"} & set(names)
    assert not Path("/run/netns/boxA").exists()


def test_the_first_ping_crosses(caller: Caller, lab: str) -> None:
    answer = inside(caller, lab, "ping", "-c1", "-w5", "-i0.2", "-I", "vxlan0", "192.168.60.6", box="boxB")
    assert answer.returncode == 0, answer.stdout


def test_exec_gives_the_command_s_own_status_and_streams(caller: Caller, lab: str) -> None:
    answer = caller.labctl("exec", lab, "boxA", "--", "sh", "-c", "cat; echo err >&2; exit 7", input="in")
    assert (answer.returncode, answer.stdout, answer.stderr) == (7, "in", "err\n")


def test_ssh_takes_a_script(caller: Caller, lab: str) -> None:
    assert caller.labctl("ssh", lab, "boxB", input="hostname\nexit 3\n").stdout == "boxB\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("exec", "nowhere", "boxA", "--", "true"), "nowhere is not up"),
        (("exec", "LAB", "boxZ", "--", "true"), "has no box 'boxZ'"),
        (("exec", "LAB", "boxA"), "no command to run"),
        (("ssh", "LAB", "boxZ"), "its boxes are boxA, boxB, boxC"),
    ],
    ids=["no-lab", "no-box", "no-command", "ssh-no-box"],
)
def test_what_labctl_cannot_do_is_125(caller: Caller, lab: str, arguments: tuple[str, ...], words: str) -> None:
    answer = caller.labctl(*(lab if word == "LAB" else word for word in arguments))
    assert answer.returncode == 125
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr
