"""The facts of VXLAN that a trace shows, on healthy labs."""

from __future__ import annotations

import msgspec

from orchestrator.model import ZERO_MAC
from orchestrator.trace.ground import is_group, is_multicast
from orchestrator.trace.journey import last_seen
from orchestrator.trace.model import Trace
from tests import sample_labs as samples
from tests.trace.conftest import Running, carried, fates, follow

A, B = samples.mac(60, 4), samples.mac(60, 5)


def learned(trace: Trace) -> dict[str, tuple[set[tuple[str, str]], set[tuple[str, str]]]]:
    """Box → the learned entries before and after."""
    return {
        each.box: (
            {(entry.mac, entry.target) for entry in each.before if entry.state == "learned"},
            {(entry.mac, entry.target) for entry in each.after if entry.state == "learned"},
        )
        for each in trace.forwarding
    }


def test_lab10_floods_the_first_request_to_its_group(running: Running) -> None:
    lab = samples.lab10()
    with running(lab) as connection:
        trace = follow(lab, connection)
    request, reply, echo, answer = carried(trace)
    assert (trace.pings, trace.answered, trace.emptied, trace.boxes) == (1, 1, True, ("boxA", "boxB", "boxC"))
    assert request.outer is not None
    assert (request.outer.target, request.outer.target_mac) == ("239.255.0.1", "01:00:5e:7f:00:01")
    assert (request.outer.ttl, request.outer.vni, request.outer.port) == (5, 100, 4789)
    assert (request.outer.source, request.outer.length, request.inner.length) == ("192.168.50.4", 42 + 50, 42)
    assert (request.sender, request.flooded, fates(request)) == ("boxA", True, {"boxB": "taken", "boxC": "ignored"})
    assert (request.inner.source_mac, request.inner.target_mac) == (A, "ff:ff:ff:ff:ff:ff")
    assert "all-zero FDB entry names the group 239.255.0.1" in request.why
    for event, sender, target in ((reply, "boxB", "boxA"), (echo, "boxA", "boxB"), (answer, "boxB", "boxA")):
        assert event.outer is not None
        assert (event.sender, event.flooded, fates(event)) == (sender, False, {target: "taken"})
        assert not is_multicast(event.outer.target)
    assert [event.inner.protocol for event in carried(trace)] == ["ARP", "ARP", "ICMP", "ICMP"]
    assert reply.why.startswith(f"Frame {request.number} taught boxB that {A} is behind 192.168.50.4 (boxA)")
    assert echo.why.startswith(f"Frame {reply.number} taught boxA that {B} is behind 192.168.50.5 (boxB)")
    assert [event.number for event in trace.events] == list(range(1, len(trace.events) + 1))
    assert (last_seen(trace, "boxA", "boxB").place, last_seen(trace, "boxB", "boxA").place) == ("taken", "taken")


def test_lab10_learns(running: Running) -> None:
    lab = samples.lab10()
    with running(lab) as connection:
        trace = follow(lab, connection)
    at_a, at_b = (A, "192.168.50.4"), (B, "192.168.50.5")
    assert learned(trace) == {"boxA": (set(), {at_b}), "boxB": (set(), {at_a}), "boxC": (set(), {at_a})}
    for box in trace.forwarding:
        assert (box.before[0].mac, box.before[0].target, box.before[0].state) == (ZERO_MAC, "239.255.0.1", "permanent")


def test_the_second_ping_floods_nothing(running: Running) -> None:
    lab = samples.lab10()
    with running(lab) as connection:
        trace = follow(lab, connection, count=2)
    assert (trace.pings, trace.answered) == (2, 2)
    echoes = [event for event in carried(trace) if event.inner.protocol == "ICMP"]
    assert [event.sender for event in echoes] == ["boxA", "boxB"] * 2
    assert [event.flooded for event in carried(trace)] == [True, False, False, False, False, False]
    second = [event for event in trace.events if event.number > echoes[1].number and event.inner.protocol != "IGMP"]
    assert [event.inner.protocol for event in second] == ["ICMP", "ICMP"]


