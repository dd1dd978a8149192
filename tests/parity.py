"""What two boxes have to have in common that are to be the same: the kernel's state, without what differs by accident.

It asks through any way into a box, so that it serves every provider: `labctl exec` will do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from orchestrator import iproute
from orchestrator.model import Box, Lab
from orchestrator.plan import desired, sysctls

Ask = Callable[[str, Sequence[str]], str]
"""Runs a command in a box, and returns what it printed."""

State = dict[str, Any]

VXLAN = (
    "id", "port", "group", "remote", "link", "ttl", "tos", "df", "learning", "ageing", "udp_csum", "port_range",
    *iproute.FOREIGN,
)  # fmt: skip
"""What of a vxlan device's info_data says how it works; newer kernels print more."""

FLAGS = ("UP", "LOWER_UP", "BROADCAST", "MULTICAST", "NOARP", "PROMISC", "ALLMULTI")
LINK_LOCAL = IPv4Network("224.0.0.0/24")
"""Groups that a host's own programs join (RFC 5771, section 4), and no overlay."""


def state(lab: Lab, ask: Ask) -> dict[str, State]:
    """The projection of every box of a running lab."""
    found = {}
    for box in lab.boxes:
        observed = iproute.parse(ask(box.name, iproute.observe(sysctls(lab, box))))
        groups = json.loads(ask(box.name, ["ip", "-j", "maddr", "show"]) or "[]")
        found[box.name] = projection(lab, box, observed, groups)
    return found


def projection(lab: Lab, box: Box, observed: iproute.Observed, groups: Sequence[iproute.Entry]) -> State:
    """What of a box's state its lab is about. Adapters are found by their MAC and called as in the lab.

    groups: what `ip -j maddr show` printed.
    """
    wanted = desired(lab, box)
    macs = {link["mac"].lower(): link["name"] for link in wanted["links"] if link["kind"] == "adapter"}
    name: dict[str, str] = {}
    for entry in observed.links:
        made = (entry.get("linkinfo") or {}).get("info_kind") in iproute.MADE
        shown = str(entry["ifname"])
        name[shown] = shown if made else macs.get(entry.get("address", ""), shown)
    ours = {link["name"] for link in wanted["links"]}
    links = {name[entry["ifname"]]: entry for entry in observed.links if name[entry["ifname"]] in ours}
    joined = {name.get(entry["ifname"], ""): entry.get("maddr", []) for entry in groups if "ifname" in entry}
    routes = {"default" if subnet == "0.0.0.0/0" else subnet for subnet in wanted["routes"]}
    return {
        "links": {key: _link(entry, name) for key, entry in sorted(links.items())},
        "groups": {key: _groups(joined.get(key, [])) for key in sorted(links)},
        "fdb": sorted(_entry(entry, name) for entry in observed.fdb if entry.get("ifname") in links and _fixed(entry)),
        "routes": sorted(
            (route["dst"], route.get("gateway", ""), name.get(route.get("dev", ""), ""))
            for route in observed.routes
            if route["dst"] in routes or name.get(route.get("dev", "")) in ours
        ),
        "sysctls": {key: value for key, value in observed.sysctls.items() if value is not None},
    }


def _link(entry: iproute.Entry, name: dict[str, str]) -> State:
    info = entry.get("linkinfo") or {}
    kind = info.get("info_kind", "")
    data = info.get("info_data") or {}
    vxlan = {key: data[key] for key in VXLAN if key in data} if kind == "vxlan" else {}
    if "link" in vxlan:
        vxlan["link"] = name.get(vxlan["link"], vxlan["link"])
    return {
        "kind": kind if kind in iproute.MADE else "adapter",
        "mac": entry.get("address"),
        "mtu": entry.get("mtu"),
        "flags": sorted(set(entry.get("flags", ())) & set(FLAGS)),
        "master": entry.get("master"),
        "alias": entry.get("ifalias"),
        "addresses": [
            (info["local"], info["prefixlen"], info.get("scope"), bool(info.get("secondary")))
            for info in entry.get("addr_info", ())
            if info.get("family") == "inet"
        ],
        "vxlan": vxlan,
    }


def _groups(members: Sequence[iproute.Entry]) -> list[str]:
    addresses = [entry["address"] for entry in members if entry.get("family") == "inet"]
    return sorted(address for address in addresses if IPv4Address(address) not in LINK_LOCAL)


def _fixed(entry: iproute.Entry) -> bool:
    return "dst" in entry and entry.get("state") == "permanent"


def _entry(entry: iproute.Entry, name: dict[str, str]) -> tuple[str, str, str, str]:
    via = str(entry.get("viaIf", ""))
    return entry["ifname"], entry.get("mac", ""), entry["dst"], name.get(via, via)
