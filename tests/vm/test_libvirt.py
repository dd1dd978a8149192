"""Both labs on real virtual machines, from nothing to nothing. The tests of this file follow one another."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from orchestrator import labfile, render
from tests import parity
from tests.conftest import CHECKOUT
from tests.vm.conftest import HANG, Host


def eventually(true: Callable[[], bool], what: str) -> None:
    """Asks again until it is true; the time limit is for a hang."""
    end = time.monotonic() + HANG
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def nothing_is_left(host: Host) -> None:
    assert (host.domains(), host.networks(), host.volumes()) == ([], [], [])
    assert list(host.state.glob("labctl/instances/*")) == []


def test_lab9_comes_up_and_every_check_passes(host: Host) -> None:
    made = host.json("up", "lab9")
    assert (made["provider"], made["created"], made["report"]["exit_code"]) == ("libvirt", True, 0)
    assert made["report"]["counts"]["passed"] == len(made["report"]["results"]) > 50
    assert len(host.domains()) == 2


def test_namespaces_show_the_same(host: Host, tmp_path: Path) -> None:
    """Of all that the lab is about; tests/parity.py says what that is."""
    beside = Host(tmp_path)
    beside.state.mkdir(mode=0o700)
    beside.environment["LABCTL_PROVIDER"] = "netns"
    beside.labctl("up", "lab9", "--no-verify", check=True)
    lab = labfile.load(CHECKOUT / "labs/lab9/lab.yml")

    def asking(where: Host) -> parity.Ask:
        return lambda box, argv: where.labctl("exec", "lab9", box, "--", *argv, check=True).stdout

    assert parity.state(lab, asking(host)) == parity.state(lab, asking(beside))
    beside.labctl("down", "lab9", check=True)


def test_a_second_up_changes_nothing(host: Host) -> None:
    again = host.json("up", "lab9")
    assert (again["created"], again["started"], again["commands"]) == (False, False, 0)
    assert again["report"]["exit_code"] == 0


def test_status_exec_ssh_and_capture(host: Host) -> None:
    (found,) = host.json("status")["labs"]
    assert (found["name"], found["state"], found["provider"], found["boxes"]) == ("lab9", "up", "libvirt", 2)
    done = host.labctl("exec", "lab9", "boxB", "--", "sh", "-c", "id -un; hostname; exit 7")
    assert (done.returncode, done.stdout) == (7, "root\nboxB\n")
    shell = host.labctl("ssh", "lab9", "boxA", input="echo '#{1}' \"$USER\"\n", stdin=None)
    assert (shell.returncode, shell.stdout) == (0, "#{1} root\n")
    pings = host.popen("exec", "lab9", "boxA", "--", "ping", "-i", "0.5", "-w", "300", "192.168.50.5")
    capture = host.labctl("capture", "lab9", "boxB", "--count", "1", "--decode", "--seconds", "300", check=True)
    pings.kill()
    pings.communicate()
    assert "192.168.50." in capture.stdout


def test_verify_writes_junit(host: Host, tmp_path: Path) -> None:
    done = host.labctl("verify", "lab9", "--junit", str(tmp_path / "lab9.xml"))
    assert done.returncode == 0, done.stdout
    suite = ElementTree.parse(tmp_path / "lab9.xml").getroot()
    assert int(suite.get("tests", "0")) > 50
    assert int(suite.get("failures", "1")) == 0


def test_the_overlay_is_there_again_after_a_power_failure(host: Host) -> None:
    """A warm reboot does the same, and takes QEMU minutes where processors are emulated."""
    (machine,) = [name for name in host.domains() if name.endswith("-boxA")]
    host.virsh("destroy", machine)
    host.virsh("start", machine)
    eventually(lambda: host.labctl("verify", "lab9").returncode == 0, "the overlay does not come back")


def test_halt_and_start(host: Host) -> None:
    host.labctl("halt", "lab9", check=True)
    assert host.json("status")["labs"][0]["state"] == "halted"
    assert host.virsh("list", "--name").split() == []
    started = host.json("start", "lab9")
    assert (started["started"], started["report"]["exit_code"]) == (True, 0)


def test_what_is_broken_is_told_and_mended(host: Host) -> None:
    host.labctl("break", "lab9", "firewall-in", "--box", "boxB", check=True)
    assert host.labctl("verify", "lab9", "--deadline", "5").returncode == 1
    mended = host.json("up", "lab9")
    assert (mended["commands"] > 0, mended["report"]["exit_code"]) == (True, 0)
    host.labctl("exec", "lab9", "boxA", "--", "ip", "link", "del", "vxlan0", check=True)
    mended = host.json("up", "lab9")
    assert (mended["commands"] > 0, mended["report"]["exit_code"]) == (True, 0)


def test_down_leaves_nothing(host: Host) -> None:
    host.labctl("down", "lab9", check=True)
    nothing_is_left(host)


def test_lab10_after_a_kill_in_the_middle_of_up(host: Host) -> None:
    """And with the disk of a machine that an earlier kill has left, which no machine has."""
    disk = render.machine_name("lab10", "boxA", host.state / "labctl/instances/lab10/vagrant")
    host.virsh("vol-create-as", "default", f"{disk}.img", "1M")
    cut = host.popen("up", "lab10")
    eventually(lambda: len(host.domains()) >= 2, "the second box does not come")
    cut.kill()
    cut.communicate()
    (found,) = host.json("status")["labs"]
    assert found["state"] in ("partly", "up")
    made = host.json("up", "lab10")
    assert made["report"]["exit_code"] == 0
    assert len(host.domains()) == 3


def test_the_trace_shows_the_group(host: Host) -> None:
    told = host.json("trace", "lab10", "boxA", "boxB")
    first = told["events"][0]
    outer = first["outer"]
    assert (outer["target"], outer["target_mac"], outer["ttl"], outer["vni"]) == (
        "239.255.0.1", "01:00:5e:7f:00:01", 5, 100,
    )  # fmt: skip
    assert {arrival["box"] for arrival in first["arrivals"]} == {"boxB", "boxC"}


def test_an_interrupt_undoes_what_is_half_made(host: Host) -> None:
    host.labctl("down", "lab10", check=True)
    nothing_is_left(host)
    stopped = host.popen("up", "lab9")
    eventually(lambda: bool(host.domains()), "the first box does not come")
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=HANG)
    assert stopped.returncode == 130, said
    nothing_is_left(host)


def test_the_rendered_directory_works_alone(host: Host, tmp_path: Path) -> None:
    directory = tmp_path / "alone"
    host.labctl("render", "lab9", "--to", str(directory), check=True)
    environment = {key: value for key, value in host.environment.items() if not key.startswith(("PYTHON", "XDG"))}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"  # ansible-playbook

    def vagrant(*words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["vagrant", *words], cwd=directory, env=environment, text=True, capture_output=True, timeout=HANG,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    try:
        vagrant("up", "--provider", "libvirt")
        assert " 0% packet loss" in vagrant("ssh", "boxA", "-c", "ping -c 3 -W 20 -I vxlan0 192.168.60.5").stdout
        assert host.labctl("down", "--orphans").stderr == "there are no orphans\n"
    finally:
        vagrant("destroy", "--force")
    nothing_is_left(host)


def test_orphans_are_found_and_removed_on_request(host: Host) -> None:
    host.labctl("up", "lab9", "--no-verify", check=True)
    instance = host.state / "labctl/instances/lab9"
    subprocess.run(["rm", "-rf", str(instance)], check=True)
    subprocess.run(["rm", "-rf", f"{host.environment['VAGRANT_HOME']}/data/machine-index"], check=True)
    found = [finding for finding in host.json("doctor")["findings"] if finding["name"] == "orphans"]
    assert found[0]["status"] == "warning"
    assert "labctl-lab9-" in found[0]["saw"]
    host.labctl("down", "--orphans", check=True)
    nothing_is_left(host)
