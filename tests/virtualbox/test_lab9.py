"""lab9 on real VirtualBox machines, from nothing to nothing. The tests of this file follow one another."""

from __future__ import annotations

import time
from pathlib import Path
from xml.etree import ElementTree

from tests.virtualbox.conftest import HANG, Host


def test_a_kill_in_the_middle_of_up_is_put_right_by_the_next(host: Host) -> None:
    cut = host.popen("up", "lab9")
    end = time.monotonic() + HANG
    while not host.machines():
        assert cut.poll() is None
        assert time.monotonic() < end
        time.sleep(0.5)
    cut.kill()
    cut.wait()
    made = host.json("up", "lab9")
    assert (made["provider"], made["report"]["exit_code"]) == ("virtualbox", 0)
    assert len(host.machines()) == 2


def test_a_second_up_changes_nothing(host: Host) -> None:
    again = host.json("up", "lab9")
    assert (again["created"], again["commands"], again["report"]["exit_code"]) == (False, 0, 0)


def test_verify_writes_junit(host: Host, tmp_path: Path) -> None:
    assert host.run("verify", "lab9", "--junit", str(tmp_path / "lab9.xml")).returncode == 0
    suite = ElementTree.parse(tmp_path / "lab9.xml").getroot()
    assert (int(suite.get("tests", "0")) > 50, suite.get("failures")) == (True, "0")


def test_exec(host: Host) -> None:
    done = host.run("exec", "lab9", "boxB", "--", "sh", "-c", "id -un; hostname; exit 7")
    assert (done.returncode, done.stdout) == (7, "root\nboxB\n")


def test_down_leaves_nothing(host: Host) -> None:
    assert host.run("down", "lab9").returncode == 0
    assert host.machines() == []
    assert list(host.state.glob("labctl/instances/*")) == []
