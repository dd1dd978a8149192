"""Why a frame went where it went, and why it came no further: sentences from what was captured and what the boxes are.

Nothing here is taken from the lab file, which a broken lab does not keep to.
"""

from __future__ import annotations

from orchestrator.model import ZERO_MAC
from orchestrator.trace.decode import Decoded
from orchestrator.trace.ground import BROADCAST, Ground, is_group, is_multicast
from orchestrator.trace.model import Inner, Outer
from orchestrator.trace.observed import State, Tunnel, adapter


def sent(ground: Ground, sender: str, inner: Inner, outer: Outer, flooded: bool) -> str:
    """Why a VXLAN packet was sent as it was."""
    tunnel = ground.states[sender].tunnel(ground.device)
    parts = [_flooded(ground, sender, inner, outer) if flooded else _unicast(ground, sender, inner, outer)]
    parts.append(_ttl(ground.states[sender], tunnel, outer))
    state = ground.states[sender]
    if not any(outer.source in state.addresses(name) for name in state.adapters):
        parts.append(f"Its outer source address is {outer.source}, which no underlay adapter of {sender} has.")
    return " ".join(filter(None, parts))


def _flooded(ground: Ground, sender: str, inner: Inner, outer: Outer) -> str:
    if inner.target_mac == BROADCAST:
        because = "The frame is a broadcast, which every member of the segment must get"
    elif is_group(inner.target_mac):
        because = "The frame is a multicast, which is flooded like a broadcast"
    else:
        because = f"{sender}'s FDB has no entry for {inner.target_mac}, so the frame is flooded like a broadcast"
        tunnel = ground.states[sender].tunnel(ground.device)
        if tunnel and not tunnel.learning:
            because += f" ({ground.device} there does not learn)"
    targets = ground.states[sender].defaults(ground.device)
    if is_multicast(outer.target):
        where = f"the group {outer.target}, in one packet to Ethernet's {outer.target_mac} (RFC 1112, section 6.4)"
    elif len(targets) > 1:
        where = f"{len(targets)} remotes, with a copy for each; this one is for {ground.named(outer.target)}"
    else:
        where = f"one remote, {ground.named(outer.target)}"
    return f"{because} (RFC 7348, section 4.2): {sender}'s all-zero FDB entry names {where}."


def _unicast(ground: Ground, sender: str, inner: Inner, outer: Outer) -> str:
    known = ground.known.get((sender, inner.target_mac))
    fact = f"{inner.target_mac} is behind {ground.named(outer.target)}"
    if known is None or known.target != outer.target:
        return f"{sender}'s FDB says that {fact}: the packet goes there alone (RFC 7348, section 4.1)."
    if known.frame:
        return f"Frame {known.frame} taught {sender} that {fact}: the packet goes there alone (RFC 7348, section 4.1)."
    return f"{sender}'s FDB said already that {fact}: the packet goes there alone (RFC 7348, section 4.1)."


def _ttl(state: State, tunnel: Tunnel | None, outer: Outer) -> str:
    """The outer TTL is the VTEP's own choice; the inner packet's plays no part unless the device is told so."""
    if tunnel is None:
        return ""
    if tunnel.ttl and tunnel.ttl == outer.ttl:
        return f"The outer TTL is {outer.ttl}, as set on {tunnel.name}."
    if not tunnel.ttl and is_multicast(outer.target) and outer.ttl == 1:
        return f"No TTL is set on {tunnel.name}, so that it is 1: a multicast router would let it through no further."
    if not tunnel.ttl and str(outer.ttl) == state.default_ttl:
        return f"No TTL is set on {tunnel.name}, so that it is the kernel's default, {outer.ttl}."
    return ""


def stuck(ground: Ground, sender: str, inner: Inner, at: str, unresolved: str) -> str:
    """Why a frame that was seen at a device `at` never came out of its sender's underlay adapter.

    unresolved: an underlay address whose MAC the sender asked for in vain.
    """
    state = ground.states[sender]
    seen = f"{sender} sent it on {at}, and it never left an underlay adapter"
    if at != ground.device:
        return f"{seen}: {at} did not hand it on to {ground.device}, {_condition(state, ground.device)}."
    known = ground.known.get((sender, inner.target_mac))
    targets = [known.target] if known else state.defaults(at)
    if not targets:
        what = "no all-zero FDB entry" if is_group(inner.target_mac) else f"no FDB entry for {inner.target_mac}"
        return f"{seen}: {at} has {what} that says where to send it."
    down = [name for name in state.adapters if not state.up(name)]
    if down:
        return f"{seen}: {', '.join(down)} is down."
    if unresolved:
        return f"{seen}: nobody told {sender} the MAC of {ground.named(unresolved)}, where the packet had to go."
    if not any(state.addresses(name) for name in state.adapters):
        return f"{seen}: no underlay adapter there has an IPv4 address to send from."
    return (
        f"{seen}. It was to go to {ground.named(targets[0])}, and {at} is as it must be for that: {sender}'s own stack "
        f"dropped it, as a firewall rule or a missing route does (nft list ruleset; ip route get {targets[0]})."
    )


def silent(ground: Ground, box: str) -> str:
    """Why a box that was to ping sent nothing into the overlay."""
    state = ground.states[box]
    for device in dict.fromkeys((ground.device, ground.bearer)):
        if not state.up(device):
            return f"{box} sent nothing into the overlay over {device}, {_condition(state, device)}."
    if not state.addresses(ground.bearer):
        return f"{box} sent nothing into the overlay: {ground.bearer} there has no IPv4 address."
    return f"{box} sent nothing into the overlay: its routes lead elsewhere, or a firewall rule took it (ip route)."


