"""The lab file as a person writes it. These types are the format: the reader, the JSON Schema and the editor's help
all come from them.

Room to grow: a further kind of overlay is a further struct with a tag of its own in `Overlay`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from orchestrator.model import Machine as Resolved

BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
LAB_NAME = "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$"
QUAD = rf"({BYTE}\.){{3}}{BYTE}"

# No pattern sees a line break, for `tree` refuses them: so that `$` is the end for Python and for ECMAScript.
LabName = Annotated[
    str,
    Meta(
        title="a small letter, then small letters, digits and '-', 32 characters at most",
        pattern=LAB_NAME,
        examples=["lab10"],
    ),
]
Name = Annotated[
    str,
    Meta(
        title="a letter, then letters, digits and '-', 32 characters at most, with no '-' at the end",
        pattern="^[A-Za-z]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$",
        examples=["boxA"],
    ),
]
DeviceName = Annotated[
    str,
    Meta(
        title="a small letter, then small letters, digits, '_', '.' and '-', 15 bytes at most",
        pattern="^[a-z][a-z0-9_.-]{0,14}$",
        examples=["vxlan0"],
    ),
]
Address = Annotated[str, Meta(title="an IPv4 address", pattern=f"^{QUAD}$", examples=["192.168.50.4"])]
Subnet = Annotated[
    str,
    Meta(
        title="an IPv4 subnet with a prefix length from /8 to /30",
        pattern=rf"^{QUAD}/([89]|[12][0-9]|30)$",
        examples=["192.168.50.0/24"],
    ),
]
Destination = Annotated[
    str,
    Meta(
        title="an IPv4 subnet with a prefix length from /0 to /32",
        pattern=rf"^{QUAD}/([0-9]|[12][0-9]|3[0-2])$",
        examples=["192.168.51.0/24"],
    ),
]
Image = Annotated[
    str,
    Meta(
        title="two names of letters, digits, '_', '.' and '-', with a '/' between them",
        pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        examples=["bento/debian-12"],
    ),
]
Version = Annotated[
    str,
    Meta(
        title="numbers with dots between them, 64 characters at most",
        pattern=r"^(?=.{1,64}$)[0-9]+(\.[0-9A-Za-z]+)*(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$",
        examples=["202502.21.0"],
    ),
]
Url = Annotated[
    str,
    Meta(
        title="a URL that begins with https://, http:// or file://, with no space and no quote in it",
        pattern=r"^(https?|file)://[A-Za-z0-9._~:/?@!$&()*+,;=%\[\]-]{1,1000}$",
        examples=["https://example.org/debian-12.box"],
    ),
]
Sha256 = Annotated[
    str,
    Meta(
        title="64 hexadecimal digits, small letters",
        pattern="^[0-9a-f]{64}$",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]

Ttl = Annotated[int, Meta(ge=1, le=255)]
InnerMtu = Annotated[int, Meta(ge=68, le=65485)]


class Written(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What all parts of a lab file have in common: an unknown key is an error."""


class Network(Written, frozen=True):
    """An underlay network: one switch that floods multicast, without a router of its own."""

    subnet: Annotated[Subnet, Meta(description="The subnet that the boxes' addresses on this network are from.")]
    mtu: Annotated[
        int,
        Meta(ge=118, le=65535, description="The largest packet on this network, in bytes. VXLAN takes 50 of them."),
    ] = 1500


class Box(Written, frozen=True):
    """A host of the lab."""

    addresses: Annotated[
        dict[Name, Address],
        Meta(
            min_length=1,
            max_length=7,
            description="The box's address on each of its networks. The first is adapter enp0s8, then enp0s9, enp0s10, "
            "enp0s16 to enp0s19.",
        ),
    ]
    routes: Annotated[
        dict[Destination, Address],
        Meta(max_length=64, description="Static routes: a subnet, and a router's address on a network of the box."),
    ] = {}
    forwarding: Annotated[
        bool, Meta(description="true makes the box a router: it forwards packets between its networks.")
    ] = False


class Member(Written, frozen=True):
    """A box's part in an overlay."""

    address: Annotated[Address, Meta(description="The box's address inside the overlay.")]
    remote: Annotated[
        Address | UnsetType,
        Meta(description="Point to point: the other box's underlay address. Then both members have a remote."),
    ] = UNSET
    network: Annotated[
        Name | UnsetType,
        Meta(description="The network that carries the overlay for this box, where the box is on several."),
    ] = UNSET


