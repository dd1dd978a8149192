"""The checks of a box's adapters, on which its overlays rest."""

from __future__ import annotations

from typing import Any, NamedTuple

from orchestrator.model import Box, Interface
from orchestrator.verify.outcome import Outcome, equal, words
from orchestrator.verify.script import CannotRunError, Record
from orchestrator.verify.state import State
from orchestrator.verify.targets import Target


class Adapter(NamedTuple):
    """What these checks are about."""

    state: State
    box: Box
    interface: Interface


class Peer(NamedTuple):
    """An underlay address that must answer."""

    state: State
    box: Box
    target: Target


class Loopback(NamedTuple):
    """A box's lo."""

    state: State
    box: Box


def loopback(on: Loopback) -> Outcome:
    """Without lo a box cannot reach its own addresses: ip(8) gives a new namespace an lo that is down."""
    link, evidence = on.state.link(on.box.name, "lo")
    return flags_up(link["flags"], evidence)


def up(on: Adapter) -> Outcome:
    """A VXLAN socket and its group stay listed when the adapter is down: they prove nothing about it."""
    link, evidence = on.state.adapter(on.box.name, on.interface)
    return flags_up(link["flags"], evidence)


def address(on: Adapter) -> Outcome:
    """The overlay device stays up without its underlay's address, and sends nothing that arrives."""
    link, evidence = on.state.adapter(on.box.name, on.interface)
    return has_address(str(on.interface.address), link, evidence)


def mtu(on: Adapter) -> Outcome:
    """The overlay's MTU is the underlay's less VXLAN's 50 bytes (RFC 7348, section 5)."""
    link, evidence = on.state.adapter(on.box.name, on.interface)
    return equal(on.interface.mtu, link["mtu"], evidence)


def mac(on: Adapter) -> Outcome:
    """Two adapters with one MAC on a switch take each other's frames."""
    link, evidence = on.state.adapter(on.box.name, on.interface)
    return equal(on.interface.mac, link["address"], evidence)


def not_default(on: Adapter) -> Outcome:
    """The way out is never the underlay: on VirtualBox it is the same 10.0.2.15 in every box."""
    link, _ = on.state.adapter(on.box.name, on.interface)
    rows, record = on.state.rows(on.box.name, "default")
    devices = {str(row.get("dev")) for row in rows}
    name = link["ifname"]
    return Outcome(
        name not in devices, f"no default route via {name}", f"default route via {words(devices)}", (record.evidence,)
    )


def reachable(on: Peer) -> Outcome:
    """What the overlay sends travels in packets between these addresses."""
    record = on.state.survey.record(on.box.name, "underlay", str(on.target.address))
    return answered(record)


def flags_up(flags: list[str], *evidence: Any) -> Outcome:
    """UP and LOWER_UP; operstate says UNKNOWN of a vxlan device, whatever it does."""
    wanted = {"UP", "LOWER_UP"}
    return Outcome(wanted <= set(flags), "flags UP, LOWER_UP", f"flags {words(flags)}", evidence)


def has_address(wanted: str, link: dict[str, Any], *evidence: Any) -> Outcome:
    """The device bears this IPv4 address, and no other."""
    found = {f"{row['local']}/{row['prefixlen']}" for row in link["addr_info"] if row["family"] == "inet"}
    return equal({wanted}, found, *evidence)


_NOT_THE_LAB = ("not permitted", "permission denied", "invalid", "usage")
"""What ping says, with status 2, where it could not try at all; all else with status 2 is the network's state."""


def answered(record: Record) -> Outcome:
    """A ping that got an answer: ping(8), status 0; 1 is none, 2 anything else."""
    said = record.output.casefold()
    if record.returncode not in (0, 1, 2) or (record.returncode == 2 and any(text in said for text in _NOT_THE_LAB)):
        raise CannotRunError("ping could not try", (record.evidence,))
    summary = next((line for line in record.output.splitlines() if "transmitted" in line), record.output.strip())
    return Outcome(record.returncode == 0, "an answer", summary, (record.evidence,))
