"""The embedded default: a lab is a holder process, a box a set of namespaces in it, a network a bridge beside them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from orchestrator import command, store
from orchestrator.connections.nsenter import Nsenter
from orchestrator.errors import LabError
from orchestrator.events import Emit
from orchestrator.iproute import Command, batches
from orchestrator.model import Box, Lab
from orchestrator.plan import Step, hosts, sysctls
from orchestrator.providers import State
from orchestrator.providers.netns import holder, host
from orchestrator.store import Instance

_SETTLE_SECONDS = 5.0


class FreshBoxes:
    """See providers.Fresh: a holder that waits for its commit, and the connection into it."""

    def __init__(self, lab: Lab, made: holder.Holder, connection: Nsenter) -> None:
        self._made, self.connection = made, connection

    def commit(self) -> None:
        """See providers.Fresh."""
        self._made.commit()

    def __enter__(self) -> FreshBoxes:
        return self

    def __exit__(self, *_: object) -> None:
        self._made.end()


class Netns:
    """See providers.Provider."""

    name, converges, blank, lasting = "netns", "direct", True, False

    def steps(self, lab: Lab) -> Sequence[Step]:
        """See providers.Provider."""
        return (Step("", underlay(lab)),)

    def create(self, lab: Lab, emit: Emit, *, keep: bool = False) -> FreshBoxes:
        """See providers.Provider."""
        owner = holder.account()
        boxes = {box.name: holder.BoxSpec(sysctls(lab, box), files(lab, box)) for box in lab.boxes}
        made = holder.Holder(lab.name, boxes, store.holder_file(lab.name), owner)
        try:
            connection = Nsenter(made.pid, list(boxes), holder.prefix(owner))
            for argv, lines in batches(underlay(lab)):
                command.require(connection.run_beside(argv, stdin=lines), "cannot make the underlay")
        except BaseException:
            made.end()
            raise
        return FreshBoxes(lab, made, connection)

    def settle(self, lab: Lab) -> None:
        """See providers.Provider. A port that does not forward yet loses the first ARP request."""
        pid = holder.holder_pid(store.holder_file(lab.name))
        ports = sum(len(box.interfaces) for box in lab.boxes)
        states = [Path(f"/proc/{pid}/root/sys/class/net/p{number + 1}/operstate") for number in range(ports)]
        deadline = time.monotonic() + _SETTLE_SECONDS
        while states := [state for state in states if state.read_text() != "up\n"]:
            if time.monotonic() > deadline:
                raise LabError(f"the switch does not forward after {_SETTLE_SECONDS:g} s")
            time.sleep(0.001)

    def owner(self) -> tuple[int, int]:
        """See providers.Provider."""
        owner = holder.account()
        return (os.getuid(), os.getgid()) if owner is None else (owner.uid, owner.gid)

    def warnings(self) -> Sequence[str]:
        """See providers.Provider."""
        table = host.neighbours()
        if table is None or not table.near:
            return ()
        return (
            f"the host's neighbour table holds {table.entries} of at most {table.limit} entries, and labs share it: "
            f"pings will fail when it is full; {host.NEIGHBOUR_ADVICE}",
        )

    def state(self, name: str) -> State:
        """See providers.Provider."""
        return "gone" if holder.holder_pid(store.holder_file(name)) is None else "up"

    def halt(self, name: str, emit: Emit) -> None:
        """See providers.Provider. Nothing of a namespace can be off: the boxes go, and `create` makes them again."""
        self.destroy(name)

    def connection(self, instance: Instance) -> Nsenter:
        """See providers.Provider."""
        name = instance.lab.name
        pid = holder.holder_pid(store.holder_file(name))
        if pid is None:
            raise LabError(
                f"{name} is not running: its holder died, or the host was restarted",
                hint=f"labctl up {instance.source}" + f" --name {name}",
            )
        owner = holder.Account(instance.uid, instance.gid) if holder.account() else None
        boxes = [box.name for box in instance.lab.boxes]
        return Nsenter(pid, boxes, holder.prefix(owner))

    def destroy(self, name: str) -> bool:
        """See providers.Provider."""
        pid = holder.holder_pid(store.holder_file(name))
        if pid is not None:
            holder.kill(pid)
        return pid is not None


def underlay(lab: Lab) -> tuple[Command, ...]:
    """The commands that make a bridge for each network and a cable from it to each adapter.

    The bridge floods multicast (no snooping), as VirtualBox's internal networks do.
    """
    commands: list[Command] = []
    ports = count(1)
    for number, network in enumerate(lab.networks):
        switch = f"sw{number}"
        commands.append(_ip(
            f"the switch of network {network.name}",
            "link", "add", "name", switch, "mtu", str(network.mtu), "up", "type", "bridge",
            "stp_state", "0", "mcast_snooping", "0",
        ))  # fmt: skip
        for box in lab.boxes:
            for interface in box.interfaces:
                if interface.network == network.name:
                    commands.append(_ip(
                        f"a cable from the switch to {box.name}",
                        "link", "add", "name", f"p{next(ports)}", "mtu", str(network.mtu), "master", switch, "up",
                        "type", "veth", "peer", "name", interface.name, "address", interface.mac, "netns", box.name,
                    ))  # fmt: skip
    return tuple(commands)


def _ip(why: str, *arguments: str) -> Command:
    return Command(("ip", *arguments), why)


def files(lab: Lab, box: Box) -> dict[str, str]:
    """The files of a box's own: who is called what, and a prompt that says where one is."""
    named = "".join(f"{address} {name}\n" for name, address in hosts(lab).items())
    return {
        "/etc/hosts": f"127.0.0.1 localhost\n{named}",
        "/etc/hostname": f"{box.name}\n",
        "/root/.bashrc": f"PS1='[{lab.name}] \\u@\\h:\\w\\$ '\n",
    }
