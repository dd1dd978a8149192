"""Every fault that labctl knows how to make.

Which checks must catch each one is seen, not thought: docs/faults.md is what the tests found.
"""

from __future__ import annotations

from orchestrator.faults.fault import Fault
from orchestrator.faults.site import Site

_OWN = "{box}/{device}/"
_PINGS = ("{box}/{device}/ping/*", "*/{device}/ping/{box}")
_FLOOD_IN, _FLOOD_OUT = "{box}/{device}/flood/*", "*/{device}/flood/{box}"
_FRAMES_IN, _FRAMES_OUT = "{box}/{device}/isolation/*", "*/{device}/isolation/{box}"
_TCP = ("{box}/{device}/tcp/*", "*/{device}/tcp/{box}")
_SIZES = ("{box}/{device}/size/*", "*/{device}/size/{box}")
_FDB = ("{box}/{device}/fdb/*", "*/{device}/fdb/{box}")
_TRAFFIC = (*_PINGS, _FLOOD_IN, _FLOOD_OUT, _FRAMES_IN, _FRAMES_OUT, *_TCP, *_SIZES, *_FDB)
_REACH = ("{box}/underlay/reach/*", "*/underlay/reach/{underlay}")

# A socket that outlives the command which made it; it has nothing of labctl's but its name.
_SOCKET = """\
import os, signal, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", int(sys.argv[1])))
if os.fork():
    os._exit(0)
os.setsid()
null = os.open(os.devnull, os.O_RDWR)
for fd in (0, 1, 2):
    os.dup2(null, fd)
while True:
    signal.pause()
"""
# Braces would be a word's: these scripts go to `sh -c` as they are, with the words as arguments.
_KILL = 'while pkill -KILL -f -- "$1"; do sleep 0.02; done'
_DELETE = 'if [ -e "/sys/class/net/$1" ]; then ip link del dev "$1"; fi'
_DELETE_BRIDGE = 'if [ -d "/sys/class/net/$1/bridge" ]; then ip link del dev "$1"; fi'
# `del` with a word too few says nothing and deletes nothing: each entry is given back as it was shown.
_NO_DEFAULT = """\
bridge fdb show dev "$1" | while read -r mac rest; do
  case $mac in 00:00:00:00:00:00) bridge fdb del $mac dev "$1" $(echo "$rest" | sed 's/ self.*//'); esac
done
"""
_UNROUTE = 'ip route del default via "$1" 2>/dev/null; [ -z "$(ip route show default via "$1")" ]'
# The querier asks at once: all but the silenced box have answered when the others' reports are in the switch's table.
_REPORTED = '[ "$(bridge mdb show dev "$1" | grep -cF " grp $2 ")" -ge "$3" ]'
_OFFLOAD = 'if [ -e "/sys/class/net/$1" ]; then ethtool -K "$1" tx on >/dev/null; fi'


def _filter(hook: str, rule: str) -> tuple[str, str]:
    chain = f"add chain ip labctl-fault {hook} {{{{ type filter hook {hook} priority 0; }}}}"
    return ("nft", f"add table ip labctl-fault; {chain}; add rule ip labctl-fault {hook} {rule}")


# `add` first, so that it does no harm where the table is gone.
_UNFILTER = ("nft", "add table ip labctl-fault; delete table ip labctl-fault")


def _group(site: Site) -> bool:
    return site.overlay.group is not None


def _remote(site: Site) -> bool:
    return site.vtep.remote is not None


def _ttl(site: Site) -> bool:
    return site.overlay.group is not None and site.overlay.ttl is not None


def _plain(site: Site) -> bool:
    return site.overlay.bridge is None


def _bridge(site: Site) -> bool:
    return site.overlay.bridge is not None


def _learns(site: Site) -> bool:
    return site.overlay.learning


def _learns_not(site: Site) -> bool:
    return not site.overlay.learning


