"""Machines that VirtualBox got from a Vagrant that was killed before it could name them, or write their UUID down.

Vagrant clones a machine as `temp_clone_MS_NUMBER`, and imports a master of linked clones as `NAME_MS_NUMBER`, MS being
milliseconds since 1970; only when VBoxManage is done does it write the UUID into `.vagrant` (a clone) or `master_id`
(a master), and names the clone later. Nothing in a name tells whose such a machine is. It is ours when all of this
holds: it was not there when labctl wrote its journal, its name says that it was made after that, it is off, no Vagrant
claims its UUID, and no Vagrant is at work now.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence

from msgspec import Struct

from orchestrator.providers.vagrant import home, vboxmanage
from orchestrator.providers.vagrant.marked import Machine

_CLONE = re.compile(r"temp_clone_(?P<ms>\d{13})_\d{1,5}")


class Before(Struct, frozen=True):
    """What VirtualBox held before a step; it goes into the journal. at: milliseconds since 1970; known: UUIDs;
    image: what the lab's boxes are made of.
    """

    at: int
    known: tuple[str, ...]
    image: str = ""


def before(image: str = "") -> Before:
    """To be written down before Vagrant is started."""
    return Before(int(time.time() * 1000), tuple(sorted(vboxmanage.registered())), image)


def left(then: Before, image: str) -> list[Machine]:
    """The machines that a killed Vagrant has left since, of a lab whose boxes are made of `image`; only looks."""
    new = {uuid: name for uuid, name in vboxmanage.registered().items() if uuid not in then.known}
    candidates = [(uuid, name) for uuid, name in new.items() if made_since(name, then.at, image)]
    if not candidates or home.busy():
        return []
    taken = set(claimed())
    states = ((uuid, name, vboxmanage.info(uuid).get("VMState")) for uuid, name in candidates if uuid not in taken)
    return [Machine(name, uuid, "off", vboxmanage.NAME) for uuid, name, state in states if state == "poweroff"]


def clear(then: Before) -> None:
    """Removes what a killed Vagrant has left since; see `left`."""
    remove(left(then, then.image), then, then.image)


def remove(machines: Sequence[Machine], then: Before, image: str) -> None:
    """Removes those of `machines` that are still what `left` says; clones first, for masters have to outlive them."""
    found = [machine for machine in left(then, image) if machine in machines]
    for machine in sorted(found, key=lambda each: not _CLONE.fullmatch(each.name)):
        vboxmanage.remove(machine)


def made_since(name: str, at: int, image: str) -> bool:
    """Whether a name is that of a clone, or of a master of `image`, and says that it was made at `at` or later."""
    master = re.compile(rf"{re.escape(image.replace('/', '-'))}_(?P<ms>\d{{13}})_\d{{1,5}}")
    found = _CLONE.fullmatch(name) or master.fullmatch(name)
    return found is not None and int(found["ms"]) >= at


def claimed() -> Iterator[str]:
    """The UUIDs that some Vagrant knows: masters, by `master_id` beside their box, and machines of every folder."""
    for file in (home.path() / "boxes").glob("**/master_id"):
        yield file.read_text().strip()
    for data in {machine.data for machine in home.indexed()}:
        for file in data.glob("machines/*/virtualbox/id"):
            yield file.read_text().strip()
