"""What a picture says about a lab, and how wide that is: shared by the terminal's tree and the SVG."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.model import Box, Overlay, Vtep


def clean(text: str) -> str:
    """`text` without anything that a terminal or an XML reader would take for more than a letter."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def few(items: Iterable[object], most: int) -> str:
    """The items with commas; beyond `most` of them the rest is a count."""
    every = [str(item) for item in items]
    if len(every) <= most:
        return ", ".join(every)
    return f"{', '.join(every[:most])} and {len(every) - most} more"


def subnets(overlay: Overlay) -> list[str]:
    """The IP networks on the overlay, in the order of its members."""
    return list(dict.fromkeys(str(vtep.address.network) for vtep in overlay.vteps))


def flooding(overlay: Overlay) -> str:
    """Where the overlay's flooded frames go."""
    if overlay.group:
        return f"group {overlay.group}"
    if any(vtep.flood for vtep in overlay.vteps):
        return "head-end replication"
    return "point-to-point" if any(vtep.remote for vtep in overlay.vteps) else "no flooding"


def ttl(overlay: Overlay) -> str:
    """The outer TTL; without one of its own a group gets 1 and unicast the host's 64 (ip-link(8), ip(7))."""
    if overlay.ttl:
        return f"TTL {overlay.ttl}"
    return "TTL 1 (default)" if overlay.group else "TTL 64 (default)"


def settings(overlay: Overlay) -> list[str]:
    """What all members of an overlay have in common, most telling first."""
    words = [f"VNI {overlay.vni}", f"UDP {overlay.port}", flooding(overlay), ttl(overlay), f"MTU {overlay.mtu}"]
    if overlay.kind != "vxlan":
        words.insert(0, overlay.kind)
    if not overlay.learning:
        words.append("no learning")
    return words


def peers(vtep: Vtep, most: int) -> str:
    """The peers that one member knows by itself, or nothing where the group takes the flooded frames."""
    if vtep.remote:
        return f"remote {vtep.remote}"
    return f"floods to {few(vtep.flood, most)}" if vtep.flood else ""


def towards(vtep: Vtep) -> str:
    """`peers`, short enough for a box in a picture."""
    return peers(vtep, 1) if len(vtep.flood) < 2 else f"floods to {len(vtep.flood)} peers"


def device(overlay: Overlay) -> str:
    """The tunnel device, and the bridge that it is a port of."""
    return f"{overlay.name} in {overlay.bridge}" if overlay.bridge else overlay.name


def notes(box: Box) -> list[str]:
    """What makes a box more than a host on one network."""
    words = ["forwards IPv4"] if box.forwarding else []
    return words + [f"{route.to} via {route.via}" for route in box.routes]
