"""What the boxes are asked: pure, from the model to argument lists."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from orchestrator.model import Box, Lab, Overlay, Vtep
from orchestrator.verify import targets
from orchestrator.verify.script import Patient, Stage
from orchestrator.verify.targets import Edge

Key = tuple[str, ...]

PATIENCE = 2.0
"""Seconds that are waited for an answer even when the deadline is over."""

PROBE_PORT = 54789
"""The TCP port that the probe listens on, of the dynamic ports (RFC 6335, section 6)."""

PYTHON = "if [ -x /usr/bin/python3 ]; then exec /usr/bin/python3 -I -S - %s; fi; exec python3 -I -S - %s"

# Entries are deleted one by one, because `bridge fdb flush` needs Linux 6.7 for vxlan. What was there is printed.
EMPTY = """\
PATH=$PATH:/usr/sbin:/sbin
neighbours=$(ip neigh show nud incomplete nud reachable nud stale nud delay nud probe nud failed)
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
    """Everything that a box is asked, in order. The FDB comes last: what the pings taught it is in it."""
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
    fdb: list[Stage[Key]] = [
        {("fdb", overlay.name): ["bridge", "-j", "fdb", "show", "dev", overlay.name]}
        for overlay, _ in lab.vteps(box.name)
    ]
    return [*stages, pings, sizes, *fdb, {("flushed",): ["ip", "neigh", "flush", "all"]}]


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


def serving(overlay: Overlay, edge: Edge | None, token: str) -> list[str]:
    """The probe's words for an edge's server; none where there is no edge."""
    if edge is None:
        return []
    address = str(end(overlay, edge.server).address.ip)
    return ["serve", overlay.name, address, str(PROBE_PORT), token, str(overlay.vni)]


def sending(lab: Lab, overlay: Overlay, edge: Edge | None, token: str) -> list[str]:
    """The probe's words for an edge's client; none where there is no edge."""
    if edge is None:
        return []
    mine, other = end(overlay, edge.client), end(overlay, edge.server)
    return [
        "send", str(mine.underlay), str(other.underlay), str(overlay.port), str(overlay.vni),
        str(foreign_vni(lab, overlay)), mine.mac, other.mac,
        str(mine.address.ip), str(other.address.ip), str(PROBE_PORT), token,
    ]  # fmt: skip


@cache
def probe_text() -> str:
    """The probe's source."""
    return (Path(__file__).parent / "probe.py").read_text()
