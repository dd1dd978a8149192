"""The box itself, built for real: its contents are the same again, and nothing in them belongs to one machine."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from orchestrator.box import build, lock, manifest, shelf
from orchestrator.box.build import Source
from orchestrator.events import Event
from tests.conftest import CHECKOUT


def silent(event: Event) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def place() -> Path:
    """The shelf of host.sh, with the box for libvirt, kept between runs."""
    cache = Path(os.environ.get("LABCTL_VM_CACHE") or CHECKOUT / "build" / "vm") / "data" / "labctl" / "boxes"
    cache.mkdir(parents=True, exist_ok=True)
    build.build(["libvirt"], lock.read(), Source(), cache, silent)
    return cache


def test_the_same_lock_gives_the_same_contents(place: Path) -> None:
    with build.working() as work:
        again = manifest.of(build.contents(lock.read(), Source(), work, silent))
    first = (place / shelf.manifest_file(lock.read().version)).read_text()
    differ = set(first.splitlines()) ^ set(again.splitlines())
    assert differ == set()
    assert len(first.splitlines()) > 5000


def test_no_two_machines_share_what_should_be_their_own(place: Path) -> None:
    lines = (place / shelf.manifest_file(lock.read().version)).read_text().splitlines()
    nothing = hashlib.sha256(b"").hexdigest()
    assert [line for line in lines if "ssh_host_" in line] == []
    assert f"/etc/machine-id 0644 0:0 {nothing}" in lines
