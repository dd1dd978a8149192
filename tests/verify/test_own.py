"""A lab's own tests: run with --trust only, isolated from what lies around, every outcome a result."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from orchestrator import verify
from orchestrator.verify import Evidence
from tests import sample_labs as samples
from tests.verify.conftest import Running

OWN = """
from pathlib import Path

import pytest

Path(__file__).with_name("ran").touch()
print("printed while it was loaded")


def test_host_name(host, box, lab):
    print("printed by a test")
    assert host.run("echo %s", box.name).stdout == box.name + "\\n"
    assert box in lab.boxes


def test_mtu_is_jumbo(host):
    mtu = host.check_output("cat /sys/class/net/vxlan0/mtu")
    assert mtu == "9000", "frames are small"


def test_other_box(host):
    assert host.get_host("labctl://boxB").run("true").rc == 0


def test_skipped():
    pytest.skip("not today")


def test_broken():
    raise RuntimeError("no way")


def test_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARK", "1")
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "test_own.py").write_text(OWN)
    (place / "test_wrong.py").write_text("def test_(:\n")
    (place / "conftest.py").write_text("raise SystemExit('conftest was loaded')\n")
    (place / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    return place


def test_without_trust_they_are_named_and_not_run(running: Running, directory: Path) -> None:
    lab = samples.lab9()
    with running(lab) as connection:
        report = verify.run(lab, connection, provider="netns", directory=directory)
    said = "test_own.py, test_wrong.py: not run without --trust"
    assert [(r.status, r.saw) for r in report.results if r.status != "passed"] == [("skipped", said)]
    assert (report.notes, report.exit_code) == ((said,), 0)
    assert sorted(path.name for path in directory.iterdir()) == [
        "conftest.py", "pytest.ini", "test_own.py", "test_wrong.py"
    ]  # fmt: skip


OUTCOMES = {
    "test_wrong.py": ("", "test_wrong.py can be loaded", "error", "SyntaxError: invalid syntax"),
    "test_own.py::test_host_name[labctl://boxA]": ("boxA", "host name", "passed", "it holds"),
    "test_own.py::test_host_name[labctl://boxB]": ("boxB", "host name", "passed", "it holds"),
    "test_own.py::test_mtu_is_jumbo[labctl://boxA]": (
        "boxA", "mtu is jumbo", "failed", "AssertionError: frames are small; assert '1450' == '9000'"
    ),
    "test_own.py::test_mtu_is_jumbo[labctl://boxB]": (
        "boxB", "mtu is jumbo", "failed", "AssertionError: frames are small; assert '1450' == '9000'"
    ),
    "test_own.py::test_other_box[labctl://boxA]": ("boxA", "other box", "passed", "it holds"),
    "test_own.py::test_other_box[labctl://boxB]": ("boxB", "other box", "passed", "it holds"),
    "test_own.py::test_skipped": ("", "skipped", "skipped", "Skipped: not today"),
    "test_own.py::test_broken": ("", "broken", "error", "RuntimeError: no way"),
    "test_own.py::test_files": ("", "files", "passed", "it holds"),
}  # fmt: skip


def test_with_trust_each_outcome_is_a_result(
    running: Running, directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lab, here, environment, path = samples.lab9(), Path.cwd(), dict(os.environ), list(sys.path)
    with running(lab) as connection:
        report = verify.run(lab, connection, provider="netns", directory=directory, trust=True)
    own = {result.id: result for result in report.results if result.id.startswith("test_")}
    assert {r.id: (r.box, r.check, r.status, r.saw) for r in own.values()} == OUTCOMES
    assert (len(report.results) - len(own), report.exit_code, report.notes) == (60, 5, ())
    asked, shown = own["test_own.py::test_mtu_is_jumbo[labctl://boxA]"].evidence
    assert asked == Evidence("cat /sys/class/net/vxlan0/mtu", 0, "1450\n")
    assert "assert mtu ==" in shown.output
    assert capfd.readouterr() == ("", ""), "stdout is data"
    assert (directory / "ran").exists()
    assert not (directory / "__pycache__").exists()
    assert [name for name in sys.modules if name.endswith(("test_wrong", "mine.test_own"))] == []
    assert (Path.cwd(), dict(os.environ), list(sys.path)) == (here, environment, path)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import sys\nsys.exit(0)\n", "test_end.py::report"),
        ("import os\nos._exit(0)\n", "test_end.py::report"),
        ("raise KeyboardInterrupt\n", "test_end.py::report"),
        ("import pytest\npytest.exit('enough', 0)\n", "test_end.py"),
        ("import sys\ndef test_x(): sys.exit(0)\n", "test_end.py::test_x"),
        ("import os\ndef test_x(): os._exit(0)\n", "test_end.py::report"),
        ("import pytest\ndef test_x(): pytest.exit('enough', 0)\n", "test_end.py::report"),
        ("import os, signal\ndef test_x(): os.kill(os.getpid(), signal.SIGKILL)\n", "test_end.py::report"),
    ],
)
def test_own_tests_cannot_take_away_the_checks(running: Running, tmp_path: Path, text: str, name: str) -> None:
    """However they end, the model's results are there, and an error names the file, and the next file still runs."""
    place = tmp_path / "mine"
    place.mkdir()
    (place / "test_end.py").write_text(text)
    (place / "test_next.py").write_text("def test_it(): pass\n")
    lab = samples.lab9()
    with running(lab) as connection:
        report = verify.run(lab, connection, provider="netns", directory=place, trust=True)
    assert report.exit_code == 5
    assert report.count("passed") == 60 + 1
    ended, after = report.results[-2:]
    assert (ended.id, ended.status, after.id) == (name, "error", "test_next.py::test_it")
    assert ("ended before its report" in ended.saw) == (name == "test_end.py::report")


def test_a_report_that_was_cut_short_is_an_error(running: Running, tmp_path: Path) -> None:
    (tmp_path / "test_end.py").write_text(
        "import os, sys\n"
        "def test_x():\n"
        "    frame = sys._getframe()\n"
        "    while frame.f_code.co_name != '_apart':\n"
        "        frame = frame.f_back\n"
        "    os.write(frame.f_locals['writer'], b'{')\n"
        "    os._exit(0)\n"
    )
    lab = samples.lab9()
    with running(lab) as connection:
        report = verify.run(lab, connection, provider="netns", directory=tmp_path, trust=True)
    assert [(r.id, r.status) for r in report.results if r.status != "passed"] == [("test_end.py::report", "error")]


def test_a_real_interrupt_of_own_tests_arrives(running: Running, tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text(
        "import os, signal, time\ndef test_x():\n    os.kill(os.getppid(), signal.SIGINT)\n    time.sleep(600)\n"
    )
    lab = samples.lab9()
    with running(lab) as connection, pytest.raises(KeyboardInterrupt):
        verify.run(lab, connection, provider="netns", directory=tmp_path, trust=True)
