"""The checks of an overlay's device in one box, its socket and where it sends flooded frames."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.model import ZERO_MAC, Lab, Overlay, Vtep
from orchestrator.verify.links import Seen
from orchestrator.verify.outcome import Outcome, equal, words
from orchestrator.verify.results import Evidence
from orchestrator.verify.state import State
from orchestrator.verify.underlay import flags_up, has_address


class Device(NamedTuple):
    """What these checks are about: an overlay's end in a box."""

    lab: Lab
    state: State
    overlay: Overlay
    vtep: Vtep

    def look(self) -> tuple[Seen, Seen, Evidence]:
        """The device, its VXLAN settings ({} where it is of another kind), and the evidence."""
        link, evidence = self.state.link(self.vtep.box, self.overlay.name)
        return link, link.get("linkinfo", {}).get("info_data", {}), evidence

    def adapter(self) -> str:
        """What the box calls the underlay adapter."""
        interface = self.lab.box(self.vtep.box).interface(self.vtep.device)
        return str(self.state.adapter(self.vtep.box, interface)[0]["ifname"])

    @property
    def destination(self) -> str | None:
        """Where the device itself sends flooded frames, if it does."""
        there = self.overlay.group or self.vtep.remote
        return str(there) if there else None

    @property
    def flooded(self) -> str:
        """The same for people."""
        if self.overlay.group:
            return f"group is {self.overlay.group}"
        return f"remote is {self.vtep.remote}" if self.vtep.remote else "no group and no remote"


def kind(on: Device) -> Outcome:
    """A device of the right name may be anything, left by another exercise."""
    link, _, evidence = on.look()
    return equal(on.overlay.kind, link.get("linkinfo", {}).get("info_kind"), evidence)


def vni(on: Device) -> Outcome:
    """A VTEP drops packets of other VNIs without a word (RFC 7348, section 4)."""
    _, data, evidence = on.look()
    return equal(on.overlay.vni, data.get("id"), evidence)


def port(on: Device) -> Outcome:
    """Without dstport Linux takes 8472, not IANA's 4789 (RFC 7348, section 5; ip-link(8)): then nobody hears."""
    _, data, evidence = on.look()
    return equal(on.overlay.port, data.get("port"), evidence)


def destination(on: Device) -> Outcome:
    """`group` and `remote` are one setting of the kernel's; iproute2 names it by the address."""
    _, data, evidence = on.look()
    return equal(on.destination, data.get("group") or data.get("remote"), evidence)


def ttl(on: Device) -> Outcome:
    """With a group and no ttl the outer TTL is 1: a multicast router lets nothing through."""
    _, data, evidence = on.look()
    return equal(on.overlay.ttl or 0, data.get("ttl") or 0, evidence)


def underlay(on: Device) -> Outcome:
    """Without `dev` the device's MTU is 1500, and large frames fragment or vanish."""
    _, data, evidence = on.look()
    return equal(on.adapter(), data.get("link"), evidence)


def mtu(on: Device) -> Outcome:
    """A frame and VXLAN's 50 bytes must fit the underlay: a VTEP must not fragment (RFC 7348, section 4.3)."""
    link, _, evidence = on.look()
    return equal(on.overlay.mtu, link["mtu"], evidence)


def up(on: Device) -> Outcome:
    """The socket exists only while the device is up."""
    link, _, evidence = on.look()
    return flags_up(link["flags"], evidence)


def mac(on: Device) -> Outcome:
    """MACs are fixed: those that systemd derives are the same in cloned boxes."""
    link, _, evidence = on.look()
    return equal(on.vtep.mac, link["address"], evidence)


def unique(on: Device) -> Outcome:
    """With one MAC on two devices that pair fails, while a third box still works."""
    link, _, evidence = on.look()
    boxes = on.state.macs(on.overlay).get(link["address"], [])
    others = [box for box in boxes if box != on.vtep.box]
    nobody = "no other box has its MAC"
    return Outcome(not others, nobody, f"{words(others)}: {link['address']} too" if others else nobody, (evidence,))


