"""What brings an overlay back at boot: the files, against a folder, and the program, in a real box."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import iproute, labfile
from orchestrator.plan import desired
from roles.overlay.module_utils import labctl_box, labctl_files, labctl_iproute
from tests.conftest import CHECKOUT, Caller
from tests.parity import state

LAB = labfile.load(CHECKOUT / "labs" / "lab10" / "lab.yml")
DESIRED = desired(LAB, LAB.boxes[0])
HOSTS = {"boxB": "192.168.50.5", "boxB.vxlan0": "192.168.60.5"}
LIBRARY = [labctl_iproute, labctl_box]
ROLE = CHECKOUT / "roles" / "overlay"


def run(root: Path, hosts: dict[str, str] = HOSTS, wanted: iproute.Desired = DESIRED) -> list[str]:
    """What the module does with files, below another folder; the paths that were written."""
    stale = labctl_files.stale(labctl_files.files(wanted, hosts, True, LIBRARY, root), root)
    labctl_files.write(stale, root)
    return [file.path for file in stale]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The root of a machine with systemd."""
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 boxA")
    return tmp_path


def test_writes_all_of_it_once(machine: Path) -> None:
    assert run(machine) == [
        "/etc/hosts",
        "/usr/local/lib/labctl/labctl_iproute.py",
        "/usr/local/lib/labctl/labctl_box.py",
        "/etc/labctl/box.json",
        "/etc/labctl/boot.d/overlay",
        "/etc/systemd/system/labctl-overlay.service",
        "/etc/systemd/system/multi-user.target.wants/labctl-overlay.service",
        "/etc/systemd/network/05-labctl-overlay.network",
    ]
    assert run(machine) == []


def test_carries_the_reconciler_byte_for_byte(machine: Path) -> None:
    run(machine)
    library = machine / "usr/local/lib/labctl"
    assert (library / "labctl_iproute.py").read_bytes() == (CHECKOUT / "orchestrator/iproute.py").read_bytes()
    assert (library / "labctl_box.py").read_bytes() == (ROLE / "module_utils/labctl_box.py").read_bytes()
    assert (ROLE / "module_utils/labctl_iproute.py").read_bytes() == (CHECKOUT / "orchestrator/iproute.py").read_bytes()


def test_the_hook_can_be_run_and_the_unit_is_enabled(machine: Path) -> None:
    run(machine)
    assert os.access(machine / "etc/labctl/boot.d/overlay", os.X_OK)
    wanted = machine / "etc/systemd/system/multi-user.target.wants/labctl-overlay.service"
    assert wanted.readlink() == Path("../labctl-overlay.service")
    assert wanted.resolve() == machine / "etc/systemd/system/labctl-overlay.service"
    for path in (machine / "etc/labctl/box.json", wanted):
        assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this host has no systemd-analyze to ask")
def test_the_unit_is_one_that_systemd_understands(machine: Path) -> None:
    run(machine)
    unit = machine / "etc/systemd/system/labctl-overlay.service"
    answer = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_writes_no_unit_where_systemd_is_not_the_init(tmp_path: Path) -> None:
    assert [path for path in run(tmp_path) if "systemd" in path] == []


@pytest.mark.parametrize(
    ("path", "damage"),
    [
        ("etc/labctl/box.json", lambda path: path.write_text("{}")),
        ("etc/labctl/boot.d/overlay", lambda path: path.chmod(0o644)),
        ("etc/labctl/boot.d/overlay", lambda path: path.unlink()),
        ("etc/systemd/system/multi-user.target.wants/labctl-overlay.service", lambda path: path.unlink()),
        (
            "etc/systemd/system/multi-user.target.wants/labctl-overlay.service",
            lambda path: (path.unlink(), path.write_text("a file")),
        ),
    ],
    ids=["changed", "not executable", "gone", "link gone", "no link"],
)  # fmt: skip
def test_mends_what_was_damaged_and_only_that(machine: Path, path: str, damage: object) -> None:
    run(machine)
    assert callable(damage)
    damage(machine / path)
    assert run(machine) == [f"/{path}"]
    assert run(machine) == []