_DEVICE = (
    Fault(
        "wrong-vni", "{box}'s {device} has VNI {other_vni}, not {vni}",
        (_OWN + "vni", *_PINGS, _FLOOD_IN, _FLOOD_OUT, _FRAMES_IN, *_TCP), _TRAFFIC, alter={"vni": "{other_vni}"},
    ),
    Fault(
        "wrong-port", "{box}'s {device} uses UDP port {other_port}, not {port}",
        (_OWN + "port", _OWN + "socket", *_PINGS, _FLOOD_IN, _FLOOD_OUT, _FRAMES_IN, *_TCP), _TRAFFIC,
        alter={"port": "{other_port}"},
    ),
    Fault(
        "wrong-group", "{box}'s {device} floods to {other_group}, not {group}",
        (_OWN + "destination", _OWN + "group", _OWN + "default", _FLOOD_IN, _FLOOD_OUT), _TRAFFIC, _group,
        alter={"group": "{other_group}"},
    ),
    Fault(
        "wrong-remote", "{box}'s {device} sends to {stranger}, not {remote}",
        (_OWN + "destination", _OWN + "default", _FLOOD_OUT), _TRAFFIC, _remote,
        run=("ip link set dev {device} type vxlan remote {stranger}",),
    ),
    Fault(
        "no-ttl", "{box}'s {device} has a group and no TTL: its packets do not pass a router", (_OWN + "ttl",),
        applies=_ttl, run=("ip link set dev {device} type vxlan ttl auto",),
    ),
    Fault(
        "wrong-underlay", "{box}'s {device} goes over lo, not {adapter}",
        (_OWN + "underlay",), (_OWN + "group", _OWN + "default", *_TRAFFIC), alter={"device": "lo"},
    ),
    Fault(
        "mtu-too-large", "{box}'s {device} has an MTU of {mtu_more}: with VXLAN's 50 bytes too much for the underlay",
        (_OWN + "mtu", "{box}/{device}/size/*"), ("*/{device}/size/{box}", *_TCP),
        run=("ip link set dev {adapter} mtu {underlay_more}", "ip link set dev {device} mtu {mtu_more}",
             "ip link set dev {adapter} mtu {underlay_mtu}"),
    ),
    Fault(
        "mtu-too-small", "{box}'s {device} has an MTU of {mtu_less}, not {mtu}",
        (_OWN + "mtu", "{box}/{device}/size/*"), ("*/{device}/size/{box}", *_TCP),
        run=("ip link set dev {device} mtu {mtu_less}",),
    ),
    Fault(
        "duplicate-mac", "{box}'s {device} has the MAC of {peer}'s",
        (_OWN + "mac", _OWN + "unique", "{peer}/{device}/unique", "{box}/{device}/ping/{peer}"),
        (*_TRAFFIC, "*/{device}/*/{peer}", "{peer}/{device}/fdb/*"), _plain,
        run=("ip link set dev {device} address {peer_mac}",),
    ),
    Fault(
        "duplicate-address", "{box}'s {bearer} has the address of {peer}'s",
        (_OWN + "address", "*/{device}/ping/{box}"),
        (*_TRAFFIC, "*/{device}/ping/{peer}", "*/{device}/tcp/{peer}", "*/{device}/size/{peer}",
         "*/{device}/fdb/{peer}"),
        run=("ip addr del {address} dev {bearer}", "ip addr add {peer_address} dev {bearer}"),
    ),
    Fault(
        "no-address", "{box}'s {bearer} has no address", (_OWN + "address", *_PINGS, *_TCP), (*_SIZES, *_FDB),
        run=("ip addr flush dev {bearer}",),
    ),
    Fault(
        "device-down", "{box}'s {device} is down", (_OWN + "up", _OWN + "socket", *_PINGS, _FLOOD_IN, *_TCP),
        (_OWN + "group", _OWN + "bearer-up", *_TRAFFIC), run=("ip link set dev {device} down",),
    ),
    Fault(
        "no-device", "{box} has no {device}", (_OWN + "kind", *_PINGS, *_TCP), (_OWN + "*", *_TRAFFIC),
        run=("ip link del dev {device}",),
    ),
    Fault(
        "wrong-kind", "{box}'s {device} is a bridge",
        (_OWN + "kind", *_PINGS, *_TCP), (_OWN + "*", *_TRAFFIC), _plain,
        run=("ip link del dev {device}", "ip link add name {device} address {mac} type bridge",
             "ip addr add {address} dev {device}", "ip link set dev {device} up"),
        undo=(("sh", "-c", _DELETE_BRIDGE, "sh", "{device}"),),
    ),
    Fault(
        "every-vni", "{box}'s {device} was made `external`: it receives every VNI",
        (_OWN + "vni", _FRAMES_IN), (_OWN + "*", *_TRAFFIC), _plain,
        run=("ip link del dev {device}",
             "ip link add name {device} address {mac} type vxlan external dstport {port}",
             "ip addr add {address} dev {device}", "ip link set dev {device} up"),
    ),
    Fault(
        "foreign-bridge", "{box}'s {device} is a port of a bridge that has no address",
        (_OWN + "master", *_PINGS, *_TCP), _TRAFFIC, _plain,
        run=("ip link add name br-fault type bridge", "ip link set dev br-fault up",
             "ip link set dev {device} master br-fault"),
        undo=(("sh", "-c", _DELETE_BRIDGE, "sh", "br-fault"),),
    ),
    Fault(
        "no-bridge", "{box}'s {device} is not in {bearer}", (_OWN + "master", *_PINGS),
        (_OWN + "bearer-up", *_TRAFFIC), _bridge,
        run=("ip link set dev {device} nomaster",),
    ),
    Fault(
        "bridge-down", "{box}'s {bearer} is down", (_OWN + "bearer-up", *_PINGS), _TRAFFIC, _bridge,
        run=("ip link set dev {bearer} down",),
    ),
)  # fmt: skip

