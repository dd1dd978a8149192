"""What the boxes' own tools say of them, parsed once: links, groups, routes, sockets, forwarding entries."""

from __future__ import annotations

import json

from orchestrator.model import Interface, Overlay
from orchestrator.verify import links
from orchestrator.verify.links import Seen
from orchestrator.verify.outcome import AbsentError
from orchestrator.verify.results import Evidence, bounded
from orchestrator.verify.script import Record
from orchestrator.verify.survey import Survey


class State:
    """A reading of the survey. All methods raise CannotRunError where a command failed or its output makes no sense."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self._parsed: dict[tuple[str, ...], list[Seen]] = {}
        self._macs: dict[str, dict[str, list[str]]] = {}

    def rows(self, box: str, *key: str) -> tuple[list[Seen], Record]:
        """The JSON list that a command printed."""
        record = self.survey.record(box, *key)
        where = (box, *key)
        if where not in self._parsed:
            self._parsed[where] = links.parse(record)
        return self._parsed[where], record

    def link(self, box: str, name: str) -> tuple[Seen, Evidence]:
        """A device of a box. Raises AbsentError where it has none of that name."""
        rows, record = self.rows(box, "links")
        row = links.named(rows, name)
        if row is None:
            names = " ".join(str(row.get("ifname")) for row in rows)
            raise AbsentError(f"no device {name}", Evidence("ip -br link show", 0, f"devices: {names}"))
        return row, _excerpt(record, row)

    def adapter(self, box: str, interface: Interface) -> tuple[Seen, Evidence]:
        """A box's adapter: by its MAC, because a box may call it by another name; by its name where no MAC is right."""
        rows, record = self.rows(box, "links")
        row = links.adapter(rows, interface)
        return (row, _excerpt(record, row)) if row else self.link(box, interface.name)

    def macs(self, overlay: Overlay) -> dict[str, list[str]]:
        """MAC → the boxes whose end of the overlay has it."""
        if overlay.name not in self._macs:
            found: dict[str, list[str]] = {}
            for vtep in overlay.vteps:
                for row in self.rows(vtep.box, "links")[0]:
                    if row.get("ifname") == overlay.name:
                        found.setdefault(str(row.get("address")), []).append(vtep.box)
            self._macs[overlay.name] = found
        return self._macs[overlay.name]

    def fdb(self, box: str, overlay: Overlay) -> tuple[list[Seen], Evidence]:
        """An overlay device's forwarding entries, after the pings. Raises AbsentError where the device is not there."""
        record = self.survey.record(box, "fdb", overlay.name)
        if record.returncode != 0:
            self.link(box, overlay.name)
        return self.rows(box, "fdb", overlay.name)[0], record.evidence

    def groups(self, box: str, device: str) -> tuple[set[str], Evidence]:
        """The IPv4 multicast groups that a device has joined."""
        rows, _ = self.rows(box, "groups")
        row: Seen = next((row for row in rows if row.get("ifname") == device), {})
        joined = {entry["address"] for entry in row.get("maddr", ()) if entry.get("family") == "inet"}
        return joined, Evidence(f"ip -j maddr show dev {device}", 0, json.dumps([row]))


def _excerpt(record: Record, row: Seen) -> Evidence:
    """The record as it would be had it been asked for one device only."""
    command = " ".join([*record.argv, "dev", str(row.get("ifname"))])
    return Evidence(command, record.returncode, bounded(json.dumps([row])))