def test_a_change_in_the_lab_is_one_in_its_state(machine: Path) -> None:
    run(machine)
    other: iproute.Desired = {**DESIRED, "routes": {"10.0.0.0/8": "192.168.50.1"}}
    assert run(machine, wanted=other) == ["/etc/labctl/box.json"]
    assert json.loads((machine / "etc/labctl/box.json").read_text()) == other


def test_hosts_have_a_block_of_their_own(machine: Path) -> None:
    run(machine)
    hosts = machine / "etc/hosts"
    block = "# labctl: begin\n192.168.50.5 boxB\n192.168.60.5 boxB.vxlan0\n# labctl: end\n"
    assert hosts.read_text() == "127.0.0.1 localhost\n127.0.1.1 boxA\n" + block
    hosts.write_text(hosts.read_text() + "10.0.0.1 mine\n")
    assert run(machine, {"boxC": "192.168.50.6"}) == ["/etc/hosts"]
    block = "# labctl: begin\n192.168.50.6 boxC\n# labctl: end\n"
    assert hosts.read_text() == "127.0.0.1 localhost\n127.0.1.1 boxA\n" + block + "10.0.0.1 mine\n"
    assert run(machine, {}) == []
    with pytest.raises(labctl_box.BoxError, match="is no word of /etc/hosts"):
        run(machine, {"boxC\n10.0.0.1 evil": "192.168.50.6"})


def test_what_cannot_be_written_is_told(machine: Path) -> None:
    (machine / "etc/labctl").write_text("a file where a folder is to be")
    with pytest.raises(labctl_box.BoxError, match=r"cannot (read|write) .*etc/labctl"):
        run(machine)


def test_an_adapter_that_is_late_is_awaited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            (tmp_path / "eth1").mkdir()
            (tmp_path / "eth1/address").write_text("02:00:00:00:00:AA\n")

    monkeypatch.setattr("time.sleep", sleep)
    assert labctl_box.await_adapters({"02:00:00:00:00:aa"}, tmp_path)
    assert len(naps) == 3
    assert not labctl_box.await_adapters({"02:00:00:00:00:bb"}, tmp_path, patience=0.0)


@pytest.mark.parametrize("name", ["library/labctl_overlay.py", "module_utils/labctl_box.py",
                                  "module_utils/labctl_files.py", "module_utils/labctl_iproute.py"])  # fmt: skip
def test_boxes_may_have_an_older_python(name: str) -> None:
    ast.parse((ROLE / name).read_text(), feature_version=(3, 9))


@pytest.fixture
def running(ordinary_user: Caller) -> Iterator[Caller]:
    ordinary_user.labctl("down", "lab10")
    answer = ordinary_user.labctl("up", "lab10", "--no-verify")
    assert answer.returncode == 0, answer.stderr
    yield ordinary_user
    ordinary_user.labctl("down", "lab10")


def test_the_program_brings_it_back_in_a_real_box(running: Caller, machine: Path) -> None:
    run(machine)
    library = {path.name: path.read_text() for path in (machine / "usr/local/lib/labctl").glob("*.py")}
    library["box.json"] = (machine / "etc/labctl/box.json").read_text()

    def ask(box: str, command: object, **options: object) -> str:
        assert isinstance(command, list | tuple)
        answer = running.labctl("exec", "lab10", box, "--", *command, **options)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    unpack = (
        "import json, pathlib, sys; [pathlib.Path('/tmp', n).write_text(t) for n, t in json.load(sys.stdin).items()]"
    )
    boot = ["python3", "/tmp/labctl_box.py", "/tmp/box.json"]
    good = state(LAB, ask)
    ask("boxA", ["python3", "-c", unpack], input=json.dumps(library))
    ask("boxA", ["ip", "link", "del", "dev", "vxlan0"])
    ask("boxA", ["ip", "link", "set", "dev", "enp0s8", "down"])
    ask("boxA", ["ip", "link", "set", "dev", "enp0s8", "name", "eth1"])  # found by its MAC
    assert "type vxlan id 100 dstport 4789 dev eth1" in ask("boxA", boot)
    assert state(LAB, ask) == good
    assert ask("boxA", boot) == ""
    answer = running.labctl("exec", "lab10", "boxA", "--", "python3", "/tmp/labctl_box.py", "/tmp/nothing")
    assert (answer.returncode, answer.stderr[:35]) == (1, "labctl: cannot read /tmp/nothing: [")