_FORWARDING = (
    Fault(
        "learning-off", "{box}'s {device} does not learn: it floods every frame",
        (_OWN + "learning", "{box}/{device}/fdb/*"),
        applies=_learns, run=("ip link set dev {device} type vxlan nolearning",),
    ),
    Fault(
        "learning-on", "{box}'s {device} learns, and shall not", (_OWN + "learning", "{box}/{device}/fdb/*"),
        applies=_learns_not, run=("ip link set dev {device} type vxlan learning",),
    ),
    Fault(
        "stale-fdb", "{box}'s {device} has a fixed entry that sends {peer}'s frames to {stranger}",
        (_OWN + "static", "{box}/{device}/fdb/{peer}", "{box}/{device}/ping/{peer}"), _TRAFFIC, _learns,
        run=("bridge fdb replace {peer_mac} dev {device} dst {stranger} self permanent",),
    ),
    Fault(
        "no-default", "{box}'s {device} has no entry for unknown destinations: it floods nothing",
        (_OWN + "default", _FLOOD_OUT), _TRAFFIC,
        run=(("sh", "-c", _NO_DEFAULT, "sh", "{device}"),),
    ),
)  # fmt: skip

_BELOW = (
    Fault("lo-down", "{box}'s lo is down", ("{box}/lo/up",), run=("ip link set dev lo down",)),
    Fault(
        "underlay-down", "{box}'s {adapter} is down", ("{box}/{interface}/up", *_REACH, *_PINGS, *_TCP),
        _TRAFFIC, run=("ip link set dev {adapter} down",),
    ),
    Fault(
        "no-underlay-address", "{box}'s {adapter} has no address",
        ("{box}/{interface}/address", *_REACH, *_PINGS, *_TCP), _TRAFFIC, run=("ip addr flush dev {adapter}",),
    ),
    Fault(
        "underlay-mtu", "{box}'s {adapter} has an MTU of {underlay_less}: the overlay's frames do not fit it",
        ("{box}/{interface}/mtu",), (*_SIZES, *_TCP), run=("ip link set dev {adapter} mtu {underlay_less}",),
    ),
    Fault(
        "underlay-mac", "{box}'s {adapter} has another MAC", ("{box}/{interface}/mac",),
        run=("ip link set dev {adapter} address {other_mac}",),
    ),
    Fault(
        "default-route", "{box}'s default route goes over {adapter}", ("{box}/{interface}/not-default",),
        run=("ip route prepend default via {peer_underlay} dev {adapter}",),
        undo=(("sh", "-c", _UNROUTE, "sh", "{peer_underlay}"),),
    ),
)  # fmt: skip

