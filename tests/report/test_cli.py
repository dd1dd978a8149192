"""`labctl verify --html`, as a user runs it: one run, one truth in JSON, JUnit and HTML."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import Caller

NAME = f"report{os.getpid()}"


@pytest.fixture(scope="module")
def broken(ordinary_user: Caller) -> Iterator[Caller]:
    """The user of a lab whose overlay has a wrong MTU in boxB."""
    ordinary_user.labctl("up", "lab9", "--name", NAME, "--no-verify", check=True)
    ordinary_user.labctl("exec", NAME, "boxB", "--", "ip", "link", "set", "vxlan0", "mtu", "1400", check=True)
    yield ordinary_user
    ordinary_user.labctl("down", NAME, check=True)


class Checks(HTMLParser):
    """The checks of a page: how often each (id, status) is there."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str | None, str | None]] = Counter()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        has = dict(attributes)
        if "data-check" in has:
            self.found[has["data-check"], has["data-status"]] += 1


def _junit(path: Path) -> Counter[tuple[str, str]]:
    cases = ElementTree.parse(path).getroot().iter("testcase")
    status = {"failure": "failed", "error": "error", "skipped": "skipped"}
    return Counter(
        (case.find("properties/property[@name='id']").attrib["value"],  # type: ignore[union-attr]
         next((status[child.tag] for child in case if child.tag in status), "passed"))
        for case in cases
    )  # fmt: skip


def test_one_run_says_the_same_thrice(broken: Caller) -> None:
    page, junit = broken.home / "page.html", broken.home / "junit.xml"
    done = broken.labctl("verify", NAME, "--json", "--html", str(page), "--junit", str(junit), "--deadline", "1")
    assert done.returncode == 1, done.stderr
    results = Counter((each["id"], each["status"]) for each in json.loads(done.stdout)["results"])
    assert ("boxB/vxlan0/mtu", "failed") in results
    assert set(results.values()) == {1}
    assert Checks(page.read_text()).found == results
    assert _junit(junit) == results
    assert page.stat().st_uid == broken.uid


def test_a_page_that_cannot_be_written_is_a_usage_error(broken: Caller) -> None:
    done = broken.labctl("verify", NAME, "--html", "none/page.html", "--deadline", "1")
    assert done.returncode == 2
    assert "none/page.html: cannot write the page: No such file or directory" in done.stderr
