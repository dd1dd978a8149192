"""The one reconciler: from what a box shall show and what it shows to the commands that make the difference.

Pure, and the standard library only: an Ansible module carries this file as it is into a box, where Python may be 3.9.
What the kernel can change in place is changed in place; each rule here was measured on a real kernel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Interface
from itertools import groupby
from typing import Any, NamedTuple, TypedDict

MARK = "labctl"
"""The alias (ip-link(8)) of every device that is made here: only what bears it is ever deleted."""

MADE = ("vxlan", "bridge")
AUTOMATIC = ("tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0")
"""Devices that the kernel makes by itself in every network namespace."""

FOREIGN = ("external", "gbp", "gpe", "proxy", "rsc", "l2miss", "l3miss", "local", "local6", "group6", "remote6")
"""What ip-link(8) can make a vxlan device with, changes what it sends, and is never wanted here."""

ZERO_MAC = "00:00:00:00:00:00"

Entry = dict[str, Any]
"""One object as ip(8) or bridge(8) prints it with -j. Any key may be missing."""


class Link(TypedDict, total=False):
    """A device. kind: adapter, bridge or vxlan; addresses: "a.b.c.d/len", the first of a subnet is its primary one.

    The rest is for vxlan. device: the underlay adapter's name; flood: head-end replication's peers; ttl None: the
    kernel's default; of group, remote and flood at most one is given.
    """

    kind: str
    name: str
    mac: str
    mtu: int
    addresses: list[str]
    master: str | None
    vni: int
    port: int
    device: str
    group: str | None
    remote: str | None
    flood: list[str]
    ttl: int | None
    learning: bool


class Desired(TypedDict):
    """All that a box shall show, as plain JSON. routes: subnet → via; sysctls: key → value."""

    links: list[Link]
    routes: dict[str, str]
    sysctls: dict[str, str]


class Command(NamedTuple):
    """A command for a box, and a sentence that says what it is good for."""

    argv: tuple[str, ...]
    why: str


class Observed(NamedTuple):
    """What a box shows. sysctls: by path below /proc/sys; None where the kernel has no such setting."""

    links: list[Entry]
    routes: list[Entry]
    fdb: list[Entry]
    sysctls: dict[str, str | None]


class Changes(NamedTuple):
    """commands: none if there is no difference, nor where there are conflicts. The rest are sentences.

    left_alone: what labctl did not make and does not touch; conflicts: what of it stands in the way.
    """

    commands: tuple[Command, ...]
    left_alone: tuple[str, ...]
    conflicts: tuple[str, ...]


_OBSERVE = """set -e
echo '"links"'; ip -j -d addr show
echo '"routes"'; ip -j route show
echo '"fdb"'; bridge -j fdb show
echo '"sysctls"'
cd /proc/sys
for path; do
    shift
    if [ -e "$path" ]; then set -- "$@" "$path"; else echo "$path"; fi
