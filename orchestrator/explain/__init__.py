"""What a person would type to configure each box by hand, why each argument is there, and what to look at afterwards.

The commands are the reconciler's own, for boxes with bare adapters and the kernel's own settings.
"""

from __future__ import annotations

import shlex

import msgspec

from orchestrator.errors import Exit, LabError
from orchestrator.model import Box, Lab

KERNEL = {
    "net/ipv4/ip_forward": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/igmp_link_local_mcast_reports": "1",
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/default/disable_ipv6": "0",
}
"""What the kernel starts with (its Documentation/networking/ip-sysctl.rst): only what differs has to be typed."""


class Argument(msgspec.Struct, frozen=True):
    """One argument with its values, as typed, and why it is there."""

    argument: str
    why: str


class Step(msgspec.Struct, frozen=True):
    """One command: as typed, what it is for, and its arguments in order."""

    command: str
    why: str
    arguments: tuple[Argument, ...]


class Look(msgspec.Struct, frozen=True):
    """A command that only looks, and what a correct lab shows."""

    command: str
    see: str


class BoxSteps(msgspec.Struct, frozen=True):
    """The commands for one box, in the order to type them."""

    box: str
    steps: tuple[Step, ...]


class OverlayLooks(msgspec.Struct, frozen=True):
    """What to look at in `box` once all members of `overlay` are configured."""

    overlay: str
    box: str
    looks: tuple[Look, ...]


class Explanation(msgspec.Struct, frozen=True):
    """A lab explained. JSON: {lab, title, boxes: [{box, steps: [{command, why, arguments: [{argument, why}]}]}],
    overlays: [{overlay, box, looks: [{command, see}]}]}."""

    lab: str
    title: str
    boxes: tuple[BoxSteps, ...]
    overlays: tuple[OverlayLooks, ...]


def explain(lab: Lab, box: str | None = None) -> Explanation:
    """The commands for every box, or for the one called `box`. Raises LabError where the lab has no such box."""
    from orchestrator.explain.looks import looks

    boxes = lab.boxes if box is None else (_box(lab, box),)
    seen = []
    for overlay in lab.overlays:
        first = next((vtep for vtep in overlay.vteps if vtep.box in {item.name for item in boxes}), None)
        if first:
            here = tuple(Look(*pair) for pair in looks(lab, overlay, first))
            seen.append(OverlayLooks(overlay.name, first.box, here))
    return Explanation(
        lab.name, lab.title, tuple(BoxSteps(item.name, _steps(lab, item)) for item in boxes), tuple(seen)
    )


def text(explanation: Explanation, *, colour: bool = False, width: int = 88) -> str:
    """The explanation for a terminal of `width` columns, without a newline at the end. colour: with ANSI escapes."""
    from orchestrator.explain.page import page

    return page(explanation, colour=colour, width=width)


def _box(lab: Lab, name: str) -> Box:
    try:
        return lab.box(name)
    except KeyError:
        names = ", ".join(item.name for item in lab.boxes)
        raise LabError(f"{lab.name} has no box {name}", hint=f"its boxes are {names}", code=Exit.USAGE) from None


def _steps(lab: Lab, box: Box) -> tuple[Step, ...]:
    from orchestrator.explain.purpose import purpose
    from orchestrator.explain.reasons import reasons
    from orchestrator.iproute import fresh, reconcile
    from orchestrator.plan import desired

    wanted = desired(lab, box)
    bare = fresh(wanted)._replace(sysctls=dict(KERNEL))
    return tuple(
        Step(shlex.join(argv), purpose(lab, box, argv), tuple(Argument(*pair) for pair in reasons(lab, box, argv)))
        for argv, _ in reconcile(wanted, bare).commands
    )
