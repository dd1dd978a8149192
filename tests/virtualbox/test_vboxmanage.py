"""VirtualBox as it really is: what VBoxManage prints and refuses. No guest has to boot here.

For machines with VirtualBox; `make test-virtualbox` runs it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from orchestrator.errors import LabError
from orchestrator.providers.vagrant import failures, half_made, hypervisors, vboxmanage
from orchestrator.providers.vagrant.half_made import Before
from orchestrator.providers.vagrant.marked import Machine, marked, run

pytestmark = pytest.mark.skipif(
    shutil.which("VBoxManage") is None or not Path("/dev/vboxdrv").exists(),
    reason="there is no VirtualBox here, or its kernel module is not loaded",
)

MARK = f"labctl-tested-{uuid4().hex[:8]}-"
IMAGE = "tested/box"


def manage(*words: str) -> str:
    """What VBoxManage prints; it must succeed."""
    result = run(["VBoxManage", *words])
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(*words: str) -> failures.Failure:
    """How labctl explains what VBoxManage refuses."""
    result = run(["VBoxManage", *words])
    assert result.returncode != 0
    return failures.explain("up", "boxA", result.stderr.splitlines())


Make = Callable[[str], str]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes a machine of a name, without a disk, and returns its UUID. What was made is gone at the test's end."""
    made: list[str] = []

    def one(name: str) -> str:
        manage("createvm", "--name", name, "--ostype", "Debian_64", "--register")
        made.append(_uuid(name))
        manage("modifyvm", name, "--memory", "32", "--audio-driver", "none", "--paravirtprovider", "none")
        return made[-1]

    yield one
    _forget(*made)


def _uuid(name: str) -> str:
    return next(uuid for uuid, each in vboxmanage.registered().items() if each == name)


def _forget(*uuids: str) -> None:
    """Removes machines that a test has made, and no others: somebody may be at work on this host."""
    for uuid in uuids:
        if uuid in vboxmanage.registered():
            run(["VBoxManage", "controlvm", uuid, "poweroff"])
            time.sleep(1)  # it says that it is off before its session is closed
            manage("unregistervm", uuid, "--delete")


