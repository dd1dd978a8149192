"""Labs by hand, for tests of what is made from a lab: small ones that a person would write, and hostile ones."""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from orchestrator.model import Box, Interface, Lab, Network, Overlay, Route, Vtep


def mac(prefix: int, host: int) -> str:
    return f"02:00:00:{prefix:02x}:{host >> 8:02x}:{host & 255:02x}"


def adapter(network: int, host: int, name: str = "enp0s8", on: str = "myNetwork", mtu: int = 1500) -> Interface:
    address = IPv4Interface(f"192.168.{network}.{host}/24")
    return Interface(name=name, network=on, address=address, mac=mac(network, host), mtu=mtu)


def vtep(box: Box, network: int, host: int, remote: str | None = None, flood: tuple[str, ...] = ()) -> Vtep:
    return Vtep(
        box=box.name,
        device=box.interfaces[0].name,
        underlay=box.interfaces[0].address.ip,
        address=IPv4Interface(f"192.168.{network}.{host}/24"),
        mac=mac(network, host),
        remote=IPv4Address(remote) if remote else None,
        flood=tuple(map(IPv4Address, flood)),
    )


def network(third: int = 50, name: str = "myNetwork", mtu: int = 1500) -> Network:
    return Network(name=name, subnet=IPv4Network(f"192.168.{third}.0/24"), mtu=mtu)


def overlay(vteps: list[Vtep], **more: object) -> Overlay:
    values: dict[str, object] = {"name": "vxlan0", "vni": 100, "port": 4789, "mtu": 1450, "learning": True}
    return Overlay(**{**values, "vteps": tuple(vteps), **more})  # type: ignore[arg-type]


GROUP = IPv4Address("239.255.0.1")


def flat(count: int) -> list[Box]:
    """boxA, boxB … on one network; box27 and so on once the letters are used up."""
    names = [f"box{chr(65 + index)}" if index < 26 else f"box{index + 1}" for index in range(count)]
    return [Box(name=name, interfaces=(adapter(50, index + 4),)) for index, name in enumerate(names)]


def lab9() -> Lab:
    a, b = boxes = flat(2)
    ends = [vtep(a, 60, 4, "192.168.50.5"), vtep(b, 60, 5, "192.168.50.4")]
    return Lab(name="lab9", title="Point-to-point VXLAN", networks=(network(),), boxes=tuple(boxes),
               overlays=(overlay(ends),))  # fmt: skip


def lab10(count: int = 3) -> Lab:
    boxes = flat(count)
    ends = [vtep(box, 60, index + 4) for index, box in enumerate(boxes)]
    return Lab(name="lab10", title="VXLAN over a multicast group", networks=(network(),), boxes=tuple(boxes),
               overlays=(overlay(ends, group=GROUP, ttl=5),))  # fmt: skip


def two() -> Lab:
    """Two overlays over one underlay: one with a group, one with head-end replication and a bridge."""
    boxes = flat(4)
    addresses = [str(box.interfaces[0].address.ip) for box in boxes]
    red = [vtep(box, 60, index + 4) for index, box in enumerate(boxes[:3])]
    blue = [
        vtep(box, 70, index + 4, flood=tuple(other for other in addresses[1:] if other != addresses[index]))
        for index, box in enumerate(boxes)
        if index
    ]
    return Lab(
        name="tenants",
        title="Two tenants over one underlay",
        networks=(network(),),
        boxes=tuple(boxes),
        overlays=(
            overlay(red, group=GROUP, ttl=5),
            overlay(blue, name="vxlan1", vni=200, learning=False, bridge="br1"),
        ),
    )


def routed() -> Lab:
    """Two underlay networks, a router between them that the file names last, one overlay across."""
    left, right = (network(50, "left"), network(51, "right", 9000))
    hosts = [
        Box(name=name, interfaces=(adapter(third, host, on=on),),
            routes=(Route(to=IPv4Network(f"192.168.{101 - third}.0/24"), via=IPv4Address(f"192.168.{third}.1")),))
        for name, third, host, on in [("boxA", 50, 4, "left"), ("boxB", 50, 5, "left"),
                                      ("boxC", 51, 4, "right"), ("boxD", 51, 5, "right")]
    ]  # fmt: skip
    router = Box(name="router", interfaces=(adapter(50, 1, on="left"), adapter(51, 1, "enp0s9", "right", 9000)),
                 forwarding=True)  # fmt: skip
    ends = [vtep(hosts[0], 60, 4, "192.168.51.4"), vtep(hosts[2], 60, 5, "192.168.50.4")]
    return Lab(name="routed", title="An overlay across a router", networks=(left, right), boxes=(*hosts, router),
               overlays=(overlay(ends),))  # fmt: skip


HOSTILE = "<script>&\"'--> ]]>\x00\x1b[31m\u202e\n{{7*7}}</svg>"


def hostile() -> Lab:
    """Names that no lab file may have; a picture must not trust that."""
    box = Box(name=HOSTILE, interfaces=(adapter(50, 4, HOSTILE, HOSTILE),))
    ends = [vtep(box, 60, 4)]
    return Lab(name=HOSTILE, title=HOSTILE * 3, networks=(network(50, HOSTILE),), boxes=(box,),
               overlays=(overlay(ends, name=HOSTILE, group=GROUP),))  # fmt: skip


def long() -> Lab:
    """The longest names that anybody could write."""
    name = "a-very-long-host-name-that-a-teacher-once-thought-was-clever-0"
    boxes = [
        Box(name=f"{name}{index}", interfaces=(adapter(50, index + 4, "enp123s45f67890", name),)) for index in range(3)
    ]
    ends = [vtep(box, 60, index + 4) for index, box in enumerate(boxes)]
    segment = overlay(ends, name="vxlan1677721500", vni=16777215, port=65535, group=IPv4Address("239.255.255.250"),
                      ttl=255, bridge="bridge123456789", learning=False)  # fmt: skip
    return Lab(name=name, title=f"{name} " * 4, networks=(network(50, name),), boxes=tuple(boxes), overlays=(segment,))


EVERY = {"lab9": lab9, "lab10": lab10, "two": two, "routed": routed, "hostile": hostile, "long": long}


def golden(name: str, text: str) -> None:
    """`text` is what the file tests/golden/`name` holds; with GOLDEN=write in the environment the file is written."""
    path = Path(__file__).parent / "golden" / name
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
