"""How boxes come to be. Each provider makes them its own way; all are used through the two protocols here."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Protocol

from msgspec import Struct

from orchestrator import store
from orchestrator.connections import Connection
from orchestrator.errors import Exit, LabError
from orchestrator.events import Emit
from orchestrator.model import Lab
from orchestrator.plan import Step
from orchestrator.store import Instance

JOURNAL = "journal.json"
"""The file of an instance's where a provider writes down what it does, if its boxes outlive it."""

VIRTUAL = ("virtualbox", "libvirt")
"""The providers whose boxes are virtual machines, as Vagrant calls them."""

PROVIDERS = ("netns", *VIRTUAL)
"""Every provider there is."""

State = Literal["up", "partly", "halted", "gone"]
"""How an instance's boxes are: all running, some of them, all off, or not there."""


class Fresh(Protocol):
    """Boxes that were just made and are not committed: leaving the `with` block without `commit` undoes them."""

    @property
    def connection(self) -> Connection:
        """The way into the boxes."""
        ...

    def commit(self) -> None:
        """From here on the boxes outlive labctl."""
        ...

    def __enter__(self) -> Fresh: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Provider(Protocol):
    """A way to make, find and unmake the boxes of a lab.

    converges: how links come to be by default, `direct` or `ansible`; blank: whether a box that was just made need not
    be read, because what it shows is known; lasting: whether a box outlives what makes it, so that it must be written
    down before there is one.
    """

    name: str
    converges: str
    blank: bool
    lasting: bool

    def steps(self, lab: Lab) -> Sequence[Step]:
        """What `create` runs, for --dry-run: the same commands, from the same code."""
        ...

    def create(self, lab: Lab, emit: Emit, *, keep: bool = False) -> Fresh:
        """Makes the boxes that are missing, and their underlay; nothing inside the boxes is configured yet.

        keep: a box that cannot be finished is left for a look at it.
        """
        ...

    def settle(self, lab: Lab) -> None:
        """Returns when the underlay of a running lab forwards, so that the first frame is not lost."""
        ...

    def owner(self) -> tuple[int, int]:
        """The host's user and group whom the boxes belong to."""
        ...

    def warnings(self) -> Sequence[str]:
        """What of the host may soon stand in a lab's way."""
        ...

    def state(self, name: str) -> State:
        """How the boxes of the instance `name` are."""
        ...

    def halt(self, name: str, emit: Emit) -> None:
        """Turns the boxes of the instance `name` off; `create` turns them on again."""
        ...

    def connection(self, instance: Instance) -> Connection:
        """The way into a running lab's boxes. Raises LabError where it is not running."""
        ...

    def destroy(self, name: str) -> bool:
        """Unmakes all of the instance `name`, whatever state it is in; whether there was anything."""
        ...


def get(name: str) -> Provider:
    """The provider called `name`."""
    if name not in PROVIDERS:
        raise LabError(f"unknown provider {name!r}", hint=f"there is: auto, {', '.join(PROVIDERS)}", code=Exit.USAGE)
    if name == "netns":
        from orchestrator.providers.netns.provider import Netns

        return Netns()
    from orchestrator.providers.vagrant.provider import VirtualMachines

    return VirtualMachines(name)


class _Kept(Struct):
    """What is asked of a provider's journal here: whose it is."""

    provider: str


def keepers(name: str) -> list[Provider]:
    """The providers that may have boxes of the instance `name`: without importing what it takes to ask the others."""
    try:
        kept = store.load(name, JOURNAL, _Kept)
    except LabError:  # damaged
        return [get(provider) for provider in PROVIDERS]
    return [get("netns"), *([get(kept.provider)] if kept else [])]


def choose(wanted: str) -> tuple[Provider, str]:
    """The provider for `wanted`, which may be `auto`, and a sentence that says why."""
    if wanted != "auto":
        return get(wanted), "as asked for"
    missing = [program for program in ("VBoxManage", "vagrant") if shutil.which(program) is None]
    if missing:
        why = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"
    else:
        from orchestrator.providers.vagrant import hypervisors

        good, why, _ = hypervisors.usable("virtualbox")
        if good:
            return get("virtualbox"), "VirtualBox and Vagrant are here; --provider netns needs neither"
    return get("netns"), f"{why}; labctl doctor tells how to have virtual machines"
