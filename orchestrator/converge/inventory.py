"""How Ansible reaches boxes, and what it is told of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.connections import Connection
from orchestrator.model import Lab
from orchestrator.plan import desired, hosts

Variables = dict[str, Any]
"""What the inventory says of a box, beside what it shall show."""


def of(lab: Lab, connection: Connection, *, lasting: bool) -> dict[str, Variables]:
    """What Ansible has to know of each box. lasting: the overlay, and the boxes' names, come back when they boot."""
    more = {"overlay_persistent": True, "overlay_hosts": hosts(lab)} if lasting else {}
    return {box.name: {**connection.inventory(box.name), **more} for box in lab.boxes}


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
    boxes = {box.name: _Data(variables[box.name], overlay_desired=desired(lab, box)) for box in lab.boxes}
    dumped: bytes = yaml.dump({"all": {"hosts": boxes}}, Dumper=Dumper, encoding="utf-8")
    return dumped
