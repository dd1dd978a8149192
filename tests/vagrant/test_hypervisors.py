"""What there really is. libvirt's own test driver stands in for a daemon: virsh(1) is real, the host is a file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from orchestrator.errors import LabError
from orchestrator.providers.vagrant import half_made, home, hypervisors, orphans
from orchestrator.providers.vagrant.marked import Machine, marked

HOST = """<node>
  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
    <name>labctl-lab9-0123abcd-boxA</name><uuid>471736ec-01d2-42b9-8005-5e747a0c58d2</uuid>
    <memory>65536</memory><os><type>hvm</type></os>
  </domain>
  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
    <name>labctl-lab9-0123abcd-box-2</name><uuid>471736ec-01d2-42b9-8005-5e747a0c58d3</uuid>
    <memory>65536</memory><os><type>hvm</type></os><test:runstate>5</test:runstate>
  </domain>
  <domain type='test'>
    <name>somebodys</name><uuid>471736ec-01d2-42b9-8005-5e747a0c58d4</uuid>
    <memory>65536</memory><os><type>hvm</type></os>
  </domain>
  <network><name>labctl-lab9-0123abcd-net</name></network>
  <network><name>labctl-lab9-89abcdef-net</name></network>
  <network><name>default</name></network>
  <pool type='dir'><name>default</name><target><path>/images</path></target>
    <volume><name>labctl-lab9-0123abcd-boxA.img</name><capacity>1</capacity></volume>
    <volume><name>labctl-lab9-0123abcd-boxZ.img</name><capacity>1</capacity></volume>
    <volume><name>somebodys.img</name><capacity>1</capacity></volume>
  </pool>
</node>
"""

virsh_is_here = pytest.mark.skipif(shutil.which("virsh") is None, reason="virsh is not installed")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "host.xml").write_text(HOST)
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", f"test://{tmp_path}/host.xml")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of Vagrant's index; it is not there yet."""
    monkeypatch.setenv("VAGRANT_HOME", str(tmp_path))
    file = tmp_path / "data" / "machine-index" / "index"
    file.parent.mkdir(parents=True)
    return file


def test_the_index_of_machines(index: Path) -> None:
    assert list(home.indexed()) == []
    index.touch()
    assert list(home.indexed()) == []
    index.write_text(
        '{"version":1,"machines":{"0a8f":{"local_data_path":"/lab/.vagrant","name":"boxA","provider":"virtualbox",'
        '"state":"running","vagrantfile_name":null,"vagrantfile_path":"/lab","updated_at":null,"extra_data":{}}}}'
    )
    assert list(home.indexed()) == [home.Indexed(Path("/lab"), Path("/lab/.vagrant"))]


@pytest.mark.parametrize(
    "text", ['{"version":1,"machines":{"0a', "[]", '{"machines":{"a":{}}}', '{"machines":[1]}', "\n"]
)
def test_a_damaged_index_is_told(index: Path, text: str) -> None:
    """What it said is unknown then: a machine that it does not name is not to be taken for an orphan."""
    index.write_text(text)
    with pytest.raises(LabError, match="index of machines is damaged"):
        orphans.find("virtualbox")
    with pytest.raises(LabError, match="index of machines is damaged"):
        list(half_made.claimed())


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("labctl-lab9-0123abcd-boxA", True),
        ("labctl-a-b-0123abcd-box-1", True),
        ("labctl-debian-12_1795541575658_86095", False),  # a master of linked clones
        ("labctl-lab9-0123ABCD-boxA", False),
        ("labctl-lab9-0123abcd-", False),
        ("labctl-0123abcd-boxA", False),
        ("mylabctl-lab9-0123abcd-boxA", False),
        ("temp_clone_1795541575658_86095", False),
        ("labctl-lab9-0123abcd-boxA\n", False),
    ],
)
def test_the_mark(name: str, ours: bool) -> None:
    assert marked(name) == ours


