"""`labctl trace` and `labctl capture` as an ordinary user runs them: streams, files, exit status, and nothing left."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from scapy.layers.vxlan import VXLAN
from scapy.utils import rdpcap

from orchestrator.trace.capture import Capture
from orchestrator.trace.model import Trace
from tests import sample_labs as samples
from tests.conftest import Caller
from tests.trace.conftest import Running, follow

NAME = f"trace{os.getpid()}"
SOON = 20.0
"""Seconds after which what should have happened has not."""


@pytest.fixture(scope="module")
def user(ordinary_user: Caller) -> Iterator[Caller]:
    ordinary_user.labctl("up", "lab10", "--name", NAME, "--no-verify", check=True)
    yield ordinary_user
    ordinary_user.labctl("down", NAME, check=True)


def ping(user: Caller, count: int = 3) -> None:
    command = ["ping", "-c", str(count), "-i", "0.01", "192.168.60.4"]
    user.labctl("exec", NAME, "boxB", "--", *command, check=True)


def begun(user: Caller, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """A `labctl capture` that has begun."""
    process = user.popen("capture", NAME, "boxA", *arguments, stderr=subprocess.PIPE, errors="replace", **options)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("capturing at ")
    return process


def processes(words: str) -> list[int]:
    """The host's processes that have these words among their arguments."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if words.encode() in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def becomes(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + SOON
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def gone(words: str) -> bool:
    return becomes(lambda: not processes(words))


def test_trace_as_json_and_pcapng(user: Caller) -> None:
    file = user.home / "trace.pcapng"
    answer = user.labctl("trace", NAME, "boxA", "boxB", "--json", "--pcap", str(file))
    assert answer.returncode == 0, answer.stderr
    trace = msgspec.json.decode(answer.stdout, type=Trace)
    assert set(json.loads(answer.stdout)) == set(Trace.__struct_fields__)
    assert (trace.lab, trace.provider, trace.answered, trace.events[0].flooded) == (NAME, "netns", 1, True)
    packets = rdpcap(str(file))
    assert {packet[VXLAN].vni for packet in packets if VXLAN in packet} == {100}
    assert {packet.sniffed_on for packet in packets} == {
        f"{box}:{device}" for box in ("boxA", "boxB", "boxC") for device in ("enp0s8", "vxlan0")
    }


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_reads_the_pcapng(user: Caller) -> None:
    file = user.home / "tshark.pcapng"
    user.labctl("trace", NAME, "boxA", "boxB", "--json", "--pcap", str(file), check=True)
    fields = ["-T", "fields", "-e", "frame.interface_name", "-e", "vxlan.vni", "-e", "arp.opcode"]
    answer = user.run(["tshark", "-r", str(file), *fields], check=True)
    rows = [tuple(line.split("\t")) for line in answer.stdout.splitlines()]
    assert {("boxA:enp0s8", "100", "1"), ("boxC:enp0s8", "100", "1"), ("boxC:vxlan0", "", "1")} <= set(rows)


def test_no_answer_is_status_1(ordinary_user: Caller) -> None:
    name = f"{NAME}x"
    ordinary_user.labctl("up", "lab9", "--name", name, "--no-verify", check=True)
    ordinary_user.labctl("exec", name, "boxB", "--", "ip", "link", "set", "vxlan0", "down", check=True)
    answer = ordinary_user.labctl("trace", name, "boxA", "boxB", "--json", "--deadline", "0.3")
    ordinary_user.labctl("down", name, check=True)
    assert (answer.returncode, json.loads(answer.stdout)["answered"]) == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trace", NAME, "boxA", "boxZ"], "its boxes are boxA, boxB, boxC"),
        (["trace", NAME, "boxA", "boxB", "--count", "11"], "not a number from 1 to 10"),
        (["trace", NAME, "boxA", "boxB", "--json", "--pcap", "/nowhere/x"], "No such file or directory"),
        (["capture", NAME, "boxZ"], "its boxes are boxA, boxB, boxC"),
        (["capture", NAME, "boxA", "-i", "eth7"], "the devices are enp0s8, lo, vxlan0"),
        (["capture", NAME, "boxA", "--to", "/nowhere/x"], "No such file or directory"),
        (["capture", NAME, "boxA", "--count", "0"], "not a number from 1"),
        (["trace", "nothing", "boxA", "boxB"], "nothing is not up"),
    ],
    ids=lambda value: " ".join(value[2:]) if isinstance(value, list) else "",
)
def test_says_what_is_wrong(user: Caller, arguments: list[str], words: str) -> None:
    answer = user.labctl(*arguments)
    assert (answer.returncode, words in answer.stderr) == (2, True), answer.stderr


