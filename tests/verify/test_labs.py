"""Healthy labs pass, broken ones are found out, and afterwards nothing of it is left: on real boxes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from orchestrator import verify
from orchestrator.connections import Connection
from orchestrator.connections.nsenter import Nsenter
from orchestrator.model import Lab
from orchestrator.verify import CheckResult, Report, checks
from orchestrator.verify.questions import PROBE_PORT
from tests import sample_labs as samples
from tests.verify.conftest import Running


def check(lab: Lab, connection: Connection, **more: object) -> Report:
    return verify.run(lab, connection, provider="netns", **{"deadline": 10.0, **more})  # type: ignore[arg-type]


def by_id(report: Report) -> dict[str, CheckResult]:
    found = {result.id: result for result in report.results}
    assert len(found) == len(report.results), "an id is there twice"
    return found


def red(report: Report) -> set[str]:
    return {result.id for result in report.results if result.status == "failed"}


def broken(report: Report) -> list[tuple[str, str]]:
    return [(result.id, result.saw) for result in report.results if result.status == "error"]


def learned(lab: Lab, connection: Connection) -> str:
    """The neighbour entries and the FDB entries that are not permanent, of all boxes."""
    script = "ip neigh show nud all | grep -v NOARP; bridge fdb show | grep -v permanent; true"
    return "".join(connection.run(box.name, ["sh", "-c", script]).stdout for box in lab.boxes)


HEALTHY = {
    # boxes x (lo + adapter 5 + device 17 or so + size, tcp, flood, isolation) + pairs x 3 (underlay, ping, FDB)
    "lab9": (samples.lab9(), 60),
    "lab10": (samples.lab10(), 102),
    "two overlays, bridged, head-end replication": (samples.two(), 192),
    "routed underlay": (samples.routed(), 95),
}


@pytest.mark.parametrize(("lab", "number"), HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_lab_passes_and_forgets(running: Running, lab: Lab, number: int) -> None:
    with running(lab) as connection:
        seen: list[CheckResult] = []
        report = check(lab, connection, emit=seen.append)
        assert [(r.id, r.status, r.saw) for r in report.results if r.status != "passed"] == []
        assert (len(report.results), report.exit_code, report.notes, report.sampled) == (number, 0, (), None)
        assert tuple(seen) == report.results
        assert all(result.evidence for result in report.results)
        assert learned(lab, connection) == ""
        assert len(check(lab, connection).results) == number, "a second time in one process"


def test_a_large_lab_is_sampled_and_says_so(running: Running) -> None:
    lab = samples.lab10(18)
    with running(lab) as connection:
        report = check(lab, connection)
    assert (red(report), broken(report)) == (set(), [])
    assert report.sampled is not None
    assert "16" in report.sampled
    pings = [r.id for r in report.results if r.id.startswith("boxA/vxlan0/ping/")]
    assert pings == ["boxA/vxlan0/ping/boxB", "boxA/vxlan0/ping/boxR"]


def again(**more: str) -> list[str]:
    """Commands that make lab10's vxlan0 in boxA anew, with something else than it must have."""
    words = {"id": "100", "group": "239.255.0.1", "dev": "enp0s8", "dstport": "4789", "ttl": "5"} | more
    options = " ".join(f"{key} {value}".strip() for key, value in words.items() if value != "-")
    return [
        "ip link del vxlan0",
        f"ip link add vxlan0 address {samples.mac(60, 4)} type vxlan {options}",
        "ip addr add 192.168.60.4/24 dev vxlan0",
        "ip link set vxlan0 up",
    ]


class Break(NamedTuple):
    """What is done to one box, and which checks must find it."""

    commands: Sequence[str]
    red: set[str]
    lab: Callable[[], Lab] = samples.lab10
    box: str = "boxA"