def test_what_is_kept_needs_no_request(running: Running) -> None:
    lab = samples.lab10()
    with running(lab) as connection:
        follow(lab, connection)
        trace = follow(lab, connection, keep=True)
        anew = follow(lab, connection)
    assert [event.flooded for event in carried(anew)] == [True, False, False, False]
    assert all(before == set() for before, _ in learned(anew).values())
    assert (trace.emptied, [event.inner.protocol for event in carried(trace)]) == (False, ["ICMP", "ICMP"])
    assert learned(trace)["boxA"] == ({(B, "192.168.50.5")},) * 2
    assert "FDB said already" in carried(trace)[0].why


def test_lab9_never_uses_multicast(running: Running) -> None:
    lab = samples.lab9()
    with running(lab) as connection:
        trace = follow(lab, connection, count=2)
    assert trace.answered == 2
    outers = [event.outer for event in carried(trace)]
    assert len(outers) == 6
    for outer in outers:
        assert outer is not None
        assert (outer.ttl, is_group(outer.target_mac), is_multicast(outer.target)) == (64, False, False)
    assert carried(trace)[0].flooded
    assert "kernel's default, 64" in carried(trace)[0].why


def test_head_end_replication_is_an_event_for_each_copy(running: Running) -> None:
    lab = samples.two()
    with running(lab) as connection:
        trace = follow(lab, connection, "boxB", "boxD")
    assert (trace.overlay, trace.vni, trace.boxes, trace.answered) == ("vxlan1", 200, ("boxB", "boxC", "boxD"), 1)
    copies = carried(trace)[:2]
    assert {event.outer and event.outer.target for event in copies} == {"192.168.50.6", "192.168.50.7"}
    assert [fates(event) for event in copies if event.outer and event.outer.target.endswith(".7")] == [
        {"boxD": "taken"}
    ]
    assert [fates(event) for event in copies if event.outer and event.outer.target.endswith(".6")] == [
        {"boxC": "ignored"}
    ]
    reply = next(event for event in carried(trace) if event.sender == "boxD")
    assert (reply.flooded, "does not learn" in reply.why) == (True, True)
    assert all(before == after == set() for before, after in learned(trace).values())


def test_the_overlay_can_be_named(running: Running) -> None:
    lab = samples.two()
    with running(lab) as connection:
        red = follow(lab, connection, "boxB", "boxC")
        blue = follow(lab, connection, "boxB", "boxC", overlay="vxlan1")
    assert (red.overlay, red.answered, red.boxes) == ("vxlan0", 1, ("boxA", "boxB", "boxC"))
    assert (blue.overlay, blue.answered, blue.boxes) == ("vxlan1", 1, ("boxB", "boxC", "boxD"))


def test_a_router_is_on_the_way(running: Running) -> None:
    lab = samples.routed()
    with running(lab) as connection:
        trace = follow(lab, connection, "boxA", "boxC")
    request = carried(trace)[0]
    assert (trace.answered, fates(request)) == (1, {"boxC": "taken", "router": "taken"})
    assert request.outer is not None
    assert (request.outer.ttl, request.outer.target) == (64, "192.168.51.4")
    assert "outer TTL of 63" in next(arrival.why for arrival in request.arrivals if arrival.box == "router")


def test_another_port_is_vxlan_too(running: Running) -> None:
    lab = samples.lab9()
    lab = msgspec.structs.replace(lab, overlays=(msgspec.structs.replace(lab.overlays[0], port=5000),))
    with running(lab) as connection:
        trace = follow(lab, connection)
    assert (trace.answered, {event.outer and event.outer.port for event in carried(trace)}) == (1, {5000})


def test_other_traffic_is_left_out_and_counted(running: Running) -> None:
    lab = samples.lab10()
    with running(lab) as connection:
        other = connection.start("boxC", ["ping", "-i", "0.01", "-c", "10000", "192.168.60.4"])
        try:
            trace = follow(lab, connection)
        finally:
            other.kill()
    assert "of other traffic" in trace.truncated
    assert trace.answered == 1
    assert all(event.inner.protocol == "ARP" or "boxC" not in fates(event) for event in carried(trace))
    assert {event.sender for event in carried(trace)} == {"boxA", "boxB"}