def test_capture_streams_to_a_pipe(user: Caller) -> None:
    process = begun(user, "--count", "20", stdout=subprocess.PIPE)
    ping(user, 10)
    answer = user.run(["tcpdump", "-n", "-r", "-"], stdin=process.stdout, check=True)
    with process:
        assert process.wait(SOON) == 0
    assert answer.stdout.count("VXLAN, flags [I] (0x08), vni 100") > 10  # the rest is IGMP and such
    assert answer.stdout.count("ICMP echo request") > 5


def test_each_frame_is_streamed_when_it_comes(user: Caller) -> None:
    process = begun(user, "--seconds", "1305", stdout=subprocess.PIPE)
    assert process.stdout is not None
    ping(user, 1)
    try:
        data = b""
        while len(data) <= 24 + 16 and select.select([process.stdout], [], [], SOON)[0]:  # the two headers of pcap
            data += os.read(process.stdout.fileno(), 4096)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert len(data) > 24 + 16
    assert process.returncode == 0


def test_a_reader_that_goes_ends_it(user: Caller) -> None:
    process = begun(user, "--seconds", "1301", stdout=subprocess.PIPE)
    assert processes("1301.000")
    assert process.stdout is not None
    process.stdout.close()
    ping(user)
    with process:
        assert process.wait(SOON) == 0
    assert gone("1301.000")


def test_capture_is_decoded_on_demand(user: Caller) -> None:
    process = begun(user, "--decode", "--count", "20", stdout=subprocess.PIPE)
    ping(user, 10)
    out, said = process.communicate(timeout=SOON)
    assert "in  " in out
    assert "echo request 192.168.60.5 > 192.168.60.4, sequence 1  [VXLAN 100, 192.168.50.5 > 192.168.50.4" in out
    assert "20 frames captured; --count 20 ended it" in said


def test_capture_as_json(user: Caller) -> None:
    process = begun(user, "--json", "-i", "vxlan0", "--count", "2", stdout=subprocess.PIPE)
    ping(user, 1)
    value = json.loads(process.communicate(timeout=SOON)[0])
    assert (value["box"], value["device"], value["ended"], value["lost"]) == ("boxA", "vxlan0", "count", 0)
    assert [frame["outgoing"] for frame in value["frames"]] == [False, True]
    assert {frame["outer"] for frame in value["frames"]} == {None}
    assert value["frames"][0]["inner"]["protocol"] == "ICMP"


def test_time_ends_it(user: Caller) -> None:
    answer = user.labctl("capture", NAME, "boxA", "--seconds", "0.2", "--decode")
    assert answer.returncode == 0
    assert "--seconds 0.2 ended it" in answer.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_the_file(user: Caller, tmp_path: Path, number: signal.Signals) -> None:
    folder = user.home / f"kept-{number}"
    folder.mkdir()
    os.chown(folder, user.uid, user.gid)
    process = begun(user, "--to", str(folder / "x.pcap"), "--seconds", "1302")
    ping(user, 2)
    assert not (folder / "x.pcap").exists()
    process.send_signal(number)
    assert "frames captured" in process.communicate(timeout=SOON)[1]
    assert process.returncode == 0
    assert [file.name for file in folder.iterdir()] == ["x.pcap"]
    assert sum(VXLAN in packet for packet in rdpcap(str(folder / "x.pcap"))) >= 4
    assert gone("1302.000")