done
[ $# = 0 ] || grep -H '' -- "$@"
"""


def observe(sysctls: Iterable[str]) -> tuple[str, ...]:
    """The one program that prints what `parse` reads. It changes nothing, and fails where a part of it fails."""
    return ("sh", "-c", _OBSERVE, "sh", *map(_path, sysctls))


def parse(text: str) -> Observed:
    """What `observe` printed. Raises ValueError where a part is missing or is not JSON."""
    documents, heading, lines = text.partition('"sysctls"\n')
    sections: dict[str, list[Entry]] = {}
    section: list[Entry] = []
    documents, position = documents.strip(), 0
    while position < len(documents):
        document, position = json.JSONDecoder().raw_decode(documents, position)
        position += len(documents[position:]) - len(documents[position:].lstrip())
        if isinstance(document, str):
            section = sections.setdefault(document, [])
        else:  # an empty list may be printed as nothing, as [] or as [{}]
            section += filter(None, document)
    if not (heading and sections.get("links") and {"routes", "fdb"} <= sections.keys()):
        raise ValueError("the box's state was printed only in part")
    parts = (line.partition(":") for line in lines.splitlines())
    sysctls = {path: value if colon else None for path, colon, value in parts}
    return Observed(sections["links"], sections["routes"], sections["fdb"], sysctls)


def fresh(desired: Desired) -> Observed:
    """What a box shows whose adapters have just been made: down, MTU 1500, no address; its sysctls are already set."""
    links: list[Entry] = [{"ifname": "lo", "flags": ["LOOPBACK"]}]
    for link in desired["links"]:
        if link["kind"] == "adapter":
            links.append({"ifname": link["name"], "address": link["mac"].lower(), "mtu": 1500, "flags": []})
    return Observed(links, [], [], {_path(key): value for key, value in desired["sysctls"].items()})


def reconcile(desired: Desired, observed: Observed) -> Changes:
    """The commands that make a box with state `observed` show `desired`, in the order in which they must run."""
    links = sorted(desired["links"], key=lambda link: ("adapter", "bridge", "vxlan").index(link["kind"]))
    there = {entry["ifname"]: entry for entry in observed.links if "ifname" in entry}
    adapters = _adapters(links, there)
    names = {name: str(entry["ifname"]) for name, entry in adapters.items()}
    doomed = _doomed(links, there, names)
    kept = {name: entry for name, entry in there.items() if name not in doomed}
    conflicts = (*_conflicts(links, kept, adapters), *_unknown(desired["sysctls"], observed.sysctls))
    left_alone = tuple(_left_alone(kept, {*names.values(), *(link["name"] for link in links)}))
    if conflicts:
        return Changes((), left_alone, conflicts)
    commands = [*_sysctls(desired["sysctls"], observed.sysctls)]
    commands += [_ip(why, "link", "del", "dev", name) for name, why in doomed.items()]
    if not _up(there.get("lo", {"flags": ["UP"]})):
        commands.append(_ip("a box reaches its own addresses over lo", "link", "set", "dev", "lo", "up"))
    forwarding: list[Command] = []
    for link in links:
        device = names.get(link.get("device", ""), link.get("device", ""))
        entry = adapters.get(link["name"]) or kept.get(link["name"])
        entries = [e for e in observed.fdb if e.get("ifname") == link["name"]]
        if entry is None:
            commands.append(_add(link, device))
            entry, entries = _added(link, device)
        commands += _mend(link, entry)
        if link["kind"] == "vxlan":
            forwarding += _forwarding(link, entry, entries, device)
    lost = any(command.argv[1:3] == ("addr", "del") for command in commands)
    return Changes((*commands, *_routes(desired["routes"], observed.routes, lost), *forwarding), left_alone, ())


def batches(commands: Iterable[Command]) -> list[tuple[tuple[str, ...], str]]:
    """The programs to run, as (argv, stdin): neighbours that one `ip -batch` or `bridge -batch` can take are joined.

    Raises ValueError for a word that such a batch would not read as one word.
    """
    programs: list[tuple[tuple[str, ...], str]] = []
    for program, group in groupby(commands, key=lambda command: command.argv[0]):
        if program in ("ip", "bridge"):
            programs.append(((program, "-batch", "-"), "".join(_line(command.argv[1:]) for command in group)))
        else:
            programs += [(command.argv, "") for command in group]
    return programs


def _line(words: Sequence[str]) -> str:
    for word in words:
        if not re.fullmatch(r"[A-Za-z0-9_.:/@+=,%-]+", word):
            raise ValueError(f"{word!r} cannot be a word of a batch")
    return " ".join(words) + "\n"


def _ip(why: str, *words: str) -> Command:
    return Command(("ip", *words), why)


def _path(key: str) -> str:
    return key if "/" in key else key.replace(".", "/")


def _kind(entry: Entry) -> str:
    """vxlan, veth and so on; empty for hardware."""
    return str((entry.get("linkinfo") or {}).get("info_kind") or "")


def _data(entry: Entry) -> Entry:
    return (entry.get("linkinfo") or {}).get("info_data") or {}


def _up(entry: Entry) -> bool:
    return "UP" in entry.get("flags", ())


def _ttl(data: Entry) -> object:
    """None for the kernel's default, which shows as 0; `ttl inherit` shows as no ttl at all."""
    return data.get("ttl", "inherit") or None


def _adapters(links: Sequence[Link], there: Mapping[str, Entry]) -> dict[str, Entry]:
    """Each adapter that is there, by its name in the lab: found by MAC first, for a VM may call it otherwise.

    Then by the MAC that it was made with (ip-link(8) shows it as permaddr where another was set), and by its name last.
    """
    free = {name: entry for name, entry in there.items() if _kind(entry) in ("", "veth")}
    found: dict[str, Entry] = {}
    for way in ("address", "permaddr", "ifname"):
        for link in links:
            name = link["name"]
            sought = name if way == "ifname" else link["mac"].lower()
            same = [other for other in free if free[other].get(way) == sought]
            if link["kind"] == "adapter" and name not in found and same:
                found[name] = free.pop(name if name in same else same[0])
    return found


def _doomed(links: Sequence[Link], there: Mapping[str, Entry], names: Mapping[str, str]) -> dict[str, str]:
    """The devices that must go, or go and be made anew, and why."""
    wanted = {link["name"]: link for link in links if link["kind"] in MADE}
    doomed = {}
    for name, entry in there.items():
        link, marked = wanted.get(name), entry.get("ifalias") == MARK and _kind(entry) in MADE
        if link is None or link["kind"] != _kind(entry):
            if marked:
                doomed[name] = "labctl made it, and it is no longer wanted"
        elif link["kind"] == "vxlan":
            why = _unfit(link, _data(entry), names.get(link["device"], link["device"]))
            if why:
                doomed[name] = f"{why}: it is made anew"
    return doomed


def _unfit(link: Link, data: Entry, device: str) -> str:
    """Why a vxlan device must be made anew to become `link`; empty if it need not be.

    Linux 6.18 takes another group or underlay device in place too, but leaves the default entry on the old underlay.
    """
    for option in FOREIGN:
        if data.get(option):
            return f"it was made with {option}"
    if _ttl(data) == "inherit":
        return "its TTL is the inner packet's"
    wanted = {"id": link["vni"], "port": link["port"], "link": device, "group": link.get("group")}
    words = {"id": "VNI", "port": "port", "link": "underlay device", "group": "group"}
    for key, value in wanted.items():
        if data.get(key) != value:
            return f"its {words[key]} is {data.get(key) or 'none'}, not {value or 'none'}"
    if bool(data.get("remote")) == bool(link.get("remote")):
        return ""
    return "it has a remote and shall have none" if data.get("remote") else "it has no remote"


def _conflicts(links: Sequence[Link], kept: Mapping[str, Entry], adapters: Mapping[str, Entry]) -> Iterator[str]:
    for link in links:
        name, kind = link["name"], link["kind"]
        if kind == "adapter" and name not in adapters:
            yield f"no adapter has the name {name} or the MAC {link['mac']}"
        elif kind != "adapter" and name in kept and _kind(kept[name]) != kind:
            yield f"{name} is a {_kind(kept[name]) or 'hardware'} device; that name is wanted for a {kind} device"
        elif kind == "vxlan":
            yield from _rivals(link, {other: entry for other, entry in kept.items() if other != name})


def _rivals(link: Link, others: Mapping[str, Entry]) -> Iterator[str]:
    """Devices that keep a vxlan device from being made or coming up: an external one shares its port with nobody."""
    for other, entry in others.items():
        data = _data(entry)
        if _kind(entry) != "vxlan" or data.get("port") != link["port"]:
            continue
        if data.get("external") and _up(entry):
            yield f"{other}, which labctl did not make, is external and has UDP port {link['port']} already"
        elif data.get("id") == link["vni"]:
            yield f"{other}, which labctl did not make, has VNI {link['vni']} and port {link['port']} already"


def _unknown(desired: Mapping[str, str], observed: Mapping[str, str | None]) -> Iterator[str]:
    """Settings that the kernel does not have. A kernel without IPv6 has it off, which is all that is asked of it."""
    for key in desired:
        if observed.get(_path(key), "") is None and not _path(key).startswith("net/ipv6/"):
            yield f"the kernel has no setting {key}"


def _left_alone(kept: Mapping[str, Entry], ours: set[str]) -> Iterator[str]:
    for name, entry in kept.items():
        if _kind(entry) and name not in ours and name not in AUTOMATIC:
            yield f"labctl did not make the {_kind(entry)} device {name} and leaves it alone"


def _sysctls(desired: Mapping[str, str], observed: Mapping[str, str | None]) -> Iterator[Command]:
    for key, value in desired.items():
        present = observed.get(_path(key), "")
        if present is not None and present.split() != value.split():
            yield Command(("sysctl", "-w", f"{key}={value}"), f"it is {present or 'not known'}")


def _add(link: Link, device: str) -> Command:
    name, kind = link["name"], link["kind"]
    words = ["link", "add", "name", name, "address", link["mac"], "mtu", str(link["mtu"]), "type", kind]
    if kind == "bridge":
        return _ip(f"the bridge {name} is missing", *words)
    words += ["id", str(link["vni"]), "dstport", str(link["port"]), "dev", device]
    for option in ("group", "remote", "ttl"):
        if link.get(option) is not None:
            words += [option, str(link.get(option))]
    if not link.get("learning", True):
        words.append("nolearning")
    return _ip(f"the vxlan device {name} is missing", *words)


def _added(link: Link, device: str) -> tuple[Entry, list[Entry]]:
    """What is there after `_add`: the device, and its forwarding entries."""
    data = {"remote": link.get("remote"), "ttl": link.get("ttl") or 0, "learning": link.get("learning", True)}
    entry: Entry = {"ifname": link["name"], "mtu": link["mtu"], "linkinfo": {"info_data": data}}
    entry["address"] = link["mac"].lower()
    target = link.get("group") or link.get("remote")
    default = {"mac": ZERO_MAC, "dst": target, "viaIf": device, "state": "permanent"}
    return entry, [default] if target else []


def _mend(link: Link, entry: Entry) -> Iterator[Command]:
    """What can be changed in place. The alias comes first, for `ip link add` takes one and forgets it."""
    name, kind, master = str(entry["ifname"]), link["kind"], link.get("master")
    device = ("link", "set", "dev", name)
    if kind in MADE and entry.get("ifalias") != MARK:
        yield _ip("the mark of what labctl made", *device, "alias", MARK)
    if entry.get("address") != link["mac"].lower():
        yield _ip(f"its MAC is {entry.get('address', 'not known')}", *device, "address", link["mac"])
    mtu = entry.get("mtu", 0)
    if mtu != link["mtu"]:
        yield _ip(f"its MTU is {mtu or 'not known'}", *device, "mtu", str(link["mtu"]))
        if kind == "adapter" and mtu < link["mtu"] and _up(entry):
            yield _ip("the kernel remembers a smaller path MTU for ten minutes", "route", "flush", "cache")
    if kind == "vxlan":
        yield from _tunnel(link, _data(entry), (*device, "type", "vxlan"))
    if entry.get("master") != master:
        if master:
            yield _ip(f"it is a port of {master}", *device, "master", master)
        else:
            yield _ip(f"it is a port of {entry['master']} and shall not be one", *device, "nomaster")
    yield from _addresses(link.get("addresses", []), entry)
    if not _up(entry):
        yield _ip("it is down", *device, "up")


def _tunnel(link: Link, data: Entry, device: tuple[str, ...]) -> Iterator[Command]:
    """RFC 7348's parameters that Linux changes in place; each attribute alone, the others stay as they are."""
    remote, ttl, learning = link.get("remote"), link.get("ttl"), link.get("learning", True)
    if remote and data.get("remote") != remote:
        yield _ip(f"its remote is {data.get('remote')}", *device, "remote", remote)
    if _ttl(data) != ttl:
        yield _ip(f"its TTL is {_ttl(data) or 'the default'}", *device, "ttl", str(ttl or "auto"))
    if bool(data.get("learning")) != learning:
        yield _ip(f"it shall {'' if learning else 'not '}learn", *device, "learning" if learning else "nolearning")


def _addresses(desired: Sequence[str], entry: Entry) -> Iterator[Command]:
    """Makes the IPv4 addresses equal, in the kernel's order: primary ones, then the later ones of each subnet.

    The last goes first, for a primary address takes the others of its subnet along.
    """
    name = str(entry["ifname"])
    networks = [IPv4Interface(address).network for address in desired]
    wanted = [((address,), networks[i] in networks[:i]) for i, address in enumerate(desired)]
    wanted.sort(key=lambda pair: pair[1])
    infos = [info for info in entry.get("addr_info", ()) if _managed(info, desired)]
    present = [(_words(info), bool(info.get("secondary"))) for info in infos]
    keep = [pair for pair in present if pair in wanted]
    while keep != wanted[: len(keep)]:
        keep.pop()
    for words, _ in reversed([pair for pair in present if pair not in keep]):
        yield _ip("it shall not have that address", "addr", "del", *words, "dev", name)
    for words, _ in wanted[len(keep) :]:
        yield _ip("it lacks its address", "addr", "add", *words, "dev", name)


def _managed(info: Entry, desired: Sequence[str]) -> bool:
    """Whether an address is ours to keep or delete: of other scopes than global only those in the way."""
    if info.get("family") != "inet" or "local" not in info:
        return False
    return info.get("scope", "global") == "global" or f"{info['local']}/{info.get('prefixlen', 32)}" in desired


def _words(info: Entry) -> tuple[str, ...]:
    """An address as ip-address(8) takes it; only a plain one is one word."""
    local, length, scope = info["local"], info.get("prefixlen", 32), str(info.get("scope", "global"))
    words = (str(local), "peer", f"{info['address']}/{length}") if "address" in info else (f"{local}/{length}",)
    return words if scope == "global" else (*words, "scope", scope)


def _routes(desired: Mapping[str, str], observed: Sequence[Entry], lost: bool) -> Iterator[Command]:
    """lost: an address is deleted, with which its adapter's routes may go."""
    for subnet, via in desired.items():
        shown = "default" if subnet == "0.0.0.0/0" else subnet[:-3] if subnet.endswith("/32") else subnet
        same = [r for r in observed if r.get("dst") == shown and not r.get("metric") and not r.get("tos")]
        gateways = [route.get("gateway") for route in same]
        if lost or gateways[:1] != [via]:
            if via in gateways[1:]:  # `replace` says "File exists" to that
                yield _ip("it comes after a wrong one", "route", "del", subnet, "via", via)
            why = f"the route is {gateways[0] or 'of another kind'}" if gateways else "the route is missing"
            yield _ip("the route may go with an address" if lost else why, "route", "replace", subnet, "via", via)


def _forwarding(link: Link, entry: Entry, entries: Sequence[Entry], device: str) -> Iterator[Command]:
    """Makes the static forwarding entries equal; learned ones age by themselves (300 s, ip-link(8))."""
    target, before = link.get("group") or link.get("remote"), _data(entry).get("remote")
    wanted: list[tuple[str, ...]] = [(ZERO_MAC, "dst", address) for address in link.get("flood", [])]
    if target:
        wanted.append((ZERO_MAC, "dst", target, "via", device))
    present = [_key(e) for e in entries if "dst" in e and e.get("state") in ("permanent", "static")]
    if before and before != link.get("remote"):  # with the remote, the kernel changes the default entry
        present = [key for key in present if key != (ZERO_MAC, "dst", before, "via", device)] + wanted
    for mac, *words in present:
        if (mac, *words) not in wanted:
            yield Command(("bridge", "fdb", "del", mac, "dev", link["name"], *words), "nobody wants that entry")
    for mac, *words in wanted:
        if (mac, *words) not in present:
            yield Command(("bridge", "fdb", "append", mac, "dev", link["name"], *words), "flooded frames go there")


def _key(entry: Entry) -> tuple[str, ...]:
    """An entry as bridge(8) takes it: `del` with a word too few says nothing and deletes nothing."""
    words = [str(entry.get("mac", ZERO_MAC)), "dst", str(entry["dst"])]
    for option, key in (("port", "port"), ("vni", "vni"), ("via", "viaIf")):
        if key in entry:
            words += [option, str(entry[key])]
    return tuple(words)
