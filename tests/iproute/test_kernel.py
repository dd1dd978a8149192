"""The same cases on a real kernel: the drift is mended, by the commands of the case, and then nothing is left to do."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import iproute
from orchestrator.iproute import Desired, Observed, fresh, reconcile

from .box import Box
from .cases import DRIFTS, NAMES, good, load, told


def indexes(observed: Observed) -> dict[str, int]:
    """The ifindex of each device, by name: another one is another device."""
    return {entry["ifname"]: entry["ifindex"] for entry in observed.links}


def assert_shows(desired: Desired, observed: Observed) -> None:
    """That the box shows what was desired, by rules of its own and not by the reconciler's."""
    for link in desired["links"]:
        same = [entry for entry in observed.links if entry["address"] == link["mac"].lower()]
        entry = next((entry for entry in same if entry["ifname"] == link["name"]), same[0])
        plain = {f"{a['local']}/{a['prefixlen']}" for a in entry["addr_info"] if a["scope"] == "global"}
        assert {address for address in plain if ":" not in address} == set(link["addresses"])
        assert entry["mtu"] == link["mtu"]
        assert {"UP", "LOWER_UP"} <= set(entry["flags"]) or link["kind"] == "bridge"
        assert entry.get("master") == link.get("master")
        if link["kind"] != "adapter":
            assert (entry["ifname"], entry["ifalias"]) == (link["name"], "labctl")
            assert entry["linkinfo"]["info_kind"] == link["kind"]
        if link["kind"] == "vxlan":
            assert_tunnel(link, entry["linkinfo"]["info_data"], observed)
    gateways = {route["dst"]: route.get("gateway") for route in reversed(observed.routes) if "tos" not in route}
    gateways["0.0.0.0/0"] = gateways.get("default")
    assert {to: gateways.get(to.removesuffix("/32")) for to in desired["routes"]} == desired["routes"]
    values = {path.replace("/", "."): value for path, value in observed.sysctls.items() if value is not None}
    assert {key: "\t".join(value.split()) for key, value in desired["sysctls"].items() if key in values} == values


def assert_tunnel(link: Any, data: dict[str, Any], observed: Observed) -> None:
    shown = (data["id"], data["port"], data["ttl"], data["learning"], data.get("group"), data.get("remote"))
    wanted = (link["vni"], link["port"], link["ttl"] or 0, link["learning"], link["group"], link["remote"])
    assert shown == wanted
    entries = [e for e in observed.fdb if e["ifname"] == link["name"] and "dst" in e and e["state"]]
    targets = [*link["flood"], *filter(None, [link["group"], link["remote"]])]
    assert sorted(entry["dst"] for entry in entries) == sorted(targets)
    assert {entry["mac"] for entry in entries} <= {"00:00:00:00:00:00"}


@pytest.mark.parametrize("name", [name for name in NAMES if "drift" not in load(name)])
def test_fresh_box(name: str) -> None:
    desired = load(name)["desired"]
    with Box(desired) as box:
        box.apply(reconcile(desired, fresh(desired)))
        observed = box.observe(desired)
        assert told(reconcile(desired, observed)) == {"commands": [], "left_alone": [], "conflicts": []}
        assert_shows(desired, observed)


@pytest.mark.parametrize("name", DRIFTS)
def test_drift(name: str) -> None:
    case = load(name)
    desired: Desired = case["desired"]
    with good(case) as box:
        before = indexes(box.observe(desired))
        box.by_hand(*case["drift"])
        drifted = box.observe(desired)
        changes = reconcile(desired, drifted)
        assert told(changes) == {part: case[part] for part in ("commands", "left_alone", "conflicts")}
        if changes.conflicts or None in drifted.sysctls.values():
            return
        box.apply(changes)
        mended = box.observe(desired)
        assert told(reconcile(desired, mended)) == {**told(changes), "commands": []}
        assert_shows(desired, mended)
        after = indexes(mended)
        wanted = [link["name"] for link in desired["links"] if link["kind"] == "vxlan"]
        if case.get("device") == "kept":
            assert [before[name] for name in wanted] == [after[name] for name in wanted]
        if case.get("device") == "replaced":
            assert not {before[name] for name in wanted} & {after[name] for name in wanted}


def test_reading_fails_where_a_part_fails() -> None:
    desired = load("fresh_group")["desired"]
    with Box(desired) as box:
        unreadable = iproute.observe(["net.ipv4.route.flush"])  # write-only
        with pytest.raises(AssertionError, match=r"Permission denied|Operation not permitted"):
            box.run(*unreadable)
        without = ("env", "PATH=/nowhere", "/bin/sh", *iproute.observe([])[1:])
        with pytest.raises(AssertionError, match="not found"):
            box.run(*without)


def test_a_setting_is_not_shell() -> None:
    desired = load("fresh_group")["desired"]
    hostile = "net/$(echo >&2 gotcha)`id`'\"; exit 0 #"
    with Box(desired) as box:
        observed = iproute.parse(box.run(*iproute.observe([hostile, "net.ipv4.ip_forward"])))
    assert observed.sysctls == {hostile: None, "net/ipv4/ip_forward": "0"}
