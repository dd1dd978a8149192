"""How boxes come to be. Each provider makes them its own way; all are used through the two protocols here."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from orchestrator.connections import Connection
from orchestrator.errors import Exit, LabError
from orchestrator.model import Lab
from orchestrator.plan import Step
from orchestrator.store import Instance

PROVIDERS = ("netns",)
"""Every provider there is, in the order in which `auto` would take them."""


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
    """A way to make, find and unmake the boxes of a lab."""

    name: str

    def steps(self, lab: Lab) -> Sequence[Step]:
        """What `create` runs, for --dry-run: the same commands, from the same code."""
        ...

    def create(self, lab: Lab) -> Fresh:
        """Makes the boxes and their underlay; nothing inside the boxes is configured yet."""
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

    def alive(self, name: str) -> bool:
        """Whether the boxes of the instance `name` are there and running."""
        ...

    def connection(self, instance: Instance) -> Connection:
        """The way into a running lab's boxes. Raises LabError where it is not running."""
        ...

    def destroy(self, name: str) -> bool:
        """Unmakes all of the instance `name`, whatever state it is in; whether there was anything."""
        ...


def get(name: str) -> Provider:
    """The provider called `name`."""
    from orchestrator.providers.netns.provider import Netns

    if name not in PROVIDERS:
        raise LabError(f"unknown provider {name!r}", hint=f"there is: auto, {', '.join(PROVIDERS)}", code=Exit.USAGE)
    return Netns()


def choose(wanted: str) -> tuple[Provider, str]:
    """The provider for `wanted`, which may be `auto`, and a sentence that says why."""
    if wanted == "auto":
        return get("netns"), "netns, the embedded default"
    return get(wanted), f"{wanted}, as asked for"
