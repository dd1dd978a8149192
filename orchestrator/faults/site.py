"""Where a fault strikes: an overlay's end in one box, and the words that its commands and sentences are made of."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

from orchestrator.model import Interface, Lab, Network, Overlay, Vtep


class Site(NamedTuple):
    """One end of an overlay. `peer`: the next member, whose values are taken where two boxes shall have the same."""

    lab: Lab
    overlay: Overlay
    vtep: Vtep
    peer: Vtep
    adapter: str

    @property
    def interface(self) -> Interface:
        """The underlay adapter, as the lab has it."""
        return self.lab.box(self.vtep.box).interface(self.vtep.device)

    @property
    def network(self) -> Network:
        """The underlay network."""
        return next(network for network in self.lab.networks if network.name == self.interface.network)

    @property
    def place(self) -> str:
        """The box and the overlay, as a person says it."""
        return f"{self.vtep.box} {self.overlay.name}"

    def words(self) -> dict[str, str]:
        """What stands for each {word} in a fault's texts. All are names and numbers that the lab file's rules allow."""
        overlay, vtep, peer, mtu = self.overlay, self.vtep, self.peer, self.interface.mtu
        return {
            "box": vtep.box, "device": overlay.name, "bearer": overlay.bearer, "adapter": self.adapter,
            "interface": vtep.device, "vni": str(overlay.vni), "other_vni": str(overlay.vni % 16777215 + 1),
            "port": str(overlay.port), "other_port": "4789" if overlay.port == 8472 else "8472",
            "group": str(overlay.group), "other_group": str(_next(overlay.group)), "remote": str(vtep.remote),
            "stranger": str(self._stranger()), "mtu": str(overlay.mtu), "mtu_more": str(overlay.mtu + 50),
            "mtu_less": str(overlay.mtu - 100), "underlay_mtu": str(mtu), "underlay_more": str(mtu + 100),
            "underlay_less": str(mtu - 100), "underlay": str(vtep.underlay), "underlay_mac": self.interface.mac,
            "network_address": str(self.interface.address), "address": str(vtep.address), "mac": vtep.mac,
            "peer": peer.box, "peer_mac": peer.mac, "peer_underlay": str(peer.underlay),
            "peer_address": f"{peer.address.ip}/{vtep.address.network.prefixlen}",
            "switch": f"sw{self.lab.networks.index(self.network)}", "other_mac": "02:00:00:00:99:99",
            "neighbours": str(self._neighbours()),
        }  # fmt: skip

    def _neighbours(self) -> int:
        """How many other members have their end on the same network."""
        ends = [self.lab.box(vtep.box).interface(vtep.device) for vtep in self.overlay.vteps if vtep != self.vtep]
        return sum(end.network == self.network.name for end in ends)

    def _stranger(self) -> IPv4Address:
        """An address of the underlay network that no box has."""
        taken = {i.address.ip for box in self.lab.boxes for i in box.interfaces}
        return next((host for host in self.network.subnet.hosts() if host not in taken), self.peer.underlay)


def sites(lab: Lab) -> Iterator[Site]:
    """Every end of every overlay that has a peer, box by box; `adapter` is the lab's own name for it."""
    for box in lab.boxes:
        for overlay, vtep in lab.vteps(box.name):
            others = [other for other in overlay.vteps if other.box != box.name]
            if others:
                place = overlay.vteps.index(vtep)
                yield Site(lab, overlay, vtep, others[place % len(others)], vtep.device)


def _next(group: IPv4Address | None) -> IPv4Address | None:
    return None if group is None else group + 1 if group.packed[3] < 255 else group - 1