def test_a_full_disk_leaves_no_file(user: Caller) -> None:
    folder = user.home / "full"
    folder.mkdir()
    os.chown(folder, user.uid, user.gid)
    command = ["prlimit", "--fsize=100", *user.command("capture", NAME, "boxA", "--to", str(folder / "x.pcap"))]
    process = subprocess.Popen(user.become(command), **user._options({"stderr": subprocess.PIPE}))
    assert process.stderr is not None
    assert process.stderr.readline().startswith("capturing at ")
    ping(user)
    said = process.communicate(timeout=SOON)[1]
    assert (process.returncode, "cannot write what is captured" in said) == (4, True), said
    assert list(folder.iterdir()) == []


def test_a_full_stdout_is_said(user: Caller) -> None:
    with Path("/dev/full").open("w") as full:
        answer = user.labctl("capture", NAME, "boxA", "--seconds", "1", stdout=full, stderr=subprocess.PIPE,
                             capture_output=False)  # fmt: skip
    assert (answer.returncode, "No space left" in answer.stderr) == (4, True), answer.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_a_killed_capture_leaves_nothing(user: Caller, number: signal.Signals) -> None:
    process = begun(user, "--seconds", "1303", stdout=subprocess.PIPE)
    assert processes("1303.000")
    process.send_signal(number)
    process.wait(SOON)
    assert gone("1303.000")
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_trace_leaves_nothing(user: Caller, number: signal.Signals) -> None:
    drop = "nft add table ip f; nft add chain ip f c { type filter hook input priority 0 \\; };" \
           "nft add rule ip f c udp dport 4789 drop"  # fmt: skip
    user.labctl("exec", NAME, "boxB", "--", "sh", "-ec", drop, check=True)
    try:
        process = user.popen("trace", NAME, "boxA", "boxB", "--deadline", "2.25", "--count", "4", "--json",
                             stderr=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        assert process.stderr is not None
        while "pinging" not in (line := process.stderr.readline()):
            assert line
        assert processes("39.000"), "a capture is 4 x 2.25 s and half a minute more"
        process.send_signal(number)
        process.communicate(timeout=SOON)
        assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
        assert gone("39.000")
        assert gone("2.25")
    finally:
        user.labctl("exec", NAME, "boxB", "--", "nft", "delete", "table", "ip", "f", check=True)


def test_a_trace_leaves_no_process(running: Running) -> None:
    with running(samples.lab9()) as connection:
        follow(samples.lab9(), connection, deadline=7.125)
        assert gone("37.125")


def test_a_reader_that_sleeps_is_killed(running: Running) -> None:
    """A program that does not end when it is asked to is ended."""
    with running(samples.lab9()) as connection:
        with connection.stream("boxA", ["sh", "-c", "echo begun >&2; exec sleep 1304"]) as stream:
            assert stream.line(SOON) == "begun"
            assert becomes(lambda: bool(processes("1304")))
        assert gone("1304")


def test_frames_are_counted_to_the_limit(running: Running) -> None:
    with running(samples.lab9()) as connection:
        with Capture(connection, "boxA", ["enp0s8", "vxlan0"], count=5, seconds=SOON) as capture:
            capture.ready()
            connection.run("boxA", ["ping", "-c", "5", "-i", "0.01", "192.168.60.5"])
            frames = list(capture.frames())
        assert (len(frames), capture.ended) == (5, "count")
        assert [frame.nanoseconds for frame in frames] == sorted(frame.nanoseconds for frame in frames)


def test_a_slow_reader_loses_little_and_knows(running: Running) -> None:
    """17 MB that nobody reads until they have all passed: more than a pipe and a socket hold."""
    with running(samples.lab9()) as connection, Capture(connection, "boxA", ["vxlan0"], seconds=SOON) as capture:
        capture.ready()
        ping = connection.run("boxB", ["ping", "-q", "-s", "1400", "-i", "0.0002", "-c", "6000", "192.168.60.4"])
        assert "6000 received" in ping.stdout
        capture.stop()
        frames = [frame for frame in capture.frames() if len(frame.data) == 1442]
    assert (len(frames) > 6000, len(frames) + capture.lost >= 12000, capture.ended) == (True, True, "stopped")
