"""The role as another project would use it: plain ansible-playbook, and what it does not take.

Everything here runs on this host itself, in check mode: nothing but reading is done.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from orchestrator import labfile
from orchestrator.connections.ssh import Address, Ssh
from orchestrator.converge import ansible
from orchestrator.errors import LabError
from orchestrator.plan import desired
from tests.conftest import CHECKOUT
from tests.sample_labs import lab10

LAB = labfile.load(CHECKOUT / "labs" / "lab10" / "lab.yml")
GOOD: dict[str, Any] = json.loads(json.dumps(desired(LAB, LAB.boxes[0])))
VXLAN: dict[str, Any] = GOOD["links"][1]
NOTHING: dict[str, Any] = {"links": [], "routes": {}, "sysctls": {}}


def links(**changes: object) -> dict[str, Any]:
    """What is desired of a box, with its vxlan device changed; a key of which nothing is left is left out."""
    changed = {key: value for key, value in {**VXLAN, **changes}.items() if value is not ...}
    return {"overlay_desired": {**GOOD, "links": [GOOD["links"][0], changed]}}


NONSENSE: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "missing required arguments: overlay_desired"),
    "no-links": ({"overlay_desired": {"routes": {}, "sysctls": {}}}, "missing required arguments: links"),
    "text": ({"overlay_desired": "vxlan0"}, "dictionary requested"),
    "kind": (links(kind="geneve"), "value of kind must be one of: adapter, bridge, vxlan, got: geneve"),
    "no-mac": (links(mac=...), "missing required arguments: mac"),
    "mtu": (links(mtu="big"), "unable to convert to int"),
    "misspelt": (links(vnii=100), "overlay_desired.links.vnii. Supported parameters include: addresses,"),
    "no-vni": (links(vni=...), "kind is vxlan but all of the following are missing: vni"),
    "persistent": ({"overlay_desired": NOTHING, "overlay_persistent": "perhaps"}, "not a valid boolean"),
    "hosts": ({"overlay_desired": NOTHING, "overlay_hosts": {"a b": "192.168.50.4"}}, "'a b' is no word of /etc/hosts"),
}


def playbook(folder: Path, hosts: dict[str, dict[str, Any]], *options: str) -> subprocess.CompletedProcess[str]:
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"all": {"vars": local, "hosts": hosts}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (folder / "ansible.cfg").write_text("[defaults]\n")
    environment = {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder),
        "ANSIBLE_ROLES_PATH": str(CHECKOUT / "roles"),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }
    program = [sys.executable, "-m", "ansible", "playbook", "--inventory", str(folder / "inventory.yml"), *options]
    argv = [*program, str(CHECKOUT / "templates" / "playbook.yml")]
    return subprocess.run(argv, env=environment, cwd=folder, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Ansible says of each kind of nonsense, all in one run."""
    hosts = {name: variables for name, (variables, _) in NONSENSE.items()}
    answer = playbook(tmp_path_factory.mktemp("play"), {**hosts, "good": {"overlay_desired": NOTHING}}, "--check")
    assert re.search(r"^good .* failed=0 ", answer.stdout, re.MULTILINE), answer.stdout + answer.stderr
    return dict(re.findall(r"^fatal: \[([a-z-]+)\]: FAILED! => (.*)$", answer.stdout, re.MULTILINE))


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_in_words(refused: dict[str, str], name: str) -> None:
    assert NONSENSE[name][1] in json.loads(refused[name])["msg"]


def test_the_playbook_is_one(tmp_path: Path) -> None:
    answer = playbook(tmp_path, {"boxA": {}}, "--syntax-check")
    assert (answer.returncode, "playbook.yml" in answer.stdout) == (0, True), answer.stderr


def test_a_role_has_one_task() -> None:
    assert len(yaml.safe_load((CHECKOUT / "roles/overlay/tasks/main.yml").read_text())) == 1


def test_nothing_in_a_lab_is_a_template(tmp_path: Path) -> None:
    lab = lab10(1)
    adapter = lab.boxes[0].interfaces[0]
    name = "{{ 7*7 }}{% raw %}\"'"
    box = msgspec.structs.replace(lab.boxes[0], interfaces=(msgspec.structs.replace(adapter, name=name),))
    lab = msgspec.structs.replace(lab, boxes=(box,))
    with pytest.raises(LabError) as caught:
        ansible.apply(lab, {box.name: {"ansible_connection": "local"}}, directory=tmp_path, check=True)
    assert f"no adapter has the name {name} or the MAC {adapter.mac}" in str(caught.value)


def reach(port: int, folder: Path) -> dict[str, object]:
    address = Address("127.0.0.1", port, "vagrant", (str(folder / "key"),))
    return Ssh({"boxA": address}, folder / "known_hosts", 1.0).inventory("boxA")


def test_how_a_machine_is_reached() -> None:
    known = reach(2222, Path("/a b"))
    assert shlex.split(str(known["ansible_ssh_common_args"])) == [
        "-oHostKeyAlias=boxA", '-oUserKnownHostsFile="/a b/known_hosts"', "-oGlobalKnownHostsFile=/dev/null",
        "-oStrictHostKeyChecking=yes", "-oIdentitiesOnly=yes", "-oBatchMode=yes", "-oLogLevel=ERROR",
        "-oConnectTimeout=1",
    ]  # fmt: skip
    assert (known["ansible_ssh_private_key_file"], known["ansible_become"]) == ("/a b/key", True)


def test_a_machine_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"boxA: .*port 9: Connection refused") as caught:
        ansible.apply(lab10(1), {"boxA": reach(9, tmp_path)}, directory=tmp_path, check=True)
    assert caught.value.hint == f"all that Ansible said: {tmp_path / 'lab10.log'}"
