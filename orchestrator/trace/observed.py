"""What the boxes are at the time of a trace, broken or not: devices, addresses, groups and forwarding entries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator import iproute
from orchestrator.command import require
from orchestrator.connections import Connection
from orchestrator.converge.direct import Job, run
from orchestrator.errors import Exit, LabError
from orchestrator.model import ZERO_MAC, Box, Lab, Overlay
from orchestrator.trace.decode import VXLAN_PORTS
from orchestrator.trace.model import Entry
from orchestrator.verify import links
from orchestrator.verify.links import Seen

_DEFAULT_TTL, _FORWARD = "net.ipv4.ip_default_ttl", "net.ipv4.ip_forward"


class Tunnel(NamedTuple):
    """A vxlan device as a box has it. ttl: 0 is the kernel's default; external: it takes every VNI of its port."""

    name: str
    vni: int
    port: int
    ttl: int
    learning: bool
    external: bool
    up: bool
    mac: str


class State(NamedTuple):
    """A box. adapters: its device's name → the lab's network; devices: name → what `ip -j -d addr` says;
    groups: the IPv4 groups that any device has joined; fdb: what `bridge -j fdb` says; forwards: it routes IPv4.
    """

    box: str
    adapters: dict[str, str]
    devices: dict[str, Seen]
    groups: frozenset[str]
    fdb: tuple[Seen, ...]
    default_ttl: str
    forwards: bool

    def mac(self, device: str) -> str:
        """A device's MAC, "" where there is no such device."""
        return str(self.devices.get(device, {}).get("address", ""))

    def up(self, device: str) -> bool:
        """Whether a device is there and can carry anything."""
        return {"UP", "LOWER_UP"} <= set(self.devices.get(device, {}).get("flags", ()))

    def addresses(self, device: str | None = None) -> set[str]:
        """The IPv4 addresses of a device, or of all."""
        found = self.devices.values() if device is None else [self.devices.get(device, {})]
        return {str(info.get("local")) for row in found for info in row.get("addr_info", ())
                if info.get("family") == "inet"}  # fmt: skip

    def tunnels(self) -> Iterator[Tunnel]:
        """Every vxlan device."""
        for name, row in self.devices.items():
            info = row.get("linkinfo", {})
            if info.get("info_kind") == "vxlan":
                data: dict[str, Any] = info.get("info_data", {})
                yield Tunnel(
                    name, int(data.get("id", 0)), int(data.get("port", 0)), int(data.get("ttl") or 0),
                    bool(data.get("learning")), bool(data.get("external")), self.up(name), self.mac(name),
                )  # fmt: skip

    def tunnel(self, name: str) -> Tunnel | None:
        """The vxlan device of that name."""
        return next((tunnel for tunnel in self.tunnels() if tunnel.name == name), None)

    def entries(self, device: str) -> tuple[Entry, ...]:
        """A vxlan device's forwarding entries that lead somewhere, in the kernel's order."""
        return tuple(
            Entry(mac=str(row.get("mac", ZERO_MAC)), target=str(row["dst"]),
                  state="permanent" if row.get("state") in ("permanent", "static") else "learned")
            for row in self.fdb if row.get("ifname") == device and "dst" in row
        )  # fmt: skip

    def defaults(self, device: str) -> list[str]:
        """Where a vxlan device sends flooded frames: the targets of its all-zero entries."""
        return [entry.target for entry in self.entries(device) if entry.mac == ZERO_MAC]


def observe(lab: Lab, boxes: Sequence[Box], connection: Connection) -> dict[str, State]:
    """Every box's state, without changing anything. LabError, exit status 5, where it cannot be read."""
    asked = (iproute.observe([_DEFAULT_TTL, _FORWARD]), ("ip", "-j", "maddr", "show"))
    jobs = [Job(box.name, argv) for box in boxes for argv in asked]
    said = iter([_read(result, job.box) for job, result in run(jobs, connection)])
    return {box.name: _state(lab, box, iproute.parse(next(said)), json.loads(next(said) or "[]")) for box in boxes}


def forwarding(boxes: Sequence[str], connection: Connection) -> dict[str, tuple[Seen, ...]]:
    """Every box's forwarding entries."""
    jobs = [Job(box, ("bridge", "-j", "fdb", "show")) for box in boxes]
    return {job.box: tuple(json.loads(_read(result, job.box) or "[]")) for job, result in run(jobs, connection)}


def ports(overlay: Overlay, states: Mapping[str, State]) -> frozenset[int]:
    """The UDP ports that are VXLAN in this lab, whether by its file, in its boxes or by custom."""
    there = {tunnel.port for state in states.values() for tunnel in state.tunnels()}
    return frozenset({*VXLAN_PORTS, overlay.port, *there}) - {0}


def adapter(state: State, network: str) -> str:
    """What a box calls its adapter on a network; "" where it has none."""
    return next((name for name, on in state.adapters.items() if on == network), "")


def called(box: Box, device: str, connection: Connection) -> str:
    """What a virtual machine itself calls a device: an adapter may have another name there than in the lab."""
    interface = next((each for each in box.interfaces if each.name == device), None)
    if interface is None:
        return device
    seen = links.adapter(json.loads(_read(connection.run(box.name, ("ip", "-j", "-d", "link")), box.name)), interface)
    return str(seen["ifname"]) if seen else device


def _read(result: Any, box: str) -> str:
    try:
        return str(require(result, f"cannot read the state of {box}").stdout)
    except LabError as error:
        error.code = Exit.CHECK_ERROR
        raise


def _state(lab: Lab, box: Box, observed: iproute.Observed, groups: list[Seen]) -> State:
    rows = observed.links
    found = [(links.adapter(rows, interface), interface.network) for interface in box.interfaces]
    joined = {str(each["address"]) for row in groups for each in row.get("maddr", ()) if each.get("family") == "inet"}
    return State(
        box=box.name,
        adapters={str(row["ifname"]): network for row, network in found if row},
        devices={str(row["ifname"]): row for row in rows if "ifname" in row},
        groups=frozenset(joined),
        fdb=tuple(observed.fdb),
        default_ttl=_sysctl(observed, _DEFAULT_TTL),
        forwards=_sysctl(observed, _FORWARD) == "1",
    )


def _sysctl(observed: iproute.Observed, key: str) -> str:
    return (observed.sysctls.get(key.replace(".", "/")) or "").strip()