@pytest.fixture
def vagrant_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Vagrant that has made nothing."""
    monkeypatch.setenv("VAGRANT_HOME", str(tmp_path))
    return tmp_path


def test_usable() -> None:
    assert vboxmanage.usable().good
    assert vboxmanage.usable().saw.startswith("VirtualBox ")
    assert hypervisors.versions("virtualbox")["virtualbox"][0].isdigit()


def test_machines_are_those_that_bear_the_mark(make: Make) -> None:
    ours = make(MARK + "boxA")
    make(f"labctl-debian-12_{_now()}_86095")  # a master of linked clones
    make("somebody-s")
    assert [each for each in hypervisors.machines("virtualbox") if each.name.startswith(MARK)] == [
        Machine(MARK + "boxA", ours, "off", "virtualbox")
    ]
    assert all(marked(each.name) for each in hypervisors.machines("virtualbox"))


def test_removing(make: Make) -> None:
    uuid = make(MARK + "boxA")
    folder = Path(vboxmanage.info(uuid)["CfgFile"]).parent
    machine = Machine(MARK + "boxA", uuid, "off", "virtualbox")
    assert folder.exists()
    hypervisors.remove(machine)
    assert uuid not in vboxmanage.registered()
    assert not folder.exists()
    hypervisors.remove(machine)  # nothing is there, nothing to do


def test_what_is_not_ours_stays(make: Make) -> None:
    uuid = make("somebody-s")
    with pytest.raises(LabError, match="no machine of labctl's"):
        hypervisors.remove(Machine("somebody-s", uuid, "off", "virtualbox"))
    hypervisors.remove(Machine(MARK + "boxA", uuid, "off", "virtualbox"))  # a stale UUID, of another machine now
    assert vboxmanage.registered()[uuid] == "somebody-s"


def test_a_machine_that_runs(make: Make) -> None:
    """It has no disk, so that its firmware waits for ever. Running it is locked, and goes all the same."""
    uuid = make(MARK + "boxA")
    manage("startvm", uuid, "--type", "headless")
    failure = refused("unregistervm", uuid, "--delete")
    assert (failure.name, failure.retry) == ("locked", True)
    assert refused("modifyvm", uuid, "--memory", "48").name == "locked"
    (machine,) = (each for each in hypervisors.machines("virtualbox") if each.id == uuid)
    assert machine.state == "running"
    manage("controlvm", uuid, "pause")
    assert vboxmanage.info(uuid)["VMState"] == "paused"
    hypervisors.remove(machine)
    assert uuid not in vboxmanage.registered()


def test_settings_of_the_vagrantfile(make: Make) -> None:
    uuid = make(MARK + "boxA")
    manage("modifyvm", uuid, "--audio", "none", "--vrde", "off")
    manage("modifyvm", uuid, "--mouse", "ps2", "--keyboard", "ps2", "--usb", "off")
    assert refused("modifyvm", uuid, "--nonsense", "1").cause == "VirtualBox says: Unknown option: --nonsense"


def test_internal_network(make: Make) -> None:
    uuid = make(MARK + "boxA")
    manage("modifyvm", uuid, "--nic2", "intnet", "--intnet2", f"{MARK}net", "--nictype2", "virtio")
    manage("modifyvm", uuid, "--macaddress2", "02a17d1219fb")
    info = vboxmanage.info(uuid)
    assert (info["nic2"], info["intnet2"], info["nictype2"]) == ("intnet", f"{MARK}net", "virtio")
    assert info["macaddress2"] == "02A17D1219FB"
    assert f"{MARK}net" in manage("list", "intnets")
    hypervisors.remove(Machine(MARK + "boxA", uuid, "off", "virtualbox"))
    assert f"{MARK}net" not in manage("list", "intnets")  # nothing of it is left to be removed


def test_names(make: Make) -> None:
    make(MARK + "boxA")
    assert refused("createvm", "--name", MARK + "boxA", "--register").name == "name_exists"
    other = make(MARK + "boxB")
    failure = refused("modifyvm", other, "--name", MARK + "boxA")
    assert (failure.name, MARK + "boxA" in failure.hint) == ("name_exists", True)
    gone = refused("showvminfo", MARK + "boxC", "--machinereadable")
    assert (gone.name, gone.retry) == ("not_found", True)
    assert vboxmanage.info(MARK + "boxC") == {}


@pytest.fixture
def linked(vagrant_home: Path, make: Make) -> Iterator[tuple[Before, str, str]]:
    """What was there before; a master, imported from an OVF, and a linked clone of it: made and called by VBoxManage as
    Vagrant has it done, before it writes down that it is done."""
    source = make(MARK + "source")
    ovf = str(vagrant_home / "box.ovf")
    disk = str(vagrant_home / "disk.vdi")
    manage("createmedium", "disk", "--filename", disk, "--size", "4")
    manage("storagectl", source, "--name", "IDE", "--add", "ide")
    attach = ("--storagectl", "IDE", "--port", "0", "--device", "0", "--type", "hdd")
    manage("storageattach", source, *attach, "--medium", disk)
    manage("export", source, "--output", ovf)
    hypervisors.remove(Machine(MARK + "source", source, "off", "virtualbox"))
    then = half_made.before()
    master, clone = f"tested-box_{_now()}_4", f"temp_clone_{_now()}_5"
    manage("import", ovf, "--vsys", "0", "--vmname", master)
    manage("snapshot", master, "take", "base")
    manage("clonevm", master, "--register", "--name", clone, "--snapshot", "base", "--options", "link")
    uuids = _uuid(master), _uuid(clone)
    yield then, *uuids
    _forget(*reversed(uuids))


def test_half_made(make: Make, linked: tuple[Before, str, str]) -> None:
    then, master, clone = linked
    others = {make(f"temp_clone_{then.at - 1}_2"), make(f"other-box_{_now()}_3")}  # older by its name; another box's
    assert {each.id for each in half_made.left(then, IMAGE)} == {master, clone}
    assert half_made.left(half_made.before(), IMAGE) == []  # it was all there before
    half_made.remove(half_made.left(then, IMAGE), then, IMAGE)
    assert {master, clone}.isdisjoint(vboxmanage.registered())
    assert others <= set(vboxmanage.registered())


def test_a_master_that_vagrant_knows_is_no_orphan(linked: tuple[Before, str, str], vagrant_home: Path) -> None:
    then, master, clone = linked
    written = vagrant_home / "boxes" / "tested-VAGRANTSLASH-box" / "1.0.0" / "virtualbox" / "master_id"
    written.parent.mkdir(parents=True)
    written.write_text(master)
    assert [each.id for each in half_made.left(then, IMAGE)] == [clone]


def test_half_made_is_nothing_that_a_folder_claims(make: Make, vagrant_home: Path, tmp_path: Path) -> None:
    then = half_made.before()
    uuid = make(f"temp_clone_{_now()}_1")
    claim = tmp_path / "lab" / ".vagrant" / "machines" / "boxA" / "virtualbox" / "id"
    claim.parent.mkdir(parents=True)
    claim.write_text(uuid)
    index = vagrant_home / "data" / "machine-index" / "index"
    index.parent.mkdir(parents=True)
    machine = {"vagrantfile_path": f"{tmp_path}/lab", "local_data_path": f"{tmp_path}/lab/.vagrant"}
    index.write_text(json.dumps({"version": 1, "machines": {"a": machine}}))
    assert half_made.left(then, IMAGE) == []
    claim.unlink()
    assert [each.id for each in half_made.left(then, IMAGE)] == [uuid]


def _now() -> int:
    return int(time.time() * 1000)