@virsh_is_here
@pytest.mark.usefixtures("host")
def test_machines_of_libvirt() -> None:
    assert sorted(hypervisors.machines("libvirt")) == [
        Machine("labctl-lab9-0123abcd-box-2", "471736ec-01d2-42b9-8005-5e747a0c58d3", "off", "libvirt"),
        Machine("labctl-lab9-0123abcd-boxA", "471736ec-01d2-42b9-8005-5e747a0c58d2", "running", "libvirt"),
    ]


@virsh_is_here
def test_a_libvirt_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", f"qemu:///system?socket={tmp_path}/none")
    with pytest.raises(LabError, match="libvirt's daemon does not run"):
        hypervisors.machines("libvirt")


@pytest.mark.parametrize("provider", ["libvirt", "virtualbox"])
def test_what_bears_no_mark_is_refused(provider: str) -> None:
    with pytest.raises(LabError, match="no machine of labctl's"):
        hypervisors.remove(Machine("somebodys", "1", "off", provider))
    with pytest.raises(LabError, match="no mark of labctl's"):
        hypervisors.remove_networks(provider, "labctl-")
    with pytest.raises(LabError, match="no mark of labctl's"):
        hypervisors.remove_disks(provider, "labctl-")


def test_a_hypervisor_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "vagrant").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not hypervisors.usable("virtualbox").good
    assert hypervisors.usable("libvirt").saw == "libvirt is not installed"
    (tmp_path / "vagrant").unlink()
    assert hypervisors.usable("libvirt").saw == "Vagrant is not installed"
    with pytest.raises(LabError, match="Vagrant is not installed"):
        hypervisors.require("virtualbox")


def test_a_virtualbox_without_its_kernel_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "vagrant").touch(mode=0o755)
    fake = tmp_path / "VBoxManage"
    fake.write_text("#!/bin/sh\necho 'WARNING: The character device /dev/vboxdrv does not exist.'\necho 7.2.22\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    found = hypervisors.usable("virtualbox")
    assert (found.good, found.saw) == (False, "VirtualBox's kernel module is not loaded")
    assert "Secure Boot" in found.hint


def test_who_holds_a_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file's name is the one that Vagrant 2.3.8 gave it for this folder and box."""
    import fcntl

    monkeypatch.setenv("VAGRANT_HOME", str(tmp_path))
    file = tmp_path / "data" / "lock.machine-action-1548a2c36a205a3d09a0cac1a57665bd.lock"
    file.parent.mkdir()
    assert not home.busy()
    with file.open("w") as opened:
        assert home.holder(Path("/root/render"), "boxA") is None  # left by a Vagrant that was killed
        fcntl.flock(opened, fcntl.LOCK_EX)
        assert home.holder(Path("/root/render"), "boxA") == os.getpid()
        assert home.holder(Path("/root/render"), "boxB") is None
        assert home.busy()


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("temp_clone_1795541575658_86095", True),
        ("temp_clone_1795541575657_86095", False),  # made before
        ("labctl-debian-12_1795541575658_1", True),
        ("bento-debian-12_1795541575658_1", False),
        ("project_default_1795541575658_86095", False),
        ("temp_clone_1795541575658", False),
        ("my temp_clone_1795541575658_86095", False),
    ],
)
def test_names_of_half_made_machines(name: str, ours: bool) -> None:
    assert half_made.made_since(name, 1795541575658, "labctl/debian-12") == ours


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("labctl-lab9-89abcdef-boxA", "labctl-lab9-89abcdef-"),
        ("labctl-lab9-0123abcd-boxA", ""),
        ("labctl-lab9-0123abcd-89abcdef-x", ""),  # a box that is called like a copy
        ("labctl-lab9-89abcdef-0123abcd-x", ""),
        ("somebodys", ""),
    ],
)
def test_lost_is_what_no_copy_can_claim(name: str, prefix: str) -> None:
    assert orphans._lost(name, {"0123abcd"}) == prefix