def learning(on: Device) -> Outcome:
    """Without learning every frame is flooded, unless something else fills the FDB."""
    _, data, evidence = on.look()
    return equal(on.overlay.learning, data.get("learning"), evidence)


def address(on: Device) -> Outcome:
    """The overlay address is what the boxes call each other by; a bridge bears it where there is one."""
    link, evidence = on.state.link(on.vtep.box, on.overlay.bearer)
    return has_address(str(on.vtep.address), link, evidence)


def master(on: Device) -> Outcome:
    """Only a bridge's port hands its frames to the bridge."""
    link, _, evidence = on.look()
    return equal(on.overlay.bridge, link.get("master"), evidence)


def bearer_up(on: Device) -> Outcome:
    """A bridge that is down answers nobody."""
    link, evidence = on.state.link(on.vtep.box, on.overlay.bearer)
    return flags_up(link["flags"], evidence)


def socket(on: Device) -> Outcome:
    """The kernel receives VXLAN on a UDP socket that belongs to no process; ss(8) shows a process with `users:`."""
    record = on.state.survey.record(on.vtep.box, "sockets")
    wanted = f"0.0.0.0:{on.overlay.port}"
    lines = [line for line in record.output.splitlines() if wanted in line.split()]
    kernels = [line for line in lines if "users:" not in line]
    saw = "; ".join(" ".join(line.split()) for line in lines) or f"nothing on {wanted}"
    return Outcome(bool(kernels), f"UDP socket on {wanted}, the kernel's", saw, (record.evidence,))


def exclusive(on: Device) -> Outcome:
    """Whoever is bound to the port first keeps the device from coming up: bind(2), EADDRINUSE.

    Devices share a socket, but not with one that is `external` (ip-link(8)): that one gets every VNI.
    """
    record = on.state.survey.record(on.vtep.box, "sockets")
    port = str(on.overlay.port)
    holders = [
        " ".join(line.split()) for line in record.output.splitlines()
        if "users:" in line and any(word.endswith(f":{port}") for word in line.split()[3:4])
    ]  # fmt: skip
    for row in on.state.rows(on.vtep.box, "links")[0]:
        data = row.get("linkinfo", {}).get("info_data", {})
        if row.get("ifname") != on.overlay.name and data.get("external") and data.get("port") == on.overlay.port:
            holders += [f"the external vxlan device {row['ifname']}"] * ("UP" in row.get("flags", ()))
    nobody = f"nobody else on UDP {port}"
    return Outcome(not holders, nobody, words(holders) if holders else nobody, (record.evidence,))


def joined(on: Device) -> Outcome:
    """Flooded frames go to the group: the adapter must have joined it (RFC 7348, section 4.2; `ip maddr`)."""
    group, device = str(on.overlay.group), on.adapter()
    groups, evidence = on.state.groups(on.vtep.box, device)
    return Outcome(group in groups, f"{device} in {group}", f"{device} in {words(groups)}", (evidence,))


def default(on: Device) -> Outcome:
    """Frames for unknown destinations go where the all-zero FDB entries point (bridge(8)), and nowhere else."""
    rows, evidence = on.state.fdb(on.vtep.box, on.overlay)
    wanted = {str(address) for address in on.vtep.flood}
    if on.destination:
        wanted.add(f"{on.destination} via {on.adapter()}")
    found = {
        f"{row.get('dst')} via {row['viaIf']}" if row.get("dst") == on.destination and "viaIf" in row
        else str(row.get("dst"))
        for row in rows if row.get("mac") == ZERO_MAC
    }  # fmt: skip
    return equal(wanted, found, evidence)


def static(on: Device) -> Outcome:
    """A fixed entry does not age, and outweighs what is learned (bridge(8)): a stale one sends frames astray."""
    rows, evidence = on.state.fdb(on.vtep.box, on.overlay)
    found = {
        f"{row.get('mac')} at {row['dst']}" for row in rows
        if "dst" in row and row.get("state") in ("permanent", "static") and row.get("mac") != ZERO_MAC
    }  # fmt: skip
    return equal(set(), found, evidence)
