"""Ansible's way into a box on namespaces: the command is the host's, and the entering of the box stands before it."""

from __future__ import annotations

import shlex

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: netns
short_description: run in a network namespace of a lab
description:
  - Runs commands through a command of the host that enters the box. Modules are piped in, so that nothing is copied.
author: labctl
options:
  command:
    description: The words that enter the box; what is to run there is appended.
    type: list
    elements: str
    required: true
    vars:
      - name: ansible_netns_command
  become_success_timeout:
    description: Seconds to wait for become to succeed. Not used, for one is root in a box.
    type: int
    default: 10
    vars:
      - name: ansible_netns_become_success_timeout
  become_strip_preamble:
    description: Whether become's own output is stripped. Not used, for one is root in a box.
    type: bool
    default: true
    vars:
      - name: ansible_netns_become_strip_preamble
extends_documentation_fragment:
  - connection_pipelining
"""


class Connection(Local):  # type: ignore[misc]  # Ansible has no types
    """The local connection, with every command inside the box."""

    transport = "netns"

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """See ConnectionBase."""
        entering = shlex.join([*self.get_option("command"), "/bin/sh", "-c", cmd])
        answer: tuple[int, bytes, bytes] = super().exec_command(f"cd / && exec {entering}", in_data, sudoable=False)
        return answer

    def put_file(self, in_path: str, out_path: str) -> None:
        """Refused: a box has no disk of its own."""
        self._refuse()

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Refused: see `put_file`."""
        self._refuse()

    def _refuse(self) -> None:
        raise AnsibleConnectionFailure("nothing is copied to or from a box on namespaces: modules are piped in")
