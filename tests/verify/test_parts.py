"""The parts of verification that need no boxes: the script, the choice of pairs, results, JUnit, the probe's eyes."""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import junitparser
import pytest

from orchestrator.errors import Exit
from orchestrator.verify import CheckResult, Evidence, Report, junit, probe, targets
from orchestrator.verify.questions import commands, foreign_vni, shown
from orchestrator.verify.results import Cause, Status, as_json, bounded
from orchestrator.verify.script import CannotRunError, compose, parse
from tests import sample_labs as samples

SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


def shell(name: str, script: str) -> str:
    return subprocess.run([name, "-c", script], capture_output=True, text=True, check=True, timeout=20).stdout


@pytest.mark.parametrize("name", SHELLS)
def test_the_script_reports_each_command(name: str) -> None:
    stages = [
        {"words": ["printf", "%s|", "a b", "$HOME", "`id`", "'", '"', "*", "\\n", ""]},
        {"fails": ["sh", "-c", "echo out; echo err >&2; exit 3"], "absent": ["no-such-program"]},
        {"lines": ["printf", "one\\n  two\\n\\nthree\\n"]},
    ]
    records = parse(stages, shell(name, compose(stages)))
    assert records["words"].output == "a b|$HOME|`id`|'|\"|*|\\n||"
    assert (records["fails"].returncode, records["fails"].output) == (3, "out\nerr")
    assert records["absent"].returncode == 127
    assert records["lines"].output == "one\n  two\nthree"
    assert records["fails"].evidence.command == "sh -c 'echo out; echo err >&2; exit 3'"


@pytest.mark.parametrize("name", SHELLS)
def test_what_runs_side_by_side_does_not_mix(name: str) -> None:
    text = "\n".join(f"line {number} {'x' * 60}" for number in range(40))
    loop = f"echo $1; i=0; while [ $i -lt 40 ]; do echo line $i {'x' * 60}; i=$((i+1)); done"
    stages = [{number: ["sh", "-c", loop, "sh", str(number)] for number in range(60)}]
    records = parse(stages, shell(name, compose(stages)))
    assert {number: record.output for number, record in records.items()} == {
        number: f"{number}\n{text}" for number in range(60)
    }


@pytest.mark.parametrize("output", ["", "nsenter: no such file\n", "0\x1f0\x1fyes\n", "end\n"])
def test_a_script_that_was_cut_short_is_no_answer(output: str) -> None:
    with pytest.raises(CannotRunError, match="cut short"):
        parse([{"a": ["true"]}], output)


def test_up_to_sixteen_everyone_asks_everyone() -> None:
    assert targets.neighbours(range(16), 3) == tuple(n for n in range(16) if n != 3)
    assert targets.neighbours(range(17), 0) == (1, 16)
    assert targets.neighbours(range(17), 16) == (0, 15)
    assert targets.neighbours(range(1), 0) == ()


@pytest.mark.parametrize(("boxes", "sizes"), [(1, []), (2, [2]), (16, [16]), (17, [16, 1]), (50, [16, 16, 16, 2])])
def test_a_ring_is_tried_in_arcs(boxes: int, sizes: list[int]) -> None:
    (overlay,) = samples.lab10(boxes).overlays
    arcs = list(targets.arcs(overlay))
    assert [len(arc) for arc in arcs] == sizes
    edges = [edge for arc in arcs for edge in arc]
    if edges:
        assert {e.client for e in edges} == {e.server for e in edges} == {vtep.box for vtep in overlay.vteps}


def test_a_routed_underlay_is_asked_across_the_router() -> None:
    lab = samples.routed()
    asked = {str(target.address) for target in targets.underlay(lab, lab.box("boxA"))}
    assert asked == {"192.168.50.1", "192.168.50.5", "192.168.51.4"}


def test_growth_is_linear() -> None:
    many = {count: samples.lab10(count) for count in (20, 40)}
    work = {
        count: sum(len(stage) for box in lab.boxes for stage in commands(lab, box, 5.0)) for count, lab in many.items()
    }
    assert work[40] == 2 * work[20]


def test_a_foreign_vni_is_none_of_the_lab_s() -> None:
    ends = samples.lab10().overlays[0].vteps
    lab = samples.lab10()
    top = [samples.overlay(list(ends), name=f"v{vni}", vni=vni) for vni in (2**24 - 1, 0, 1)]
    assert foreign_vni(type(lab)(name="x", title="", networks=(), boxes=(), overlays=tuple(top)), top[0]) == 2


def test_the_probe_s_command_fits_a_screen() -> None:
    words = ["serve", "600.0", "d" * 15, "192.168.100.100", "54789", "t" * 16, "16777215",
             "send", "600.0", "192.168.100.101", "192.168.100.102", "4789"]  # fmt: skip
    assert shown(words) == f"python3 - serve 600.0 {'d' * 15} 192.168.100.100 … send 600.0 192.168.100.101 …"
    assert len(shown(words)) < 100
    assert shown(words[7:]) == "python3 - send 600.0 192.168.100.101 …"