def _condition(state: State, device: str) -> str:
    if device not in state.devices:
        return "which is not there"
    return "which is up" if state.up(device) else "which is down"


def dropped(ground: Ground, box: str, inner: Inner, outer: Outer) -> str:
    """Why a VXLAN packet that came to a box's underlay adapter did not come out of its tunnel device."""
    state, device = ground.states[box], ground.device
    tunnels = list(state.tunnels())
    here = [tunnel for tunnel in tunnels if tunnel.port == outer.port and tunnel.up]
    mine = next((tunnel for tunnel in here if tunnel.vni == outer.vni), None)
    if not is_multicast(outer.target) and outer.target not in state.addresses():
        return f"{box} does not have the address {outer.target}: its IP stack throws the packet away."
    if not here:
        return _unheard(state, tunnels, outer)
    if is_multicast(outer.target) and outer.target not in state.groups:
        return f"{box} is no member of the group {outer.target}: its IP stack throws the packet away."
    external = next((tunnel for tunnel in here if tunnel.external and tunnel.name != device), None)
    if external and (mine is None or mine.name != device):
        return f"{external.name}, which takes every VNI of UDP port {outer.port}, got it instead of {device}."
    if mine is None:
        there = ", ".join(f"{tunnel.name} has VNI {tunnel.vni}" for tunnel in here)
        return f"No device in {box} has VNI {outer.vni} ({there}): such packets are dropped (RFC 7348, section 4)."
    return _fitting(state, mine, inner, outer, external)


def _unheard(state: State, tunnels: list[Tunnel], outer: Outer) -> str:
    if not tunnels:
        return f"{state.box} has no vxlan device, so that nothing listens on UDP port {outer.port}."
    asleep = next((tunnel.name for tunnel in tunnels if tunnel.port == outer.port), "")
    if asleep:
        return f"{asleep} is down in {state.box}: only while it is up does it listen, and is it a member of its group."
    there = ", ".join(f"{tunnel.name} has port {tunnel.port}" for tunnel in tunnels)
    return f"No vxlan device in {state.box} listens on UDP port {outer.port} ({there})."


def _fitting(state: State, tunnel: Tunnel, inner: Inner, outer: Outer, external: Tunnel | None) -> str:
    """Why a device whose VNI and port are right did not take a packet."""
    if inner.source_mac == tunnel.mac:
        return f"The inner source MAC is {tunnel.name}'s own: the kernel takes the frame for one that came back."
    fixed = [e.target for e in state.entries(tunnel.name) if e.mac == inner.source_mac and e.state == "permanent"]
    if fixed and outer.source not in fixed:
        return (f"A static FDB entry in {state.box} says that {inner.source_mac} is behind {fixed[0]}: the kernel "
                f"drops its frames when they come from {outer.source}.")  # fmt: skip
    if external:
        return f"{external.name}, which takes every VNI of UDP port {outer.port}, got it instead of {tunnel.name}."
    return (f"{tunnel.name} in {state.box} has the right port and VNI, and yet it did not get it: something before it, "
            f"most likely a firewall rule, took it (nft list ruleset).")  # fmt: skip


def not_routed(ground: Ground, box: str, outer: Outer) -> str:
    """Why a packet that came to a box, and is for another, went no further."""
    if not ground.states[box].forwards:
        return f"{box} is not {ground.named(outer.target)}, and it does not forward (net.ipv4.ip_forward is 0)."
    return (
        f"{box} was to forward it to {ground.named(outer.target)} and did not: it has no route there, nobody told it "
        f"the next hop's MAC, or a firewall rule took it (ip route get {outer.target}; nft list ruleset)."
    )


def lost(ground: Ground, box: str, outer: Outer, network: str) -> str:
    """Why a packet that left its sender did not even come to a box's underlay adapter."""
    state = ground.states[box]
    if not is_multicast(outer.target) and outer.target not in state.addresses():
        return f"It went to {ground.named(outer.target)}, which is not {box}."
    name = adapter(state, network) or next(iter(state.adapters), "")
    if not name:
        return f"{box} has no adapter on the underlay."
    if not state.up(name):
        return f"{name} is down in {box}."
    return f"{box}'s {name} never saw it: it was lost on the network, or on a router, on its way there."


def learning(ground: Ground, box: str, inner: Inner, outer: Outer) -> str:
    """What a VTEP learns from a frame that it got."""
    tunnel = ground.states[box].tunnel(ground.device)
    if tunnel is None or is_group(inner.source_mac) or inner.source_mac == ZERO_MAC:
        return ""
    if not tunnel.learning:
        return f"Learning is off in {box}: its FDB stays as it is."
    known = ground.known.get((box, inner.source_mac))
    if known and known.target == outer.source:
        return ""
    return f"{box} learns: {inner.source_mac} is behind {outer.source} (RFC 7348, section 4.1)."


def underlay(ground: Ground, sender: str, decoded: Decoded) -> str:
    """What a frame of the underlay's own has to do with the overlay."""
    if decoded.inner.protocol == "ARP" and decoded.asks:
        return (f"Before {sender} can send a packet to {ground.named(decoded.asks)}, or through it, its own stack "
                f"needs the MAC of the next hop on the underlay.")  # fmt: skip
    if decoded.inner.protocol == "ARP":
        return f"{sender} answers on the underlay: this has nothing to do with the overlay's MACs."
    if decoded.inner.protocol == "IGMP":
        return f"{sender} tells the underlay which groups it wants to get (RFC 3376)."
    return (f"{sender} could not do what a VXLAN packet asked for, and says so to its sender; VXLAN does not hear "
            f"it.")  # fmt: skip
