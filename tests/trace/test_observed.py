"""What a box itself calls its devices; the box is a program that prints what `ip` would."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from orchestrator import labfile
from orchestrator.command import Result
from orchestrator.connections import Connection
from orchestrator.trace import observed
from tests.conftest import CHECKOUT

BOX = labfile.load(CHECKOUT / "labs/lab9/lab.yml").boxes[0]
MAC = BOX.interfaces[0].mac


class Bento:
    """A box that calls its second adapter eth1. macs: what it shows of that adapter's."""

    def __init__(self, **macs: str) -> None:
        self.macs = macs

    def run(self, box: str, command: Any) -> Result:
        rows = [
            {"ifname": "eth0", "address": "08:00:27:00:00:01"},
            {"ifname": "eth1", **self.macs},
            {"ifname": "vxlan0", "address": BOX.interfaces[0].mac, "linkinfo": {"info_kind": "vxlan"}},
        ]
        return Result(tuple(command), 0, json.dumps(rows), "", 0.0)


@pytest.mark.parametrize(("device", "there"), [(BOX.interfaces[0].name, "eth1"), ("vxlan0", "vxlan0"), ("lo", "lo")])
def test_an_adapter_goes_by_its_mac(device: str, there: str) -> None:
    assert observed.called(BOX, device, cast(Connection, Bento(address=MAC))) == there


def test_an_adapter_whose_mac_was_changed_goes_by_the_one_that_it_was_made_with() -> None:
    changed = cast(Connection, Bento(address="02:00:00:00:00:99", permaddr=MAC))
    assert observed.called(BOX, BOX.interfaces[0].name, changed) == "eth1"
