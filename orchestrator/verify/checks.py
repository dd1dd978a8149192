"""Every check, as tables of (short name, title, function); the functions' docstrings say why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from orchestrator.model import Box, Lab, Overlay, Vtep
from orchestrator.verify import causes, device, targets, traffic, underlay
from orchestrator.verify.outcome import Outcome, Planned
from orchestrator.verify.state import State


class Check(NamedTuple):
    """A kind of check. `title` is formatted with what it is about, as `on`; `applies` says whether it is made."""

    name: str
    title: str
    judge: Callable[[Any], Outcome]
    applies: Callable[[Any], bool] = lambda on: True


LOOPBACK = Check("up", "lo is up", underlay.loopback)
ADAPTER = (
    Check("up", "adapter is up", underlay.up),
    Check("address", "adapter has {on.interface.address}", underlay.address),
    Check("mtu", "adapter's MTU is {on.interface.mtu}", underlay.mtu),
    Check("mac", "adapter's MAC is {on.interface.mac}", underlay.mac),
    Check("not-default", "adapter does not carry the default route", underlay.not_default),
)
PEER = Check("reach", "{on.target.box} answers at {on.target.address}", underlay.reachable)

DEVICE = (
    Check("kind", "device is of kind {on.overlay.kind}", device.kind),
    Check("vni", "VNI is {on.overlay.vni}", device.vni),
    Check("port", "port is {on.overlay.port}", device.port),
    Check("destination", "{on.flooded}", device.destination),
    Check("ttl", "outer TTL is {on.overlay.ttl}", device.ttl, lambda on: on.overlay.ttl is not None),
    Check("ttl", "outer TTL is the kernel's choice", device.ttl, lambda on: on.overlay.ttl is None),
    Check("underlay", "underlay device is {on.vtep.device}", device.underlay),
    Check("mtu", "MTU is {on.overlay.mtu}", device.mtu),
    Check("up", "device is up", device.up),
    Check("mac", "MAC is {on.vtep.mac}", device.mac),
    Check("unique", "no other box has the device's MAC", device.unique),
    Check("learning", "learning is on", device.learning, lambda on: on.overlay.learning),
    Check("learning", "learning is off", device.learning, lambda on: not on.overlay.learning),
    Check("address", "{on.overlay.bearer} has {on.vtep.address}", device.address),
    Check("master", "device is a port of {on.overlay.bridge}", device.master, lambda on: on.overlay.bridge),
    Check("master", "device is no bridge's port", device.master, lambda on: not on.overlay.bridge),
    Check("bearer-up", "{on.overlay.bridge} is up", device.bearer_up, lambda on: on.overlay.bridge),
    Check("exclusive", "nobody else holds UDP port {on.overlay.port}", device.exclusive),
    Check("socket", "UDP socket on 0.0.0.0:{on.overlay.port}", device.socket),
    Check("group", "adapter has joined {on.overlay.group}", device.joined, lambda on: on.overlay.group),
    Check("default", "unknown destinations go to the right place", device.default),
    Check("static", "FDB has no other fixed entry", device.static),
)

PATH = (
    Check("ping", "ping {on.peer.box} at {on.peer.address.ip}", traffic.reachable),
    Check("fdb", "FDB holds {on.peer.box}'s MAC", traffic.learned, lambda on: on.overlay.learning),
    Check("fdb", "FDB has learned nothing", traffic.nothing_learned, lambda on: not on.overlay.learning),
)

TO_NEXT = (
    Check("size", "{on.size} bytes pass whole, one more does not", traffic.size),
    Check("tcp", "TCP to {on.peer.box} carries 256 KiB intact", traffic.tcp),
)
FROM_PREVIOUS = (
    Check("flood", "flooded frames of {on.peer.box} arrive", traffic.flooded),
    Check("isolation", "frames of VNI {on.foreign} are not delivered", traffic.isolated),
)


def plan(lab: Lab, state: State) -> Iterator[Planned]:
    """All checks of a lab, box by box, each about one thing."""
    for box in lab.boxes:
        yield from _underlay(lab, state, box)
        for overlay, vtep in lab.vteps(box.name):
            yield from _overlay(lab, state, overlay, vtep)


def _underlay(lab: Lab, state: State, box: Box) -> Iterator[Planned]:
    yield _planned(lab, "box", LOOPBACK, underlay.Loopback(state, box), box.name, None, "lo")
    for interface in box.interfaces:
        on = underlay.Adapter(state, box, interface)
        yield from (_planned(lab, "adapter", check, on, box.name, None, interface.name) for check in ADAPTER)
    for target in targets.underlay(lab, box):
        peer = underlay.Peer(state, box, target)
        yield _planned(lab, "underlay", PEER, peer, box.name, None, "underlay", str(target.address))


def _overlay(lab: Lab, state: State, overlay: Overlay, vtep: Vtep) -> Iterator[Planned]:
    place = vtep.box, overlay.name, overlay.name
    on = device.Device(lab, state, overlay, vtep)
    yield from (_planned(lab, "device", check, on, *place) for check in DEVICE if check.applies(on))
    for path in traffic.paths(lab, state, overlay, vtep, targets.peers(overlay, vtep.box)):
        applied = (check for check in PATH if check.applies(path))
        yield from (_planned(lab, "path", check, path, *place, path.peer.box) for check in applied)
    if len(overlay.vteps) > 1:
        boxes = targets.following(overlay, vtep.box), targets.previous(overlay, vtep.box)
        onward, back = traffic.paths(lab, state, overlay, vtep, boxes)
        yield from (_planned(lab, "path", check, onward, *place, onward.peer.box) for check in TO_NEXT)
        yield from (_planned(lab, "path", check, back, *place, back.peer.box) for check in FROM_PREVIOUS)


def _planned(
    lab: Lab, layer: str, check: Check, on: Any, box: str, overlay: str | None, place: str, *about: str
) -> Planned:
    identity = "/".join([box, place, check.name, *about])
    reasons = partial(causes.of, lab, f"{layer}/{check.name}", box, overlay, place, *about)
    return Planned(identity, box, overlay, check.title.format(on=on), partial(check.judge, on), reasons)
