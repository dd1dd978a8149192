"""What `vagrant --machine-readable` prints, as events: pure, from lines to values.

A line is `timestamp,target,type,data…`. Vagrant escapes commas and line ends in the data, and nothing else. Ruby,
plugins and the programs they start write lines of their own in between: these are kept, for a traceback may be all
there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

STRAY = "stray"
"""The type of an event for a line that Vagrant did not write as machine-readable."""

_LINE = re.compile(r"(\d+),([^,]*),([a-z][a-z0-9_-]*)(?:,(.*))?", re.DOTALL)
_PREFIX = re.compile(r"^(?:==> | {4})(?P<target>[A-Za-z0-9_.-]+): ?", re.MULTILINE)


class Event(NamedTuple):
    """One line. target: the machine, "" for Vagrant as a whole; type: `ui`, `state`, `error-exit` …, or STRAY."""

    time: int
    target: str
    type: str
    data: tuple[str, ...]


class Error(NamedTuple):
    """What ended a run of Vagrant. kind: the last word of its Ruby class, such as VMBootTimeout."""

    kind: str
    message: str


def event(line: str) -> Event:
    """The event of one line: `event("1,boxA,state,running").data == ("running",)`."""
    line = line.rstrip("\r\n")
    found = _LINE.fullmatch(line)
    if not found:
        return Event(0, "", STRAY, (line,))
    time, target, kind, data = found.groups()
    words = () if data is None else tuple(_plain(word) for word in data.split(","))
    return Event(int(time), target, kind, words)


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events of many lines, as they come; empty lines are none."""
    return (event(line) for line in lines if line.strip())


def _plain(word: str) -> str:
    return word.replace("%!(VAGRANT_COMMA)", ",").replace("\\n", "\n").replace("\\r", "\r")


def states(lines: Iterable[str]) -> dict[str, str]:
    """What `vagrant status` says: box → running, poweroff (VirtualBox), shutoff (libvirt), not_created …"""
    return {each.target: each.data[0] for each in events(lines) if each.type == "state" and each.data}


def errors(lines: Iterable[str]) -> list[Error]:
    """What Vagrant gave up for, in its order; none where it succeeded, or died of an exception that is not its own."""
    return [
        Error(each.data[0].rpartition("::")[2], ",".join(each.data[1:]))
        for each in events(lines)
        if each.type == "error-exit" and each.data
    ]


def stray(lines: Iterable[str]) -> list[str]:
    """The lines that are not Vagrant's: tracebacks, warnings of Ruby's, what other programs wrote."""
    return [each.data[0] for each in events(lines) if each.type == STRAY]


class Said(NamedTuple):
    """What Vagrant tells a person. box: the machine it is about, or ""; level: info, output, detail, warn, error …"""

    box: str
    level: str
    text: str


def said(each: Event) -> Said | None:
    """The words of a `ui` event without the prefix that a terminal would show on each line; None for other events."""
    if each.type != "ui" or len(each.data) < 2:
        return None
    text = ",".join(each.data[1:])
    prefix = _PREFIX.search(text)
    if prefix is None:
        return Said(each.target, each.data[0], text)
    return Said(each.target or prefix["target"], each.data[0], _PREFIX.sub("", text).strip())


def progress(line: str) -> str | None:
    """What a line says happens to a box now, in a few words: "booting". None for what is no news."""
    spoken = said(event(line))
    return spoken and next((words for start, words in STAGES.items() if spoken.text.startswith(start)), None)


STAGES = {
    # the box, on either hypervisor
    "Loading metadata for box": "reading the box's catalogue",
    "Adding box ": "adding the box to Vagrant",
    "Box download is resuming": "downloading the box",
    "Downloading: ": "downloading the box",
    "Unpacking necessary files from": "unpacking the box",
    "Calculating and comparing box checksum": "comparing the box's checksum",
    "Successfully added box": "the box is added",
    # VirtualBox
    "Preparing master VM for linked clones": "making the master of linked clones",
    "Importing base box": "importing the box",
    "Cloning VM": "cloning the master",
    "Matching MAC address for NAT": "setting the MAC of NAT",
    "Setting the name of the VM": "naming the machine",
    "Preparing network interfaces": "preparing adapters",
    "Forwarding ports": "forwarding ports",
    "Running 'pre-boot' VM customizations": "setting up the machine",
    "Booting VM": "booting",
    "Discarding saved state of VM": "discarding its saved state",
    "Attempting graceful shutdown of VM": "shutting down",
    "Forcing shutdown of VM": "powering off",
    "Resuming suspended VM": "resuming",
    "Unpausing the VM": "resuming",
    "Destroying VM and associated drives": "removing the machine",
    # libvirt
    "Uploading base box image as volume": "uploading the box into libvirt's storage",
    "Creating image (snapshot of base box": "making the disk",
    "Creating domain with the following": "making the machine",
    "Starting domain": "booting",
    "Waiting for domain to get an IP address": "waiting for an address",
    "Attempting direct shutdown of domain": "shutting down",
    "Halting domain": "powering off",
    "Poweroff domain": "powering off",
    "Resuming domain": "resuming",
    "Removing domain": "removing the machine",
    # both
    "Waiting for machine to boot": "waiting for SSH",
    "Waiting for SSH to become available": "waiting for SSH",
    "Inserting generated public key": "giving it a key of its own",
    "Vagrant insecure key detected": "giving it a key of its own",
    "Machine booted and ready": "up",
    "Machine is booted and ready for use": "up",
    "Setting hostname": "setting the host name",
    "Configuring and enabling network interfaces": "configuring adapters",
    "Machine already provisioned": "configured before",
    "Running provisioner": "configuring",
}
"""How a message of Vagrant's begins → what labctl says instead. What is not here is for the log alone."""