ZERO = "00:00:00:00:00:00"
BREAKS = {
    "loopback down": Break(["ip link set lo down"], {"boxA/lo/up"}),
    "adapter down": Break(["ip link set enp0s8 down"], {"boxA/enp0s8/up", "boxB/underlay/reach/192.168.50.4"}),
    "adapter without its address": Break(
        ["ip addr flush dev enp0s8"], {"boxA/enp0s8/address", "boxA/underlay/reach/192.168.50.5"}
    ),
    "adapter with a second address": Break(["ip addr add 10.1.1.1/24 dev enp0s8"], {"boxA/enp0s8/address"}),
    "adapter's MTU": Break(["ip link set enp0s8 mtu 1400"], {"boxA/enp0s8/mtu"}),
    "adapter's MAC": Break(["ip link set enp0s8 address 02:00:00:00:99:99"], {"boxA/enp0s8/mac"}),
    "default route over the underlay": Break(
        ["ip route add default via 192.168.50.5"], {"boxA/enp0s8/not-default"}
    ),
    "one peer's underlay address out of reach": Break(
        ["ip route add blackhole 192.168.50.6"], {"boxA/underlay/reach/192.168.50.6"}
    ),
    "no route to a VTEP": Break(
        ["ip route del 192.168.51.0/24"], {"boxA/underlay/reach/192.168.51.4"}, samples.routed
    ),
    "router that does not forward": Break(
        ["sysctl -qw net.ipv4.ip_forward=0"],
        {"boxA/underlay/reach/192.168.51.4", "boxC/underlay/reach/192.168.50.4"}, samples.routed, "router",
    ),
    "no device": Break(
        ["ip link del vxlan0"],
        {"boxA/vxlan0/kind", "boxA/vxlan0/up", "boxA/vxlan0/mtu", "boxA/vxlan0/ping/boxB", "boxA/vxlan0/fdb/boxB"},
    ),
    "device of another kind": Break(["ip link del vxlan0", "ip link add vxlan0 type bridge"], {"boxA/vxlan0/kind"}),
    "VNI": Break(again(id="101"), {"boxA/vxlan0/vni", "boxA/vxlan0/ping/boxB", "boxB/vxlan0/ping/boxA"}),
    "port": Break(again(dstport="8472"), {"boxA/vxlan0/port", "boxA/vxlan0/socket", "boxA/vxlan0/ping/boxB"}),
    "group": Break(
        again(group="239.255.0.2"), {"boxA/vxlan0/destination", "boxA/vxlan0/group", "boxA/vxlan0/default"}
    ),
    "TTL": Break(again(ttl="9"), {"boxA/vxlan0/ttl"}),
    "TTL where the kernel's was asked for": Break(
        ["ip link set vxlan0 type vxlan ttl 9"], {"boxA/vxlan0/ttl"}, samples.lab9
    ),
    "underlay device": Break(again(dev="lo"), {"boxA/vxlan0/underlay", "boxA/vxlan0/group", "boxA/vxlan0/default"}),
    "MTU too small": Break(["ip link set vxlan0 mtu 1400"], {"boxA/vxlan0/mtu", "boxA/vxlan0/size/boxB"}),
    "MTU too large": Break(
        ["ip link set enp0s8 mtu 1600", "ip link set vxlan0 mtu 1500"], {"boxA/vxlan0/mtu", "boxA/vxlan0/size/boxB"}
    ),
    "device down": Break(
        ["ip link set vxlan0 down"],
        {"boxA/vxlan0/up", "boxA/vxlan0/socket", "boxA/vxlan0/group", "boxA/vxlan0/ping/boxB",
         "boxA/vxlan0/isolation/boxC", "boxA/vxlan0/flood/boxC"},
    ),
    "another device on the port": Break(
        ["ip link set vxlan0 down", "ip link add vxlan9 type vxlan external dstport 4789", "ip link set vxlan9 up"],
        {"boxA/vxlan0/exclusive", "boxA/vxlan0/up"},
    ),
    "MAC": Break(["ip link set vxlan0 address 02:00:00:00:99:99"], {"boxA/vxlan0/mac", "boxB/vxlan0/fdb/boxA"}),
    "MAC of another box's": Break(
        [f"ip link set vxlan0 address {samples.mac(60, 5)}"],
        {"boxA/vxlan0/mac", "boxA/vxlan0/unique", "boxB/vxlan0/unique"},
    ),
    "learning off": Break(
        ["ip link set vxlan0 type vxlan nolearning"], {"boxA/vxlan0/learning", "boxA/vxlan0/fdb/boxB"}
    ),
    "learning on": Break(
        ["ip link set vxlan1 type vxlan learning"], {"boxB/vxlan1/learning", "boxB/vxlan1/fdb/boxC"},
        samples.two, "boxB",
    ),
    "no overlay address": Break(
        ["ip addr flush dev vxlan0"], {"boxA/vxlan0/address", "boxB/vxlan0/ping/boxA", "boxA/vxlan0/tcp/boxB"}
    ),
    "not in its bridge": Break(["ip link set vxlan1 nomaster"], {"boxB/vxlan1/master"}, samples.two, "boxB"),
    "in a bridge": Break(
        ["ip link add br9 type bridge", "ip link set vxlan0 master br9"], {"boxA/vxlan0/master"}
    ),
    "bridge down": Break(
        ["ip link set br1 down"], {"boxB/vxlan1/bearer-up", "boxB/vxlan1/ping/boxC"}, samples.two, "boxB"
    ),
    "remote": Break(
        ["ip link set vxlan0 type vxlan remote 192.168.50.77"],
        {"boxA/vxlan0/destination", "boxA/vxlan0/default"}, samples.lab9,
    ),
    "one default entry too many": Break(
        [f"bridge fdb append {ZERO} dev vxlan0 dst 192.168.50.77"], {"boxA/vxlan0/default"}, samples.lab9
    ),
    "one default entry too few": Break(
        [f"bridge fdb del {ZERO} dev vxlan1 dst 192.168.50.6"], {"boxB/vxlan1/default"}, samples.two, "boxB"
    ),
    "FDB entry that points elsewhere": Break(
        [f"bridge fdb add {samples.mac(60, 5)} dev vxlan0 dst 192.168.50.6"],
        {"boxA/vxlan0/static", "boxA/vxlan0/fdb/boxB", "boxA/vxlan0/ping/boxB"},
    ),
    "TCP out of reach, ping not": Break(
        ["ip rule add pref 1 ipproto tcp unreachable"], {"boxA/vxlan0/tcp/boxB"}
    ),
    "every VNI is delivered": Break(
        ["ip link del vxlan0", "ip link add vxlan0 type vxlan external dstport 4789",
         "ip addr add 192.168.60.4/24 dev vxlan0", "ip link set vxlan0 up"],
        {"boxA/vxlan0/isolation/boxC"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BREAKS.values(), ids=BREAKS)
def test_what_is_broken_is_found(running: Running, case: Break) -> None:
    lab = case.lab()
    with running(lab) as connection:
        for command in case.commands:
            done = connection.run(case.box, command.split())
            assert done.returncode == 0, done
        report = check(lab, connection, deadline=1.0)
        assert learned(lab, connection) == ""
    assert case.red <= red(report), {r.id: r.saw for r in report.results if r.id in case.red}
    assert (broken(report), report.exit_code) == ([], 1)


def test_delivery_of_a_foreign_vni_is_what_isolation_saw(running: Running) -> None:
    lab, case = samples.lab10(), BREAKS["every VNI is delivered"]
    with running(lab) as connection:
        for command in case.commands:
            assert connection.run("boxA", command.split()).returncode == 0
        result = by_id(check(lab, connection, deadline=1.0))["boxA/vxlan0/isolation/boxC"]
    assert result.saw == "VNI 100 delivered, VNI 101 delivered"


SIZES = {
    "too small": (["ip link set vxlan0 mtu 1400"], "1422"),
    "too large": (["ip link set enp0s8 mtu 1600", "ip link set vxlan0 mtu 1500"], "1423"),
}


@pytest.mark.parametrize(("commands", "size"), SIZES.values(), ids=SIZES)
def test_the_ping_of_the_wrong_size_is_the_last_evidence(running: Running, commands: list[str], size: str) -> None:
    lab = samples.lab10()
    with running(lab) as connection:
        for command in commands:
            assert connection.run("boxA", command.split()).returncode == 0
        result = by_id(check(lab, connection, deadline=1.0))["boxA/vxlan0/size/boxB"]
    assert result.status == "failed"
    assert f"-s {size} " in result.evidence[-1].command


@pytest.mark.parametrize(
    "command", ["ip link set enp0s8 down", "ip addr flush dev enp0s8", "ip link set vxlan0 down", "ip link del vxlan0",
                "ip addr flush dev vxlan0"]
)  # fmt: skip
def test_what_is_seen_to_be_dead_is_not_waited_for(running: Running, command: str) -> None:
    lab = samples.lab10()
    with running(lab) as connection:
        assert connection.run("boxA", command.split()).returncode == 0
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(60)
        try:
            report = check(lab, connection, deadline=600.0)
        except KeyboardInterrupt:
            pytest.fail("the whole deadline is waited for")
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
    assert {"boxA/vxlan0/ping/boxB", "boxB/vxlan0/ping/boxA"} <= red(report)
    assert by_id(report)["boxB/vxlan0/ping/boxC"].status == "passed"


def test_what_looks_alive_and_answers_late_is_heard(running: Running) -> None:
    lab = samples.lab10()
    deaf = "net.ipv4.icmp_echo_ignore_all"
    with running(lab) as connection:
        assert connection.run("boxC", ["sysctl", "-qw", f"{deaf}=1"]).returncode == 0
        late = connection.start("boxC", ["sh", "-c", f"sleep 5; sysctl -qw {deaf}=0"])
        report = check(lab, connection, deadline=60.0)
        assert late.wait(10).returncode == 0
    assert (red(report), broken(report)) == (set(), [])


def test_a_process_on_the_port_is_not_the_kernel_s_socket(running: Running) -> None:
    lab = samples.lab10()
    hold = "import socket; s = socket.socket(type=2); s.bind(('0.0.0.0', 4789)); print(flush=True); input()"
    with running(lab) as connection:
        assert connection.run("boxA", ["ip", "link", "set", "vxlan0", "down"]).returncode == 0
        with connection.stream("boxA", ["/usr/bin/python3", "-c", hold]) as process:
            assert process.read() == b"\n"
            result = by_id(check(lab, connection, deadline=1.0))["boxA/vxlan0/socket"]
    assert result.status == "failed"
    assert "users:" in result.saw


class Without(Nsenter):
    """A connection whose boxes find only these programs."""

    def __init__(self, connection: Connection, programs: Sequence[str], box: str) -> None:
        super().__init__(0, [])
        self._connection, self._box = connection, box
        links = " ".join(f"$(command -v {program})" for program in programs)
        made = connection.run(box, ["sh", "-c", f"mkdir -p /run/few && ln -sf {links} /run/few"])
        assert made.returncode == 0, made

    def argv(self, box: str, command: Sequence[str]) -> list[str]:
        few = ["env", "PATH=/run/few", "/bin/sh", *command[1:]] if box == self._box else command
        return self._connection.argv(box, few)


def test_a_missing_program_is_an_error_and_outranks_failures(running: Running) -> None:
    lab = samples.lab10()
    with running(lab) as connection:
        report = check(lab, Without(connection, ["ip", "bridge", "ss"], "boxA"), deadline=1.0)
    results = by_id(report)
    for name in ("underlay/reach/192.168.50.5", "vxlan0/ping/boxB", "vxlan0/size/boxB"):
        assert results[f"boxA/{name}"].status == "error"
        assert "ping cannot be run in boxA" in results[f"boxA/{name}"].saw
    assert results["boxA/vxlan0/mtu"].status == "passed"
    assert results["boxB/vxlan0/ping/boxA"].status == "passed"
    assert results["boxA/vxlan0/fdb/boxB"].status in ("passed", "failed")
    assert report.exit_code == 5


def test_a_probe_that_cannot_work_is_an_error(running: Running) -> None:
    lab = samples.lab10()
    hold = "import socket; s = socket.create_server(('0.0.0.0', PORT)); print(flush=True); input()"
    with running(lab) as connection:
        code = hold.replace("PORT", str(PROBE_PORT))
        with connection.stream("boxB", ["/usr/bin/python3", "-c", code]) as process:
            assert process.read() == b"\n"
            report = check(lab, connection, deadline=1.0)
    assert ("boxB/vxlan0/isolation/boxA", "could not be checked: Address already in use") in broken(report)
    assert report.exit_code == 5


class Gone(Nsenter):
    """A connection to boxes that are no more: whatever is run there ends as nsenter does then."""

    def __init__(self) -> None:
        super().__init__(0, [])

    def argv(self, box: str, command: Sequence[str]) -> list[str]:
        return ["nsenter", "--net=/proc/0/ns/net", *command]


def test_a_lost_connection_makes_every_check_an_error() -> None:
    report = check(samples.lab10(), Gone(), deadline=1.0)
    assert {result.status for result in report.results} == {"error"}
    assert (len(report.results), report.exit_code, len(report.notes)) == (102, 5, 3)


def test_a_lab_that_was_killed_makes_every_check_an_error(running: Running) -> None:
    lab = samples.lab9()
    with running(lab) as connection:
        holder = next(word for word in connection.argv("boxA", []) if word.startswith("--target="))
        os.kill(int(holder.removeprefix("--target=")), signal.SIGKILL)
        report = check(lab, connection, deadline=1.0)
    assert {result.status for result in report.results} == {"error"}
    assert (len(report.results), report.exit_code) == (60, 5)


def test_a_box_without_python_is_an_error(running: Running) -> None:
    lab = samples.lab9()
    with running(lab) as connection:
        hide = "for p in /usr/bin/python3 /usr/local/bin/python3; do [ -e $p ] && mount --bind /dev/null $p; done; true"
        assert connection.run("boxA", ["sh", "-c", hide]).returncode == 0
        report = check(lab, connection, deadline=1.0)
    results = by_id(report)
    for name in ("tcp/boxB", "isolation/boxB"):
        assert results[f"boxA/vxlan0/{name}"].status == "error", results[f"boxA/vxlan0/{name}"]
    assert results["boxA/vxlan0/ping/boxB"].status == "passed"


def test_every_kind_of_check_has_been_seen_red() -> None:
    underlay = (checks.LOOPBACK, *checks.ADAPTER, checks.PEER)
    tables = (*underlay, *checks.DEVICE, *checks.PATH, *checks.TO_NEXT, *checks.FROM_PREVIOUS)
    assert {found.split("/")[2] for case in BREAKS.values() for found in case.red} == {c.name for c in tables}


def test_no_checks_are_no_proof() -> None:
    lab = msgspec.structs.replace(samples.lab10(), boxes=(), overlays=())
    report = check(lab, Gone())
    assert (report.results, report.exit_code) == ((), 5)


def test_an_interrupt_empties_too_and_arrives(running: Running) -> None:
    lab = samples.lab10()

    def interrupt(result: CheckResult) -> None:
        if "ping" in result.id:
            raise KeyboardInterrupt

    with running(lab) as connection:
        with pytest.raises(KeyboardInterrupt):
            check(lab, connection, emit=interrupt)
        assert learned(lab, connection) == ""


def test_an_interrupt_does_not_wait_for_what_does_not_answer() -> None:
    script = (
        "import os, signal, sys, threading; sys.path.insert(0, sys.argv[1])\n"
        "import orchestrator.verify as verify\n"
        "from tests import sample_labs; from tests.verify.test_labs import Stuck\n"
        "threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "verify.run(sample_labs.lab10(), Stuck(), provider='netns', deadline=500)\n"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, timeout=60, cwd="/")
    assert b"KeyboardInterrupt" in done.stderr


class Stuck(Gone):
    """A connection whose commands never end."""

    def argv(self, box: str, command: Sequence[str]) -> list[str]:
        return ["sleep", "1000"] if "ping" in command[-1] else ["true"]


def test_what_was_permanent_stays(running: Running) -> None:
    lab = samples.lab10()
    with running(lab) as connection:
        mine = [
            f"ip neigh add 192.168.60.9 lladdr {samples.mac(60, 9)} dev vxlan0 nud permanent",
            f"bridge fdb add {samples.mac(60, 9)} dev vxlan0 dst 192.168.50.9",
        ]
        for command in mine:
            assert connection.run("boxA", command.split()).returncode == 0
        before = connection.run("boxA", ["sh", "-c", "ip neigh; bridge fdb show"]).stdout
        check(lab, connection)
        assert connection.run("boxA", ["sh", "-c", "ip neigh; bridge fdb show"]).stdout == before
        assert samples.mac(60, 9) in before


def test_nothing_around_is_heard_and_nothing_is_left_behind(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit('conftest was loaded')\n")
    (tmp_path / "test_stray.py").write_text("raise SystemExit('a stray test was loaded')\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    monkeypatch.chdir(tmp_path)
    lab = samples.lab9()
    with running(lab) as connection:
        check(lab, connection)  # the first one imports pytest's parts
        before = _process()
        report = check(lab, connection)
        after = _process()
    assert (red(report), broken(report), len(report.results)) == (set(), [], 60)
    assert after == before
    assert capfd.readouterr() == ("", "")


def _process() -> dict[str, object]:
    return {
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGSEGV)],
        "environment": {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"},
        "folder": Path.cwd(), "path": list(sys.path), "modules": set(sys.modules), "importers": list(sys.meta_path),
        "warnings": list(warnings.filters), "files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
    }  # fmt: skip


def test_a_folder_that_is_gone_does_not_matter(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    lab = samples.lab9()
    with running(lab) as connection:
        assert check(lab, connection).exit_code == 0
