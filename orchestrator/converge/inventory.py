"""How Ansible reaches boxes, and what it is told of each."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.connections import Connection
from orchestrator.connections.nsenter import ENVIRONMENT
from orchestrator.model import Lab
from orchestrator.plan import desired

Variables = dict[str, Any]
"""What the inventory says of a box, beside what it shall show."""


def over_netns(lab: Lab, connection: Connection) -> dict[str, Variables]:
    """How Ansible reaches boxes on namespaces."""
    enter = ["env", "-i", *(f"{name}={value}" for name, value in ENVIRONMENT.items())]
    return {
        box.name: {
            "ansible_connection": "netns",
            "ansible_netns_command": connection.argv(box.name, enter),
        }
        for box in lab.boxes
    }


def over_ssh(host: str, port: int, user: str, key: Path, known_hosts: Path) -> Variables:
    """How Ansible reaches a virtual machine, in which the overlay is to come back at boot."""
    options = ["-o", f'UserKnownHostsFile="{known_hosts}"', "-o", "GlobalKnownHostsFile=/dev/null"]
    options += ["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"]
    return {
        "ansible_connection": "ssh",
        "ansible_host": host,
        "ansible_port": port,
        "ansible_user": user,
        "ansible_become": True,
        "ansible_ssh_private_key_file": str(key),
        "ansible_ssh_common_args": shlex.join(options),
        "overlay_persistent": True,
    }


def names(lab: Lab) -> dict[str, str]:
    """What is called what in every box: a box, by its first adapter's address, and a box on an overlay."""
    found = {box.name: str(i.address.ip) for box in lab.boxes for i in box.interfaces[:1]}
    found |= {f"{v.box}.{overlay.name}": str(v.address.ip) for overlay in lab.overlays for v in overlay.vteps}
    return found


class _Data(dict[str, Any]):
    """Variables that are no templates."""


def text(lab: Lab, variables: Mapping[str, Variables]) -> bytes:
    """The inventory. All of a box's variables are marked as data: what stands in a lab file is nobody's template."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes `_Data` with Ansible's mark."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    Dumper.add_representer(_Data, lambda dumper, data: dumper.represent_mapping("!unsafe", data.items()))
    hosts = {box.name: _Data(variables[box.name], overlay_desired=desired(lab, box)) for box in lab.boxes}
    dumped: bytes = yaml.dump({"all": {"hosts": hosts}}, Dumper=Dumper, encoding="utf-8")
    return dumped
