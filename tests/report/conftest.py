"""Reports of real labs, healthy and broken, as pages on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from orchestrator import labfile, report, verify
from orchestrator.model import Lab
from orchestrator.verify import Report
from tests.browser import browse, chromium
from tests.verify.conftest import _running

__all__ = ["browse", "chromium"]

DATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MADE = {"read": 0.0062, "make the boxes": 0.083}


class Written(NamedTuple):
    """A lab's report, and the page of it. `first`: the id of the check that shows the cause, where it is broken."""

    lab: Lab
    report: Report
    path: Path
    first: str | None


CASES = [(lab, state) for lab in ("lab9", "lab10") for state in ("healthy", "broken")]


@pytest.fixture(scope="session", params=CASES, ids="-".join)
def written(request: pytest.FixtureRequest, pages: Callable[[str, str], Written]) -> Written:
    """The page of one lab in one state."""
    return pages(*request.param)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Written]]:
    """The page of a lab, by its name and state; in a broken lab the adapter of the last box is down."""
    made: dict[tuple[str, str], Written] = {}
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_STATE_HOME", str(folder / "state"))

        def page(name: str, state: str) -> Written:
            if (name, state) not in made:
                made.update({(name, each.path.stem): each for each in _both(name, folder / name)})
            return made[name, state]

        yield page


def _both(name: str, folder: Path) -> Iterator[Written]:
    source = labfile.find(name)
    lab = labfile.load(source)
    folder.mkdir()
    facts = report.gather(lab, source=source, provider="netns", now=DATE, made=MADE)
    with _running(lab) as connection:
        for state, box in (("healthy", None), ("broken", lab.boxes[-1].name)):
            if box:
                assert connection.run(box, ["ip", "link", "set", "enp0s8", "down"]).returncode == 0
            results = verify.run(lab, connection, provider="netns", deadline=2.0)
            path = folder / f"{state}.html"
            report.write(lab, results, facts, path)
            yield Written(lab, results, path, f"{box}/enp0s8/up" if box else None)