_AROUND = (
    Fault(
        "firewall-in", "{box} drops the UDP {port} that arrives at {adapter}",
        ("{box}/{device}/udp-in", *_PINGS, _FLOOD_IN, _FRAMES_IN, *_TCP), _TRAFFIC,
        run=(_filter("input", "iifname {adapter} udp dport {port} counter drop"),), undo=(_UNFILTER,),
    ),
    Fault(
        "firewall-out", "{box} drops the UDP {port} that leaves over {adapter}",
        ("{box}/{device}/udp-out", *_PINGS, _FLOOD_OUT, _FRAMES_OUT, *_TCP), _TRAFFIC,
        run=(_filter("output", "oifname {adapter} udp dport {port} counter drop"),), undo=(_UNFILTER,),
    ),
    Fault(
        "igmp-lost", "the switch has a querier, and {box}'s reports do not reach it: what is flooded passes {box} by",
        ("{box}/{device}/multicast-in", _FLOOD_IN), (*_PINGS, *_TCP, *_SIZES, *_FDB), _group,
        run=(_filter("output", "ip protocol igmp counter drop"),), undo=(_UNFILTER,),
        beside=("ip link set dev {switch} type bridge mcast_query_response_interval 1 mcast_startup_query_interval 100"
                " mcast_igmp_version 3",
                "ip link set dev {switch} type bridge mcast_snooping 1 mcast_querier 1"),
        undo_beside=("ip link set dev {switch} type bridge mcast_snooping 0 mcast_querier 0 mcast_igmp_version 2"
                     " mcast_query_response_interval 1000 mcast_startup_query_interval 3125",),
        until=("sh", "-c", _REPORTED, "sh", "{switch}", "{group}", "{neighbours}"), providers=("netns",),
    ),
    Fault(
        "tcp-damaged", "the TCP segments that {box} sends over {bearer} have a wrong checksum, as bad offloading does",
        ("{box}/{device}/tcp-out", *_TCP),
        run=(_filter("output", "oifname {bearer} meta l4proto tcp tcp checksum set 0xdead"),
             "ethtool -K {bearer} tx off"),
        undo=(_UNFILTER, ("sh", "-c", _OFFLOAD, "sh", "{bearer}")),
    ),
    Fault(
        "socket-taken", "an `external` vxlan device of {box}'s has taken UDP {port} before {device} came up",
        (_OWN + "exclusive", _OWN + "up", *_PINGS, *_TCP), (_OWN + "*", *_TRAFFIC),
        run=("ip link set dev {device} down", "ip link add name vxlan-fault type vxlan external dstport {port}",
             "ip link set dev vxlan-fault up"),
        undo=(("sh", "-c", _DELETE, "sh", "vxlan-fault"),),
    ),
    Fault(
        "port-taken", "a process of {box}'s has taken UDP {port} before {device} came up",
        (_OWN + "exclusive", _OWN + "up", _OWN + "socket", *_PINGS, *_TCP), (_OWN + "*", *_TRAFFIC),
        run=("ip link set dev {device} down",
             ("python3", "-I", "-S", "-c", _SOCKET, "{port}", "labctl-fault-{box}-{port}")),
        undo=(("sh", "-c", _KILL, "sh", "[l]abctl-fault-{box}-{port}"),),
    ),
)  # fmt: skip

FAULTS = {fault.name: fault for fault in (*_BELOW, *_DEVICE, *_FORWARDING, *_AROUND)}
"""Every fault, by its name, from the ground up."""
