"""What the boxes are asked: pure, from the model to argument lists."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from orchestrator.model import Box, Lab, Overlay, Vtep
from orchestrator.verify import targets
from orchestrator.verify.script import Patient, Record, Stage
from orchestrator.verify.targets import Edge

Key = tuple[str, ...]

PATIENCE = 2.0
"""Seconds that are waited for an answer even when the deadline is over."""

PROBE_PORT = 54789
"""The TCP port that the probe listens on, of the dynamic ports (RFC 6335, section 6)."""

# Who knows whom is left from the pings, and is chance: TCP begins without it, and has to find its neighbour by itself.
PYTHON = """\
PATH=$PATH:/usr/sbin:/sbin ip neigh flush all >/dev/null 2>&1
if [ -x /usr/bin/python3 ]; then exec /usr/bin/python3 -I -S - %s; fi; exec python3 -I -S - %s"""

# Entries are deleted one by one, because `bridge fdb flush` needs Linux 6.7 for vxlan. What was there is printed.
# Neighbours on the device of the default route are none of the lab: there labctl itself comes into a machine.
EMPTY = """\
PATH=$PATH:/usr/sbin:/sbin
out=$(ip route show default | sed -n 's/.* dev \\([^ ]*\\).*/ dev \\1 /p')
neighbours=$(ip neigh show nud incomplete nud reachable nud stale nud delay nud probe nud failed |
  grep -vF "${out:-no device}")
[ -z "$neighbours" ] || ip neigh flush all
learned=$(
  for device in %s; do
    bridge fdb show dev $device | while read -r mac rest; do
      case " $rest " in
        *" permanent "* | *" static "*) ;;
        *" master "*) echo "fdb del $mac dev $device master" ;;
        *) echo "fdb del $mac dev $device self" ;;
      esac
    done
  done
)
[ -z "$learned" ] || echo "$learned" | bridge -force -batch -
echo "$neighbours$learned"
"""


def end(overlay: Overlay, box: str) -> Vtep:
    """The overlay's VTEP in `box`, which is a member."""
    vtep = overlay.vtep(box)
    assert vtep is not None, f"{box} is no member of {overlay.name}"
    return vtep


def foreign_vni(lab: Lab, overlay: Overlay) -> int:
    """A VNI that no overlay on this one's port has."""
    used = {other.vni for other in lab.overlays if other.port == overlay.port}
    return next(vni % 2**24 for vni in range(overlay.vni + 1, overlay.vni + 2**24) if vni % 2**24 not in used)


def commands(lab: Lab, box: Box, deadline: float) -> list[Stage[Key]]:
    """Everything that a box is asked, in order. `deadline`: of its pings, which run side by side, in seconds."""
    stages: list[Stage[Key]] = [
        {("links",): ["ip", "-j", "-d", "addr", "show"]},
        {("groups",): ["ip", "-j", "maddr", "show"]},
        {("default",): ["ip", "-j", "route", "show", "default"]},
        {("sockets",): ["ss", "-lunpH"]},
    ]
    pings: dict[Key, Patient] = {
        ("underlay", str(target.address)): _ping(deadline, target.source, target.address)
        for target in targets.underlay(lab, box)
    }
    sizes: dict[Key, list[str]] = {}
    for overlay, _ in lab.vteps(box.name):
        for peer in targets.peers(overlay, box.name):
            pings["ping", overlay.name, peer] = _ping(deadline, overlay.bearer, end(overlay, peer).address.ip)
        if len(overlay.vteps) > 1:
            next_address = end(overlay, targets.following(overlay, box.name)).address.ip
            sizes["fits", overlay.name] = _sized(overlay, 0, next_address, "-q", f"-w{whole(min(deadline, PATIENCE))}")
            sizes["too big", overlay.name] = _sized(overlay, 1, next_address, "-W0.2")
    return [*stages, {**pings, **sizes}, *taught(lab, box)]


