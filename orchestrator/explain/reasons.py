"""Why each word of a command is there: one sentence for every argument that the reconciler can write.

The grammar is that of ip-link(8), ip-address(8), ip-route(8), bridge(8) and sysctl(8): a verb, positional words, then
keywords with a fixed number of values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

from orchestrator.model import VXLAN_OVERHEAD, ZERO_MAC, Box, Lab, Overlay

Why = Callable[["Place", str], str]
"""From where the command stands and the argument's value to the sentence."""


class Place:
    """What a command is about: the box, and the device that it names."""

    def __init__(self, lab: Lab, box: Box, argv: tuple[str, ...]) -> None:
        self.lab, self.box, self.argv = lab, box, argv
        self.devices = {overlay.name: overlay for overlay, _ in lab.vteps(box.name)}
        self.bridges = {overlay.bridge: overlay for overlay, _ in lab.vteps(box.name) if overlay.bridge}
        adapters = {"lo", *(interface.name for interface in box.interfaces)}
        known = [word for word in argv if word in self.devices or word in self.bridges or word in adapters]
        self.device = known[0] if known else ""

    @property
    def overlay(self) -> Overlay | None:
        """The overlay that the command's device belongs to, if it is not an adapter."""
        return self.devices.get(self.device) or self.bridges.get(self.device)

    def carrier(self) -> tuple[str, int]:
        """The adapter under the overlay, and its MTU."""
        assert self.overlay is not None
        vtep = self.overlay.vtep(self.box.name)
        assert vtep is not None
        return vtep.device, self.box.interface(vtep.device).mtu


def multicast_mac(group: IPv4Address) -> str:
    """The Ethernet address of an IPv4 group: 01:00:5e and its low 23 bits (RFC 1112, section 6.4)."""
    low = (int(group) & 0x7FFFFF).to_bytes(3, "big")
    return "01:00:5e:" + low.hex(":")


