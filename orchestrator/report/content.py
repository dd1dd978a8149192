"""What the page says, before it is HTML: the outcome in words, what failed, and every check in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from orchestrator import graph
from orchestrator.model import Lab
from orchestrator.report.facts import Facts
from orchestrator.report.matrix import Matrix, matrices
from orchestrator.verify.results import CheckResult, Report, Status

STATUSES: tuple[Status, ...] = ("failed", "error", "passed", "skipped")
NETWORK = 3
"""Parts of an id that names a setting of one device; one that names a peer too has more (`verify.checks`)."""


class Item(NamedTuple):
    """A check in the page. `place`: the device it is about, "underlay", or nothing for a lab's own tests."""

    anchor: str
    place: str
    result: CheckResult

    @property
    def red(self) -> bool:
        """Whether it is told first: it failed, or could not run."""
        return self.result.status in ("failed", "error")


class Place(NamedTuple):
    """The checks of one device, or of one layer, of a box."""

    name: str
    items: tuple[Item, ...]


class Group(NamedTuple):
    """The checks of a box; `box` is empty for a lab's own tests. counts: (status, how many), none of them 0."""

    box: str
    counts: tuple[tuple[Status, int], ...]
    places: tuple[Place, ...]

    @property
    def red(self) -> bool:
        """Whether anything in it failed or could not run."""
        return any(item.red for place in self.places for item in place.items)


class Content(NamedTuple):
    """Everything that the template says. `picture`: SVG of ours, the one value that is markup."""

    lab: Lab
    report: Report
    facts: Facts
    outcome: str
    counts: tuple[tuple[Status, int], ...]
    red: tuple[Item, ...]
    groups: tuple[Group, ...]
    matrices: tuple[Matrix, ...]
    stages: tuple[tuple[str, Mapping[str, float]], ...]
    picture: str

    @property
    def longest(self) -> float:
        """The seconds of the longest stage of all."""
        return max((time for _, seconds in self.stages for time in seconds.values()), default=0.0) or 1.0


def content(lab: Lab, report: Report, facts: Facts) -> Content:
    """The page's content, from the lab, its results and the facts around them."""
    items = [Item(f"check-{number}", _place(result), result) for number, result in enumerate(report.results, 1)]
    known = {item.result.id: (item.anchor, item.result) for item in items}
    stages = (("Making the lab", facts.made), ("Checking it", report.stages))
    return Content(
        lab=lab,
        report=report,
        facts=facts,
        outcome=f"{report.lab}: {outcome(report)}",
        counts=_counts(items),
        red=tuple(sorted((item for item in items if item.red), key=_ground_up)),
        groups=tuple(_groups(items)),
        matrices=tuple(matrices(lab, known)),
        stages=tuple((title, seconds) for title, seconds in stages if seconds),
        picture=picture(lab),
    )


def outcome(report: Report) -> str:
    """The outcome in words."""
    count, failed, errors = len(report.results), report.count("failed"), report.count("error")
    skipped = report.count("skipped")
    if count == skipped:
        return "no check was made"
    said = [f"{failed} of {_checks(count)} failed"] if failed else []
    if errors:
        said.append(f"{errors} could not run" if failed else f"{errors} of {_checks(count)} could not run")
    return ", ".join(said) or (f"{count - skipped} of {_checks(count)} passed, {skipped} skipped" if skipped
                               else f"all {_checks(count)} passed")  # fmt: skip


def picture(lab: Lab) -> str:
    """The lab's picture for a page: paper stays white, whatever the screen is like."""
    return graph.svg(lab).replace("@media (prefers-color-scheme:dark)", "@media screen and (prefers-color-scheme:dark)")


def _checks(count: int) -> str:
    return f"{count} check{'s' * (count != 1)}"


def _counts(items: Sequence[Item]) -> tuple[tuple[Status, int], ...]:
    found = [item.result.status for item in items]
    return tuple((status, found.count(status)) for status in STATUSES if status in found)


def _place(result: CheckResult) -> str:
    return result.overlay or (result.id.split("/")[1] if result.box and result.id.count("/") > 1 else "")


def _ground_up(item: Item) -> int:
    """What other things rest on comes first: adapters, who answers on the underlay, tunnel devices, the overlay."""
    result = item.result
    if not result.box:
        return 4
    return 2 * bool(result.overlay) + (len(result.id.split("/")) > NETWORK)


def _groups(items: Sequence[Item]) -> Iterator[Group]:
    for box, mine in groupby(items, lambda item: item.result.box):
        own = list(mine)
        places = tuple(Place(name, tuple(those)) for name, those in groupby(own, lambda item: item.place))
        yield Group(box, _counts(own), places)