def taught(lab: Lab, box: Box) -> list[Stage[Key]]:
    """What comes after pings: the FDB, with what they taught it, and an end to the neighbour entries that they left."""
    fdb: list[Stage[Key]] = [
        {("fdb", overlay.name): ["bridge", "-j", "fdb", "show", "dev", overlay.name]}
        for overlay, _ in lab.vteps(box.name)
    ]
    return [*fdb, {("flushed",): ["ip", "neigh", "flush", "all"]}]


def unanswered(records: Mapping[Key, Record]) -> list[Key]:
    """The pings that may yet be answered. What is too long for a device stays so, and "too big" ought to."""
    return [
        key for key, record in records.items()
        if key[0] in ("underlay", "ping", "fits") and record.returncode == 1
        and "message too long" not in record.output.casefold()
    ]  # fmt: skip


def ends(lab: Lab, box: Box, key: Key) -> tuple[tuple[str, str], tuple[str, str]]:
    """The (box, address) that a ping goes out from, and the one that it goes to."""
    if key[0] == "underlay":
        target = next(target for target in targets.underlay(lab, box) if str(target.address) == key[1])
        return (box.name, str(target.source)), (target.box, str(target.address))
    overlay = next(overlay for overlay, _ in lab.vteps(box.name) if overlay.name == key[1])
    peer = key[2] if key[0] == "ping" else targets.following(overlay, box.name)
    return (box.name, str(end(overlay, box.name).address.ip)), (peer, str(end(overlay, peer).address.ip))


def whole(seconds: float) -> int:
    """Seconds as ping takes them for -w: 1 at least, because 0 is for ever."""
    return max(round(seconds), 1)


def _ping(deadline: float, source: object, address: object) -> Patient:
    """Asks every 10 ms until the first answer: ping(8), -c with -w.

    ping gives up at the first error, such as an address that ARP could not resolve, hence the Patient and the short -w.
    """
    seconds = whole(min(deadline, PATIENCE))
    return Patient(["ping", "-q", "-c1", f"-w{seconds}", "-i0.01", "-I", str(source), str(address)])


def _sized(overlay: Overlay, more: int, address: object, *options: str) -> list[str]:
    """A ping with DF whose IPv4 packet is `more` bytes over the MTU: IPv4 header 20 bytes, ICMP header 8."""
    size = overlay.mtu - 28 + more
    return ["ping", "-c1", "-i0.01", *options, "-M", "do", "-s", str(size), "-I", overlay.bearer, str(address)]


def serving(overlay: Overlay, edge: Edge, deadline: float, token: str) -> list[str]:
    """The probe's words for an edge's server."""
    address = str(end(overlay, edge.server).address.ip)
    flood = f"flood/{edge.client}"
    return ["serve", f"{deadline:.1f}", overlay.name, address, str(PROBE_PORT), token, str(overlay.vni), flood]


def sending(lab: Lab, overlay: Overlay, edge: Edge, deadline: float, token: str) -> list[str]:
    """The probe's words for an edge's client."""
    mine, other = end(overlay, edge.client), end(overlay, edge.server)
    return [
        "send", f"{deadline:.1f}", str(other.underlay), str(mine.underlay), str(overlay.port), str(overlay.vni),
        str(foreign_vni(lab, overlay)), mine.mac, other.mac,
        str(mine.address.ip), str(other.address.ip), str(PROBE_PORT), token, overlay.bearer, f"flood/{edge.client}",
    ]  # fmt: skip


def shown(words: list[str]) -> str:
    """The probe's command as evidence shows it: what it does, for how long and to whom; … stands for the rest."""
    split = words.index("send") if "send" in words else len(words)
    parts = [[*words[:4], "…"] if split else [], [*words[split : split + 3], "…"] if words[split:] else []]
    return " ".join(["python3", "-", *parts[0], *parts[1]])


@cache
def probe_text() -> str:
    """The probe's source."""
    return (Path(__file__).parent / "probe.py").read_text()