def result(status: Status, **more: Any) -> CheckResult:
    evidence = (Evidence("ip link", 1, "\x00\x1b[31m<&]]>\ud800 é\u202e"),)
    values: dict[str, Any] = {"box": "boxA", "overlay": "vxlan0", "check": "MTU is 1450"}
    values |= {"id": f"boxA/vxlan0/{status}", **more}
    return CheckResult(**values, status=status, seconds=0.25, expected="1450 <", saw="14\x0000", evidence=evidence)


EXITS: dict[str, tuple[list[Status], Exit]] = {
    "passed": (["passed", "skipped"], Exit.OK),
    "failed": (["passed", "failed"], Exit.CHECK_FAILED),
    "an error outranks a failure": (["passed", "failed", "error"], Exit.CHECK_ERROR),
    "none": ([], Exit.CHECK_ERROR),
    "only skipped": (["skipped"], Exit.CHECK_ERROR),
}


@pytest.mark.parametrize(("statuses", "code"), EXITS.values(), ids=EXITS)
def test_exit_codes(statuses: list[Status], code: Exit) -> None:
    assert Report("lab10", "netns", tuple(map(result, statuses)), 1.0).exit_code == code


def report() -> Report:
    results = (*map(result, ("passed", "failed", "error", "skipped")), result("passed", id="u", overlay=None))  # type: ignore[arg-type]
    return Report("lab10", "netns", results, 1.5, "sampled.", ("a \x07 note",))


def test_json_has_one_shape() -> None:
    safe = Report("lab10", "netns", (CheckResult("i", "boxA", None, "c", "failed", 0.5, "e", "s",
                  (Evidence("ip", 0, "o"),), "h", (Cause("w", "c"),)),), 1.5, None, ("n",))  # fmt: skip
    assert json.loads(as_json(safe)) == {
        "lab": "lab10", "provider": "netns", "seconds": 1.5, "sampled": None, "notes": ["n"], "exit_code": 1,
        "counts": {"passed": 0, "failed": 1, "error": 0, "skipped": 0},
        "results": [{
            "id": "i", "box": "boxA", "overlay": None, "check": "c", "status": "failed", "seconds": 0.5,
            "expected": "e", "saw": "s", "evidence": [{"command": "ip", "returncode": 0, "output": "o"}], "hint": "h",
            "causes": [{"what": "w", "command": "c"}],
        }],
    }  # fmt: skip


def test_junit_is_read_by_its_consumers(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    junit.write(report(), path)
    (suite,) = junitparser.JUnitXml.fromfile(str(path))
    assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) == ("lab10", 5, 1, 1, 1)
    assert suite.time == 1.5
    assert {case.classname for case in suite} == {"lab10.boxA.vxlan0", "lab10.boxA"}
    assert {case.name for case in suite} == {"MTU is 1450"}
    failed = next(case for case in suite if case.is_failure)
    assert failed.result[0].message == "expected: 1450 <; saw: 14\ufffd00"
    assert failed.system_out == "$ ip link\n\ufffd\ufffd[31m<&]]>\ufffd é\u202e\n[exit status 1]"
    tree = ElementTree.parse(path).getroot()
    assert tree.tag == "testsuites"
    assert {element.tag for element in tree.iter()} <= {
        "testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped", "system-out"
    }  # fmt: skip


def test_long_evidence_keeps_its_ends() -> None:
    text = bounded("a" * 5000 + "b" * 5000, 100)
    assert text.startswith("a" * 50 + "\n[… 9900 characters")
    assert text.endswith("b" * 50)


def test_importing_is_cheap() -> None:
    heavy = ("pytest", "testinfra", "junitparser")
    code = f"import sys, orchestrator.verify; print([name for name in {heavy} if name in sys.modules])"
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "[]\n"


def echo(change: int) -> tuple[socket.socket, threading.Thread]:
    """A server that sends back what it gets, with `change` added to a byte in the middle."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection = listener.accept()[0]
        with connection:
            data = bytearray(probe.receive(connection, time.monotonic() + 5))
            data[len(data) // 2] = (data[len(data) // 2] + change) % 256
            connection.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    return listener, thread


@pytest.mark.parametrize(("change", "status"), [(0, "ok"), (1, "failed")])
def test_the_probe_sees_one_changed_byte(change: int, status: str) -> None:
    listener, thread = echo(change)
    with listener:
        end = time.monotonic() + 5
        assert probe.exchange(end, "127.0.0.1", "127.0.0.1", listener.getsockname()[1])[0] == status
        thread.join()


def test_the_probe_builds_vxlan() -> None:
    packet = probe.vxlan(0x123456, probe.ethernet("02:00:00:00:00:05", "02:00:00:00:00:04", "x"))
    flags, vni = struct.unpack("!II", packet[:8])
    assert (flags, vni >> 8, vni & 255) == (0x08000000, 0x123456, 0)
    assert packet[8:] == bytes.fromhex("020000000005 020000000004 88b5") + b"x"
