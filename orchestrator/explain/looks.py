"""What to look at in a box after it was configured, and what a correct lab shows there."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.explain.reasons import multicast_mac
from orchestrator.model import ZERO_MAC, Lab, Overlay, Vtep

PING_HEADERS = 28
"""The IPv4 header (20) and the ICMP echo header (8) that `ping -s` does not count."""


def looks(lab: Lab, overlay: Overlay, vtep: Vtep) -> Iterator[tuple[str, str]]:
    """Commands, each with what one member of the overlay shows, in the order that tells the story."""
    yield _device(overlay, vtep)
    if overlay.bridge:
        yield (
            f"bridge link show dev {overlay.name}",
            f"{overlay.name} is a port of {overlay.bridge}, in state forwarding.",
        )
    yield (
        "ss -lun",
        f"UNCONN on 0.0.0.0:{overlay.port}. No process owns this socket: the kernel opened it when the device came up. "
        "Other VXLAN devices on the same port share it.",
    )
    if overlay.group:
        yield _membership(overlay, vtep)
    yield _table(overlay, vtep)
    yield from _traffic(lab, overlay, vtep)


def _device(overlay: Overlay, vtep: Vtep) -> tuple[str, str]:
    flags = "UP and LOWER_UP between the angle brackets"
    return (
        f"ip -d link show {overlay.name}",
        f"{flags}, mtu {overlay.mtu}, vxlan id {overlay.vni}, dev {vtep.device}, dstport {overlay.port}. "
        "The state reads UNKNOWN, on a VXLAN device always: there is no cable that it could report on.",
    )


def _membership(overlay: Overlay, vtep: Vtep) -> tuple[str, str]:
    assert overlay.group is not None
    return (
        f"ip maddr show {vtep.device}",
        f"inet {overlay.group}, the group, and link {multicast_mac(overlay.group)}, the Ethernet address that stands "
        "for it: the group's low 23 bits after 01:00:5e.",
    )


def _table(overlay: Overlay, vtep: Vtep) -> tuple[str, str]:
    targets = [overlay.group] if overlay.group else [vtep.remote] if vtep.remote else list(vtep.flood)
    shown = "; ".join(f"{ZERO_MAC} dst {target} … self permanent" for target in targets[:3])
    more = f"; and {len(targets) - 3} more such lines" if len(targets) > 3 else ""
    meaning = "where frames go whose destination is not known" if targets else "no entry yet"
    return f"bridge fdb show dev {overlay.name}", f"{shown}{more}{': ' if shown else ''}{meaning}."


def _traffic(lab: Lab, overlay: Overlay, vtep: Vtep) -> Iterator[tuple[str, str]]:
    peer = next((other for other in overlay.vteps if other.box != vtep.box), None)
    if peer is None:
        return
    yield _watch(lab, overlay, vtep, peer)
    yield f"ping -c 1 {peer.address.ip}", f"{peer.box} answers: an ordinary ping, which knows nothing of the tunnel."
    if overlay.learning:
        yield (
            f"bridge fdb show dev {overlay.name}",
            f"A new line, {peer.mac} dst {peer.underlay} self: the device has learned where {peer.box} is. It forgets "
            "after 300 s without traffic.",
        )
    most = overlay.mtu - PING_HEADERS
    yield (
        f"ping -c 1 -M do -s {most} {peer.address.ip}",
        f"Passes: {most} + 8 (ICMP) + 20 (IPv4) = {overlay.mtu}, the overlay's MTU. With -s {most + 1} it fails, for "
        "-M do forbids fragments.",
    )


def _watch(lab: Lab, overlay: Overlay, vtep: Vtep, peer: Vtep) -> tuple[str, str]:
    command = f"labctl capture {lab.name} {vtep.box} -i {vtep.device}"
    ttl = overlay.ttl or (1 if overlay.group else 64)
    if overlay.group:
        see = (
            f"On the host, begun before the first ping: the ARP request leaves as VXLAN to {overlay.group} "
            f"({multicast_mac(overlay.group)}), TTL {ttl}, and every member gets it; the answer and the ping "
            f"travel as unicast between {vtep.underlay} and {peer.underlay}."
        )
    elif vtep.remote:
        see = (
            f"On the host, begun before the first ping: all frames, ARP requests too, travel as unicast between "
            f"{vtep.underlay} and {peer.underlay}, TTL {ttl}. Outside are the adapters' MAC addresses, inside those of "
            f"{overlay.bearer}."
        )
    else:
        see = (
            f"On the host, begun before the first ping: the ARP request leaves once for each of the {len(vtep.flood)} "
            f"peers, each copy as unicast with TTL {ttl}."
        )
    return command, see
