"""What each command is for, in a sentence. The reconciler says what is missing; a learner asks what it is good for."""

from __future__ import annotations

from orchestrator.explain.reasons import Place, role
from orchestrator.model import Box, Lab

SETTINGS = {
    "net.ipv4.ip_forward=1": "Make the box a router.",
    "net.ipv4.igmp_link_local_mcast_reports=0": "Let bridges keep quiet about link-local groups.",
    "net.ipv6.conf.all.disable_ipv6=1": "Switch IPv6 off.",
    "net.ipv6.conf.default.disable_ipv6=1": "Switch IPv6 off for devices to come.",
}


def purpose(lab: Lab, box: Box, argv: tuple[str, ...]) -> str:
    """The sentence for a command. Raises LookupError for a command that has none."""
    here = Place(lab, box, argv)
    match argv:
        case ("sysctl", "-w", setting):
            return SETTINGS[setting]
        case ("ip", "link", "add", *_):
            return f"Create {role(here)}."
        case ("ip", "link", "set", "dev", "lo", "up"):
            return "Switch the loopback on: the box reaches its own addresses over it."
        case ("ip", "link", "set", "dev", _, word, *values):
            return _change(here, word, values)
        case ("ip", "addr", "add", *_):
            return f"Give {here.device} its address on the {'overlay' if here.overlay else 'underlay'}."
        case ("ip", "route", "replace", subnet, *_):
            return f"Tell the box the way to {subnet}."
        case ("bridge", "fdb", "append", _, "dev", _, "dst", peer):
            return f"Let {peer} have a copy of every flooded frame."
    raise LookupError(f"no sentence for {argv}")


def _change(here: Place, word: str, values: list[str]) -> str:
    sentences = {
        "alias": f"Mark {here.device} as made by labctl.",
        "mtu": f"Let {here.device} carry packets of {' '.join(values)} bytes.",
        "master": f"Plug {here.device} into {' '.join(values)}.",
        "up": f"Switch {here.device} on.",
    }
    return sentences[word]
