"""Conversations as data, for the tests of how they are shown."""

from __future__ import annotations

from typing import Any

from orchestrator.trace.model import Arrival, Entry, Event, Forwarding, Inner, Outer, Trace

A, B, C = "02:00:00:00:60:04", "02:00:00:00:60:05", "02:00:00:00:60:06"
UA, UB = "02:00:00:00:50:04", "02:00:00:00:50:05"
ALL = "ff:ff:ff:ff:ff:ff"


def inner(source: str, target: str, protocol: str, summary: str, length: int = 42) -> Inner:
    """An inner frame."""
    return Inner(source_mac=source, target_mac=target, protocol=protocol, summary=summary, length=length)


def outer(source: str, target: str, macs: tuple[str, str], ttl: int = 5, length: int = 92) -> Outer:
    """What is put around it."""
    return Outer(
        source_mac=macs[0], target_mac=macs[1], source=source, target=target, ttl=ttl, source_port=60895, port=4789,
        vni=100, length=length,
    )  # fmt: skip


def arrival(box: str, fate: Any, why: str) -> Arrival:
    """A frame in a box."""
    return Arrival(box=box, fate=fate, seconds=None if fate == "lost" else 0.0001, why=why)


def event(number: int, sender: str, frame: Inner, around: Outer | None, arrivals: list[Arrival], **more: Any) -> Event:
    """A frame; in the overlay, departed and to one box, unless `more` says otherwise."""
    values: dict[str, Any] = {"network": "vxlan0", "departed": True, "flooded": False, "why": f"Reason {number}."}
    return Event(
        number=number, seconds=number / 8000, sender=sender, inner=frame, outer=around, arrivals=tuple(arrivals),
        **{**values, **more},
    )  # fmt: skip


GROUP = Entry(mac="00:00:00:00:00:00", target="239.255.0.1", state="permanent")
REQUEST = inner(A, ALL, "ARP", "who has 192.168.60.5? tell 192.168.60.4")
FLOODED = outer("192.168.50.4", "239.255.0.1", (UA, "01:00:5e:7f:00:01"))


def learned(box: str, *entries: Entry) -> Forwarding:
    """What a box learned."""
    return Forwarding(box=box, before=(GROUP,), after=(GROUP, *entries))


def trace(events: list[Event], forwarding: list[Forwarding], **more: Any) -> Trace:
    """A conversation in lab10."""
    values: dict[str, Any] = {"answered": 1, "boxes": ("boxA", "boxB", "boxC")}
    return Trace(
        lab="lab10", title="VXLAN over IP multicast", provider="netns", overlay="vxlan0", vni=100, source="boxA",
        target="boxB", pings=1, emptied=True, events=tuple(events), forwarding=tuple(forwarding), **{**values, **more},
    )  # fmt: skip


def lab10() -> Trace:
    """A first ping, as lab10 shows it."""
    there = Entry(mac=A, target="192.168.50.4", state="learned")
    return trace(
        [
            event(1, "boxA", REQUEST, FLOODED, [arrival("boxB", "taken", "It is boxB's."),
                                                arrival("boxC", "ignored", "It is not boxC's.")], flooded=True),
            event(2, "boxB", inner(B, A, "ARP", "192.168.60.5 is at " + B),
                  outer("192.168.50.5", "192.168.50.4", (UB, UA)), [arrival("boxA", "taken", "It is boxA's.")]),
            event(3, "boxB", inner(UB, ALL, "ARP", "who has 192.168.50.4? tell 192.168.50.5"), None,
                  [arrival("boxA", "taken", "It is boxA's."), arrival("boxC", "ignored", "It is not boxC's.")],
                  network="myNetwork", flooded=True),
            event(4, "boxA", inner(A, B, "ICMP", "echo request 192.168.60.4 > 192.168.60.5, sequence 1", 98),
                  outer("192.168.50.4", "192.168.50.5", (UA, UB), length=148),
                  [arrival("boxB", "taken", "It is boxB's.")]),
        ],
        [learned("boxA", Entry(mac=B, target="192.168.50.5", state="learned")), learned("boxB", there),
         learned("boxC", there)],
    )  # fmt: skip


def dropped() -> Trace:
    """boxB drops what is flooded, and boxC never sees it; then boxA does not send."""
    gone = [arrival("boxB", "dropped", "A firewall rule took it."), arrival("boxC", "lost", "boxC never saw it.")]
    return trace(
        [event(1, "boxA", REQUEST, FLOODED, gone, flooded=True),
         event(2, "boxA", REQUEST, None, [], flooded=True, departed=False)],
        [learned("boxA")], answered=0, remarks=("boxC has no device vxlan0.",), truncated="9 frames are left out.",
    )  # fmt: skip


def many() -> Trace:
    """Thirty boxes: too many for a drawing on a terminal."""
    boxes = tuple(f"box{number}" for number in range(30))
    others = [arrival(box, "ignored", "It is for somebody else.") for box in boxes[1:]]
    return trace([event(1, "box0", REQUEST, FLOODED, others, flooded=True)], [], boxes=boxes)


HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\x00"


def hostile() -> Trace:
    """Text that would like to be code."""
    frame = event(1, "boxA", inner(A, B, HOSTILE, HOSTILE), None, [arrival("boxB", "taken", HOSTILE)], why=HOSTILE)
    return trace([frame], [], remarks=(HOSTILE,), truncated=HOSTILE)


EVERY = {"lab10": lab10(), "dropped": dropped(), "many": many(), "hostile": hostile()}