class Vxlan(Written, frozen=True, tag_field="kind", tag="vxlan"):
    """A VXLAN segment (RFC 7348). Flooded frames go exactly one way: `group`, each member's `remote`, or `flood`."""

    vni: Annotated[int, Meta(ge=0, le=16777215, description="The VXLAN network identifier, 24 bits.")]
    subnet: Annotated[Subnet, Meta(description="The subnet that the members' addresses are from.")]
    members: Annotated[
        dict[Name, Member], Meta(min_length=2, max_length=1000, description="The boxes that the overlay joins.")
    ]
    port: Annotated[int, Meta(ge=1, le=65535, description="The UDP port; 4789 is the one that IANA assigned.")] = 4789
    group: Annotated[
        Address | UnsetType,
        Meta(description="The IPv4 multicast group, 224.0.0.0 to 239.255.255.255, that flooded frames go to."),
    ] = UNSET
    flood: Annotated[
        Literal["head-end"] | UnsetType,
        Meta(description="head-end: the sender sends a copy of each flooded frame to every other member."),
    ] = UNSET
    ttl: Annotated[
        Ttl | UnsetType, Meta(description="The outer packets' TTL. The kernel's default for a group is 1.")
    ] = UNSET
    mtu: Annotated[
        InnerMtu | UnsetType, Meta(description="The largest packet in the overlay; default: the underlay's less 50.")
    ] = UNSET
    learning: Annotated[
        bool, Meta(description="Whether the device learns from arriving frames which box has which MAC address.")
    ] = True
    network: Annotated[
        Name | UnsetType,
        Meta(description="The network that carries the overlay; not needed where each member is on one only."),
    ] = UNSET
    bridge: Annotated[
        DeviceName | UnsetType,
        Meta(description="The bridge in each member that the device is enslaved to; it bears the overlay address."),
    ] = UNSET


Overlay = Vxlan
"""Every kind of overlay: the union, told apart by `kind`, once there are several."""


class Machine(Written, frozen=True):
    """What each box is made as where boxes are virtual machines. On namespaces it means nothing."""

    image: Annotated[
        Image,
        Meta(
            description="The Vagrant box that the machines are made from. Any other than labctl's own needs a version."
        ),
    ] = Resolved().image
    version: Annotated[Version | UnsetType, Meta(description="The Vagrant box's version.")] = UNSET
    url: Annotated[
        Url | UnsetType, Meta(description="Where the Vagrant box's file is, if no registry has it. It needs sha256.")
    ] = UNSET
    sha256: Annotated[Sha256 | UnsetType, Meta(description="What the bytes of the file at url hash to.")] = UNSET
    memory: Annotated[int, Meta(ge=64, le=65536, description="Memory of each machine, in MiB.")] = Resolved().memory
    cpus: Annotated[int, Meta(ge=1, le=32, description="Processors of each machine.")] = Resolved().cpus
    boot_timeout: Annotated[
        int, Meta(ge=10, le=7200, description="How long a machine may take from power-on to SSH, in seconds.")
    ] = Resolved().boot_timeout


class LabFile(Written, frozen=True):
    """A lab: networks, the boxes on them, and the overlays across the boxes."""

    name: Annotated[LabName, Meta(description="The lab's name; `labctl up --name` makes a copy that has another.")]
    title: Annotated[
        str, Meta(title="1 to 100 characters", min_length=1, max_length=100,
                  description="What the lab shows, in a few words.")
    ]  # fmt: skip
    networks: Annotated[
        dict[Name, Network], Meta(min_length=1, max_length=32, description="The underlay networks, by name.")
    ]
    boxes: Annotated[dict[Name, Box], Meta(min_length=1, max_length=1000, description="The boxes, by name.")]
    overlays: Annotated[
        dict[DeviceName, Overlay],
        Meta(min_length=1, max_length=64, description="The overlays, by the name of their device in every member."),
    ]
    machine: Annotated[
        Machine | UnsetType, Meta(description="What each box is made as where boxes are virtual machines.")
    ] = UNSET


def schema() -> dict[str, Any]:
    """The format as JSON Schema (draft 2020-12), for editors."""
    generated = msgspec.json.schema(LabFile)
    parts = generated["$defs"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **parts.pop("LabFile"),
        "title": "labctl lab file",
        "$defs": parts,
    }
