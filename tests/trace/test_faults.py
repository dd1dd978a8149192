"""On a broken lab a trace shows where the frame was last seen, and why it came no further."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from orchestrator.errors import Exit, LabError
from orchestrator.model import Lab
from orchestrator.trace.capture import Capture
from orchestrator.trace.journey import last_seen
from tests import sample_labs as samples
from tests.trace.conftest import Running, carried, fates, follow, must


def again(box: int, **more: str) -> list[str]:
    """Commands that make lab10's vxlan0 anew, with something else than it must have."""
    words = {"id": "100", "group": "239.255.0.1", "dev": "enp0s8", "dstport": "4789", "ttl": "5"} | more
    options = " ".join(f"{key} {value}" for key, value in words.items() if value != "-")
    return [
        "ip link del vxlan0",
        f"ip link add vxlan0 address {samples.mac(60, box)} type vxlan {options}",
        f"ip addr add 192.168.60.{box}/24 dev vxlan0",
        "ip link set vxlan0 up",
    ]


def firewall(hook: str) -> list[str]:
    return [
        "nft add table ip f",
        f"nft add chain ip f c {{ type filter hook {hook} priority 0; }}",
        "nft add rule ip f c udp dport 4789 drop",
    ]


class Broken(NamedTuple):
    """What is done in a box, and where the first frame from boxA must then be last seen, with words of the reason."""

    box: str
    commands: Sequence[str]
    place: str
    at: str
    words: str
    lab: Callable[[], Lab] = samples.lab10
    ends: tuple[str, str] = ("boxA", "boxB")


BROKEN = {
    "firewall in": Broken("boxB", firewall("input"), "adapter", "boxB", "most likely a firewall rule"),
    "firewall out": Broken("boxA", firewall("output"), "sender", "boxA", "as a firewall rule or", samples.lab9),
    "VNI": Broken("boxB", again(5, id="101"), "adapter", "boxB", "vxlan0 has VNI 101"),
    "port": Broken("boxB", again(5, dstport="8472"), "adapter", "boxB", "vxlan0 has port 8472"),
    "port of the sender": Broken("boxA", again(4, dstport="8472"), "adapter", "boxB", "listens on UDP port 8472"),
    "group": Broken("boxA", again(4, group="239.255.0.2"), "adapter", "boxB", "no member of the group 239.255.0.2"),
    "remote": Broken(
        "boxA", ["ip link set vxlan0 type vxlan remote 192.168.50.99"], "sender", "boxA",
        "the MAC of 192.168.50.99 (no box has it)", samples.lab9,
    ),
    "device down": Broken("boxB", ["ip link set vxlan0 down"], "adapter", "boxB", "vxlan0 is down in boxB"),
    "no device": Broken("boxB", ["ip link del vxlan0"], "adapter", "boxB", "boxB has no vxlan device"),
    "device of the sender down": Broken("boxA", ["ip link set vxlan0 down"], "nowhere", "boxA", "which is down"),
    "adapter of the sender down": Broken("boxA", ["ip link set enp0s8 down"], "sender", "boxA", "enp0s8 is down"),
    "adapter down": Broken("boxB", ["ip link set enp0s8 down"], "underlay", "boxA", "enp0s8 is down in boxB"),
    "no default entry": Broken(
        "boxA", ["bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 239.255.0.1 via enp0s8"], "sender", "boxA",
        "no all-zero FDB entry",
    ),
    "no overlay address": Broken("boxA", ["ip addr flush dev vxlan0"], "nowhere", "boxA", "has no IPv4 address"),
    "overlay address of the target": Broken(
        "boxB", ["ip addr flush dev vxlan0"], "device", "boxB", "which is not boxB's"
    ),
    "one MAC twice": Broken(
        "boxB", [f"ip link set vxlan0 address {samples.mac(60, 4)}"], "adapter", "boxB", "vxlan0's own"
    ),
    "static entry": Broken(
        "boxB", [f"bridge fdb add {samples.mac(60, 4)} dev vxlan0 dst 192.168.50.6"], "adapter", "boxB",
        "is behind 192.168.50.6: the kernel drops",
    ),
    "underlay address of the target": Broken(
        "boxB", ["ip addr flush dev enp0s8", "ip addr add 192.168.50.77/24 dev enp0s8"], "sender", "boxA",
        "192.168.50.5 (no box has it)", samples.lab9,
    ),
    "bridge down": Broken(
        "boxD", ["ip link set br1 down"], "adapter", "boxD", "br1 did not hand it up", samples.two, ("boxB", "boxD")
    ),
    "router": Broken(
        "router", ["sysctl -qw net.ipv4.ip_forward=0"], "adapter", "router", "does not forward", samples.routed,
        ("boxA", "boxC"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_where_the_frame_was_last_seen(running: Running, case: Broken) -> None:
    lab = case.lab()
    with running(lab) as connection:
        must(connection, case.box, *case.commands)
        trace = follow(lab, connection, *case.ends, deadline=0.3)
    found = last_seen(trace, *case.ends)
    assert (trace.answered, found.place, found.box) == (0, case.place, case.at), trace
    assert case.words in found.why
    assert (found.frame == 0) == (found.place == "nowhere")


def test_the_way_back_can_be_the_broken_one(running: Running) -> None:
    lab = samples.lab10()
    with running(lab) as connection:
        must(connection, "boxB", *firewall("output"))
        trace = follow(lab, connection, deadline=0.3)
    request, reply = carried(trace)[:2]
    assert (fates(request)["boxB"], reply.sender, reply.departed, reply.outer) == ("taken", "boxB", False, None)
    assert (last_seen(trace, "boxA", "boxB").place, last_seen(trace, "boxB", "boxA").place) == ("taken", "sender")


def test_a_closed_port_is_reported_on_the_underlay(running: Running) -> None:
    lab = samples.lab9()
    with running(lab) as connection:
        must(connection, "boxB", "ip link set vxlan0 down")
        trace = follow(lab, connection, deadline=0.3)
    (error,) = [event for event in trace.events if event.inner.protocol == "ICMP"]
    assert (error.sender, error.outer, error.network, fates(error)) == ("boxB", None, "myNetwork", {"boxA": "taken"})
    assert "port unreachable" in error.inner.summary


@pytest.mark.parametrize(
    ("lab", "ends", "overlay", "words"),
    [
        (samples.lab10, ("boxA", "boxA"), None, "to reach itself"),
        (samples.lab10, ("boxA", "boxZ"), None, "no box 'boxZ'"),
        (samples.lab10, ("boxA", "boxB"), "vxlan7", "no overlay 'vxlan7'"),
        (samples.two, ("boxA", "boxD"), None, "no overlay is on both boxA and boxD"),
        (samples.two, ("boxA", "boxB"), "vxlan1", "vxlan1 is not on both"),
        (samples.routed, ("boxA", "router"), None, "no overlay is on both"),
    ],
)
def test_says_what_cannot_be_traced(
    running: Running, lab: Callable[[], Lab], ends: tuple[str, str], overlay: str | None, words: str
) -> None:
    with running(lab()) as connection, pytest.raises(LabError, match=words) as caught:
        follow(lab(), connection, *ends, overlay=overlay)
    assert (caught.value.code, caught.value.hint != "") == (Exit.USAGE, True)


def test_a_capture_that_cannot_run_is_said(running: Running) -> None:
    with running(samples.lab9()) as connection:
        pass
    with Capture(connection, "boxA", ["enp0s8"], seconds=1) as capture, pytest.raises(LabError) as caught:
        capture.ready()
    assert (caught.value.code, caught.value.where) == (Exit.CHECK_ERROR, "boxA")
