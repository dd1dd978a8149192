"""What the real Vagrant, Ruby and Ansible read in a rendered directory is what the lab says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator import labfile, plan, render
from orchestrator.model import Lab
from tests import sample_labs

HERE = Path(__file__).parent
EVERY_KEY = HERE.parent.parent / "docs" / "every-key.yml"
HOSTILE = "#{`reboot`} ' \\' \" \\ {{ 7*7 }} {% x %} <% y %> %x(id) $(id) `id` #$0 é 日本 __END__ ]]> &amp; \\"
VBOXMANAGE = (
    '#!/bin/sh\n[ "$*" = --version ] && echo 7.0.20r163906 && exit\necho "VBoxManage $*: not here" >&2; exit 1\n'
)
"""Enough of VirtualBox for Vagrant to look at its settings: a version."""


def hostile() -> Lab:
    path = Path("hostile.yml")
    path.write_text(labfile.find("lab10").read_text().replace("VXLAN over IP multicast", json.dumps(HOSTILE)))
    return labfile.load(path)


def worse() -> Lab:
    """A title that no lab file can have."""
    title = "a\nsystem('reboot')\r\n=begin\n\0\x04\x1a\n__END__\n#{exit}'"
    return msgspec.structs.replace(labfile.load(labfile.find("lab9")), title=title)


LABS = {
    "lab9": lambda: labfile.load(labfile.find("lab9")),
    "lab10": lambda: labfile.load(labfile.find("lab10")),
    "every-key": lambda: labfile.load(EVERY_KEY),
    "routed": sample_labs.routed,
    "hostile": hostile,
    "worse": worse,
}


@pytest.fixture(autouse=True)
def _in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=LABS)
def lab(request: pytest.FixtureRequest) -> Lab:
    return LABS[request.param]()


@pytest.fixture(scope="module")
def vagrant_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vagrant")


def vagrant(directory: Path, home: Path, provider: str) -> subprocess.CompletedProcess[str]:
    """vagrant validate, with all the settings of a provider."""
    tools = directory.parent / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "VBoxManage").write_text(VBOXMANAGE)
    (tools / "VBoxManage").chmod(0o755)
    own = {"VAGRANT_HOME": str(home), "VAGRANT_DEFAULT_PROVIDER": provider, "PATH": f"{tools}:{os.environ['PATH']}"}
    run = ["vagrant", "validate"]
    return subprocess.run(run, cwd=directory, env=os.environ | own, capture_output=True, text=True, timeout=300)


def provided(provider: str) -> str:
    if provider == "libvirt":
        plugin = ["ruby", "-e", "Gem::Specification.find_by_name('vagrant-libvirt')"]
        if subprocess.run(plugin, capture_output=True).returncode:
            pytest.skip("vagrant-libvirt is not installed")
    return provider


@pytest.mark.parametrize("provider", ["virtualbox", "libvirt"])
def test_vagrant_takes_it(lab: Lab, provider: str, vagrant_home: Path) -> None:
    render.write(lab, Path("a 'b' #{c} %41é"))
    answer = vagrant(Path("a 'b' #{c} %41é").resolve(), vagrant_home, provided(provider))
    assert (answer.returncode, answer.stdout.strip()) == (0, "Vagrantfile validated successfully."), answer.stderr


@pytest.mark.parametrize(
    ("provider", "good", "bad"),
    [("virtualbox", "virtualbox.linked_clone", "virtualbox.linked_clown"),
     ("virtualbox", "box_check_update", "box_czech_update"),
     ("libvirt", "libvirt.graphics_type", "libvirt.grafics_type"),
     ("libvirt", "'ansible' do", "'answerable' do")],
)  # fmt: skip
def test_vagrant_sees_what_is_wrong(provider: str, good: str, bad: str, vagrant_home: Path) -> None:
    render.write(LABS["lab9"](), Path("r"))
    vagrantfile = Path("r/Vagrantfile")
    assert good in vagrantfile.read_text()
    vagrantfile.write_text(vagrantfile.read_text().replace(good, bad))
    answer = vagrant(Path("r").resolve(), vagrant_home, provided(provider))
    assert answer.returncode == 1
    assert bad.rpartition(".")[2].strip("' do") in answer.stdout + answer.stderr


def said(directory: Path, **environment: str) -> list[tuple[list[str], str, list[Any]]]:
    """All that the Vagrantfile says to Vagrant."""
    run = ["ruby", str(HERE / "recorder.rb"), str(directory / "Vagrantfile")]
    env = {"PATH": os.environ["PATH"], "LANG": "C", **environment}
    answer = subprocess.run(run, capture_output=True, text=True, env=env, encoding="utf-8")
    assert answer.returncode == 0, answer.stderr
    return [(path, name, values) for path, name, values in json.loads(answer.stdout)]


def one(calls: list[tuple[list[str], str, list[Any]]], path: list[str], name: str) -> Any:
    """The value of the one setting of that name there."""
    (values,) = [values for where, called, values in calls if (where, called) == (path, name)]
    (value,) = values
    return value


def test_ruby_reads_the_lab(lab: Lab) -> None:
    directory = Path("r")
    render.write(lab, directory)
    calls = said(directory)
    machine = lab.machine
    assert one(calls, ["vm"], "box=") == machine.image
    assert one(calls, ["vm"], "box_version=") == machine.version
    assert one(calls, ["vm"], "boot_timeout=") == machine.boot_timeout
    for provider in ("virtualbox", "libvirt"):
        assert one(calls, ["vm", "provider", provider], "memory=") == machine.memory
        assert one(calls, ["vm", "provider", provider], "cpus=") == machine.cpus
    assert [values[0] for path, name, values in calls if (path, name) == (["vm"], "define")] == [
        box.name for box in lab.boxes
    ]
    for box in lab.boxes:
        here = ["vm", "define", box.name, "vm"]
        assert one(calls, here, "hostname=") == box.name
        own = render.machine_name(lab.name, box.name, directory)
        assert one(calls, [*here, "provider", "virtualbox"], "name=") == own
        assert one(calls, ["vm", "provider", "libvirt"], "default_prefix=") + box.name == own
        assert [values for path, name, values in calls if (path, name) == (here, "network")] == [
            ["private_network", adapter(lab, directory, box.name, interface.name)] for interface in box.interfaces
        ]
    last = ["vm", "define", lab.boxes[-1].name, "vm"]
    assert one(calls, last, "post_up_message=").startswith(f"{lab.name}: {lab.title}\n")


def adapter(lab: Lab, directory: Path, box: str, name: str) -> dict[str, Any]:
    """What Vagrant must be told of an adapter."""
    interface = lab.box(box).interface(name)
    network = render.network_name(lab.name, interface.network, directory)
    return {
        "auto_config": False,
        "mac": interface.mac.replace(":", ""),
        "virtualbox__intnet": network,
        "libvirt__network_name": network,
        "libvirt__forward_mode": "veryisolated",
        "libvirt__dhcp_enabled": False,
        "libvirt__bridge_stp": False,
        "libvirt__bus": "0x00",
        "libvirt__slot": f"0x{int(name.removeprefix('enp0s')):02x}",
        **({"libvirt__mtu": interface.mtu} if interface.mtu != 1500 else {}),
    }


def test_each_directory_is_a_copy_of_its_own() -> None:
    lab = LABS["lab10"]()
    names = set()
    for directory in (Path("a"), Path("b")):
        render.write(lab, directory)
        names.add(one(said(directory), ["vm", "provider", "libvirt"], "default_prefix="))
    assert names == {render.prefix("lab10", Path("a")), render.prefix("lab10", Path("b"))}
    assert len(names) == 2
    Path("link").symlink_to("a")
    assert one(said(Path("link")), ["vm", "provider", "libvirt"], "default_prefix=") == render.prefix(
        "lab10", Path("a")
    )


def test_settings_of_the_machine() -> None:
    render.write(LABS["lab10"](), Path("r"))
    calls = said(Path("r"), LABCTL_BOOT_TIMEOUT="1800", LABCTL_LIBVIRT_DRIVER="qemu")
    assert one(calls, ["vm"], "boot_timeout=") == 1800
    assert one(calls, ["ssh"], "connect_timeout=") == 180
    assert one(calls, ["vm", "provider", "libvirt"], "driver=") == "qemu"
    calls = said(Path("r"), LABCTL_BOOT_TIMEOUT="", LABCTL_LIBVIRT_DRIVER="")
    assert one(calls, ["vm"], "boot_timeout=") == 300
    assert one(calls, ["vm", "provider", "libvirt"], "driver=") == "kvm"


def test_the_catalogue_is_found_in_any_directory() -> None:
    directory = Path("a 'b' %41é #x")
    render.write(LABS["every-key"](), directory)
    url = one(said(directory), ["vm"], "box_url=")
    assert url.startswith("file:///")
    assert " " not in url
    from urllib.parse import unquote

    assert Path(unquote(url.removeprefix("file://"))) == (directory / "box.json").resolve()


def ansible(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name(arguments[0])
    own = {"ANSIBLE_HOME": str(Path("ansible").resolve()), "ANSIBLE_LOCALHOST_WARNING": "0"}
    return subprocess.run(
        [str(tool), *arguments[1:]], capture_output=True, text=True, env=os.environ | own, timeout=300
    )


def test_ansible_reads_the_lab(lab: Lab) -> None:
    render.write(lab, Path("r"))
    answer = ansible("ansible-inventory", "--inventory", "r/inventory.yml", "--list")
    assert answer.returncode == 0, answer.stderr
    read = json.loads(answer.stdout)["_meta"]["hostvars"]
    assert {box: each["overlay_desired"] for box, each in read.items()} == {
        box.name: plan.desired(lab, box) for box in lab.boxes
    }
    for each in read.values():
        assert each["overlay_persistent"] is True
        assert set(each["overlay_hosts"].values()) == {
            *(str(box.interfaces[0].address.ip) for box in lab.boxes),
            *(str(end.address.ip) for overlay in lab.overlays for end in overlay.vteps),
        }


def test_ansible_joins_it_with_vagrant_s_inventory(tmp_path: Path) -> None:
    """As Vagrant 2.3.4 runs it (plugins/provisioners/ansible): its folder first, our raw argument last, one limit."""
    lab = LABS["lab10"]()
    render.write(lab, Path("r"))
    role = Path("r/roles/overlay")
    shutil.rmtree(role, ignore_errors=True)
    (role / "tasks").mkdir(parents=True)
    (role / "tasks" / "main.yml").write_text(
        "- ansible.builtin.debug:\n    msg: 'got {{ ansible_port }} {{ overlay_desired.links[0].mac }}"
        " {{ overlay_persistent }}'\n"
    )
    theirs = Path("r/.vagrant/provisioners/ansible/inventory")
    theirs.mkdir(parents=True)
    (theirs / "vagrant_ansible_inventory").write_text(
        "# Generated by Vagrant\n\n"
        + "".join(f"{box.name} ansible_host=127.0.0.1 ansible_port={2200 + i} ansible_user='vagrant' "
                  "ansible_connection=local ansible_become=false\n" for i, box in enumerate(lab.boxes))
    )  # fmt: skip
    os.chdir("r")
    os.environ.setdefault("ANSIBLE_NOCOLOR", "1")
    answer = ansible("ansible-playbook", "--timeout=30", "--limit=boxB", f"--inventory-file={theirs.relative_to('r')}",
                     "--inventory=inventory.yml", "playbook.yml")  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"got 2201 {lab.boxes[1].interfaces[0].mac} True" in answer.stdout
    assert "boxA" not in answer.stdout
