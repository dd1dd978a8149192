"""What the core tells while it works. The console decides what of it is shown, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Stage(NamedTuple):
    """A stage of work has begun: a few words such as "making 3 boxes"."""

    lab: str
    what: str


class Checked(NamedTuple):
    """A check has ended."""

    lab: str
    name: str
    status: str
    done: int


class Notice(NamedTuple):
    """Something the user should know, that stops nothing."""

    lab: str
    what: str


Event = Stage | Checked | Notice
Emit = Callable[[Event], None]
