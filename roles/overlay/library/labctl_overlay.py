#!/usr/bin/python
"""The module of the role `overlay`: parameters in, `labctl_box` does it, what was done out."""

from __future__ import annotations

import contextlib
from typing import Any

from ansible.module_utils import labctl_box, labctl_files, labctl_iproute
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: labctl_overlay
short_description: Make a box show the links, routes and kernel settings that it shall
description:
  - Reads what the box shows, and runs the C(ip), C(bridge) and C(sysctl) commands that make the difference.
  - What it makes bears the alias C(labctl). What does not is never deleted, and fails the task where it is in the way.
options:
  desired:
    description: Links, routes and sysctls; see the role's argument specification.
    type: dict
    required: true
  hosts:
    description: Names to addresses, for a block of its own in /etc/hosts. Where it is empty, the file is left alone.
    type: dict
    default: {}
  persistent:
    description: Whether all of it comes back at boot. False leaves what an earlier run wrote.
    type: bool
    default: false
author:
  - labctl
"""

EXAMPLES = r"""
- name: Two boxes, each the other's remote
  labctl_overlay:
    desired:
      links:
        - {kind: adapter, name: enp0s8, mac: "02:00:00:00:00:04", mtu: 1500, addresses: [192.168.50.4/24]}
        - {kind: vxlan, name: vxlan0, mac: "02:00:00:00:01:04", mtu: 1450, addresses: [192.168.60.4/24],
           vni: 100, port: 4789, device: enp0s8, remote: 192.168.50.5}
      routes: {}
      sysctls: {net.ipv4.ip_forward: "0"}
    persistent: true
"""

RETURN = r"""
commands:
  description: The commands that were run, in order; in check mode those that would be.
  returned: always
  type: list
  elements: str
files:
  description: The files that were written, in check mode those that would be.
  returned: always
  type: list
  elements: str
left_alone:
  description: What was not made here and was not touched, in sentences.
  returned: always
  type: list
  elements: str
"""


LINK: dict[str, Any] = {
    "kind": {"type": "str", "required": True, "choices": ["adapter", "bridge", "vxlan"]},
    "name": {"type": "str", "required": True},
    "mac": {"type": "str", "required": True},
    "mtu": {"type": "int", "required": True},
    "addresses": {"type": "list", "elements": "str"},
    "master": {"type": "str"},
    "vni": {"type": "int"},
    "port": {"type": "int"},
    "device": {"type": "str"},
    "group": {"type": "str"},
    "remote": {"type": "str"},
    "flood": {"type": "list", "elements": "str"},
    "ttl": {"type": "int"},
    "learning": {"type": "bool"},
}
DESIRED = {
    "links": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": LINK,
        "required_if": [["kind", "vxlan", ["vni", "port", "device"]]],
    },
    "routes": {"type": "dict", "required": True},
    "sysctls": {"type": "dict", "required": True},
}
ARGUMENTS = {
    "desired": {"type": "dict", "required": True, "options": DESIRED},
    "hosts": {"type": "dict", "default": {}},
    "persistent": {"type": "bool", "default": False},
}


def wanted(given: dict[str, Any]) -> dict[str, Any]:
    """The reconciler's Desired: without what was not given, and with text for every address and setting."""
    links = [{key: value for key, value in link.items() if value is not None} for link in given["links"]]
    tables = {key: {str(name): str(value) for name, value in given[key].items()} for key in ("routes", "sysctls")}
    return {"links": links, **tables}


def main() -> None:
    """What Ansible runs."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    desired, hosts, persistent = wanted(module.params["desired"]), module.params["hosts"], module.params["persistent"]
    try:
        with contextlib.nullcontext() if module.check_mode else labctl_box.alone():
            changes = labctl_box.changes(desired)
            if changes.conflicts:
                raise labctl_box.BoxError(f"{'; '.join(changes.conflicts)}; it is to be removed by hand")
            stale = labctl_files.stale(labctl_files.files(desired, hosts, persistent, [labctl_iproute, labctl_box]))
            diff = labctl_files.diff(changes.commands, stale)
            if not module.check_mode:
                labctl_box.run(changes.commands)
                labctl_files.write(stale)
    except labctl_box.BoxError as error:
        module.fail_json(msg=str(error))
    commands = [" ".join(command.argv) for command in changes.commands]
    module.exit_json(
        changed=bool(commands or stale),
        commands=commands,
        files=[file.path for file in stale],
        left_alone=list(changes.left_alone),
        diff=diff,
    )


if __name__ == "__main__":
    main()