def reasons(lab: Lab, box: Box, argv: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each argument of `argv` with its sentence, in order. Raises LookupError for a word without one."""
    here = Place(lab, box, argv)
    size = next((size for size in (3, 2, 1) if argv[:size] in VERBS), 0)
    if not size:
        raise LookupError(f"no sentence for the command {argv}")
    verb, rest = argv[:size], list(argv[size:])
    about, first, keywords = VERBS[verb]
    yield " ".join(verb), about
    while rest:
        word = rest.pop(0)
        if word in keywords:
            values = [rest.pop(0) for _ in range(keywords[word][0])]
            yield " ".join([word, *values]), _say(keywords[word][1], here, *values)
        elif first is not None:
            yield word, _say(first, here, word)
        else:
            raise LookupError(f"no sentence for {word} in {argv}")


def _say(why: str | Why, here: Place, value: str = "") -> str:
    return why if isinstance(why, str) else why(here, value)


def _named(here: Place, value: str) -> str:
    if value in here.bridges:
        return "The bridge's name; the commands that follow use it."
    return (
        "The device's name. Without it the kernel takes the next free one: on a box with a VXLAN device already that "
        "is not vxlan0, and the commands that follow would change the wrong device."
    )


def _carrier(here: Place, value: str) -> str:
    joined = " the group is joined on it," if here.overlay and here.overlay.group else ""
    return (
        f"The underlay adapter: the outer packets leave through {value},{joined} and the overlay's MTU is held against "
        "its MTU. Without it the kernel would take 1500, and large frames would be cut in two or lost."
    )


def _dev(here: Place, value: str) -> str:
    return f"The device that this is about: {role(here)}."


def role(here: Place) -> str:
    """The command's device and what it is in its box."""
    name, overlay = here.device, here.overlay
    if name == "lo":
        return "lo, the loopback"
    if overlay is None:
        return f"{name}, the adapter on the underlay"
    return f"{name}, the box's end of the tunnel" if name in here.devices else f"{name}, the bridge in the box"


def _mtu(here: Place, value: str) -> str:
    if here.overlay is None:
        return "The largest IP packet, in bytes, that the network behind this adapter carries; new adapters have 1500."
    if here.device in here.bridges:
        return "The bridge takes what its port, the tunnel device, can carry."
    name, under = here.carrier()
    room = under - VXLAN_OVERHEAD
    spare = "" if int(value) == room else f" This lab asks for less than the {room} that would fit."
    return (
        f"{name} carries {under} bytes; {under} - {VXLAN_OVERHEAD} = {room}. The {VXLAN_OVERHEAD} bytes are the inner "
        f"Ethernet header (14), VXLAN (8), UDP (8) and the outer IPv4 header (20).{spare}"
    )


def _mac(here: Place, value: str) -> str:
    if here.device in here.bridges:
        return "The MAC address of the box on the overlay: with a bridge, it is the bridge that has the IP address."
    return (
        "A MAC address of its own in every box. systemd would derive one from machine-id and device name: boxes "
        "cloned from one image then share it, and of two boxes with one address neither can reach the other."
    )


def _up(here: Place, value: str) -> str:
    if here.device not in here.devices:
        return "Switches the device on."
    overlay = here.devices[here.device]
    group = f" and joins {overlay.group}" if overlay.group else ""
    return f"Switches the device on: only now the kernel opens UDP port {overlay.port}{group}."


def _group(here: Place, value: str) -> str:
    name, _ = here.carrier()
    return (
        "The multicast group that gets every frame whose destination is not known yet, and every broadcast. When the "
        f"device comes up, the kernel joins it on {name}: it sends an IGMP report and listens to the Ethernet address "
        f"{multicast_mac(IPv4Address(value))}. Every box of this VNI must name the same group."
    )


def _ttl(here: Place, value: str) -> str:
    return (
        f"The outer packets may cross {int(value) - 1} routers. Without this word, packets to a group start with TTL 1 "
        "and stay on the link; unicast ones take the box's own default, 64."
    )


def _port(here: Place, value: str) -> str:
    iana = "The port that IANA gave to VXLAN" if value == "4789" else "This lab's own UDP port; IANA's is 4789"
    return f"{iana}. Linux is older than that number: without this word it uses 8472, and boxes that differ never meet."


def _static(here: Place, value: str) -> str:
    if value == ZERO_MAC:
        return (
            "The all-zero MAC is the key for every frame whose destination is unknown, and broadcasts. Each line with "
            "this key is one more copy: that is head-end replication."
        )
    return "The MAC address that the entry is about."


def _setting(here: Place, value: str) -> str:
    return SETTINGS[value]


SETTINGS = {
    "net.ipv4.ip_forward=1": "This box is a router: it passes IPv4 packets on from one adapter to another.",
    "net.ipv4.igmp_link_local_mcast_reports=0": "A bridge would report that it is in 224.0.0.106, and fill the FDB so.",
    "net.ipv6.conf.all.disable_ipv6=1": "No IPv6: its neighbour discovery would fill the FDB before the first ping.",
    "net.ipv6.conf.default.disable_ipv6=1": "No IPv6 either on devices that are yet to be created.",
}
"""The settings that differ from what the kernel starts with (`explain.KERNEL`)."""

ALIAS = "labctl's mark: a device without it is somebody else's, and labctl leaves it alone."
REMOTE = (
    "The one peer: its underlay address. Every frame that is broadcast, or has an unknown destination, goes there as "
    "unicast, so no multicast is needed; with more than two boxes a single peer is not enough."
)
VNI = (
    "The VNI: the overlay's number, 24 bits in each VXLAN header (RFC 7348, section 5), so over 16 million overlays "
    "where VLAN has 4096. A frame is delivered only to a device of the same number."
)
NOLEARNING = "The device learns nothing from what it receives; its FDB has only what is written there."
MASTER = "Makes the device a port of this bridge, so that what is bridged in the box and the overlay are one segment."

ADDRESS = "The address with its prefix length; the route to that network comes with it."
TO = "The network that the route leads to: not one of this box's own."
VIA = "The router, by its address on a network of this box, that takes the packets on."
DST = "The underlay address of a peer, which gets the copy. A learned entry has the same form."
APPEND = "Adds an entry to the device's forwarding table (FDB), beside others of the same key; it stays until deleted."

Keywords = dict[str, tuple[int, str | Why]]

KINDS: dict[str, str] = {
    "vxlan": "The kind of device: Ethernet frames go into UDP packets here, and come out at the other end.",
    "bridge": "The kind of device: a learning Ethernet switch inside the box.",
}

ADD: Keywords = {
    "name": (1, _named),
    "address": (1, _mac),
    "mtu": (1, _mtu),
    "type": (1, lambda here, value: KINDS[value]),
    "id": (1, VNI),
    "dstport": (1, _port),
    "dev": (1, _carrier),
    "group": (1, _group),
    "remote": (1, REMOTE),
    "ttl": (1, _ttl),
    "nolearning": (0, NOLEARNING),
}

DEVICE: Keywords = {"dev": (1, _dev)}

SET: Keywords = DEVICE | {"alias": (1, ALIAS), "mtu": (1, _mtu), "master": (1, MASTER), "up": (0, _up)}

VERBS: dict[tuple[str, ...], tuple[str, str | Why | None, Keywords]] = {
    ("ip", "link", "add"): ("Creates a device.", None, ADD),
    ("ip", "link", "set"): ("Changes a device that exists.", None, SET),
    ("ip", "addr", "add"): ("Gives a device an IP address.", ADDRESS, DEVICE),
    ("ip", "route", "replace"): ("Adds a static route, or changes it.", TO, {"via": (1, VIA)}),
    ("bridge", "fdb", "append"): (APPEND, _static, DEVICE | {"dst": (1, DST)}),
    ("sysctl", "-w"): ("Writes a setting of the kernel, for this box alone.", _setting, {}),
}
