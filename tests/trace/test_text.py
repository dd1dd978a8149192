"""A conversation on a terminal."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from orchestrator.trace import text
from tests.trace import samples

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", ["lab10", "dropped"])
def test_the_drawing_is_the_golden_one(name: str, width: int) -> None:
    drawn = text.render(samples.EVERY[name], colour=False, width=width) + "\n"
    path = GOLDEN / f"trace-{name}-{width}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(drawn)
    assert drawn == path.read_text()


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("name", samples.EVERY)
def test_nothing_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = text.render(samples.EVERY[name], colour=False, width=width).splitlines()
    assert [line for line in lines if len(line) > max(width, 50)] == []


@pytest.mark.parametrize("name", samples.EVERY)
def test_colours_add_nothing_but_colour(name: str) -> None:
    trace = samples.EVERY[name]
    plain, coloured = (text.render(trace, colour=colour, width=80) for colour in (False, True))
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert ("\x1b" in coloured, "\x1b" in plain) == (True, False)


def test_what_would_not_show_is_not_printed() -> None:
    for colour in (False, True):
        drawn = re.sub(r"\x1b\[(0|1|2|3[1-3])m", "", text.render(samples.hostile(), colour=colour, width=80))
        assert all(char.isprintable() or char == "\n" for char in drawn)


def test_many_boxes_are_a_list() -> None:
    drawn = text.render(samples.many(), colour=False, width=80)
    assert "1. box0 floods ARP" in drawn
    assert "│" not in drawn
    assert all(f"○ box{number}: ignored." in drawn for number in range(1, 30))


def test_flooded_and_unicast_and_fates_are_told_apart_without_colour() -> None:
    first, second = [line for line in text.render(samples.lab10(), colour=False, width=80).splitlines()
                     if re.match(r" +[12] ", line)]  # fmt: skip
    assert re.search("■═+▶●═+▶○", first)
    assert re.search("●◀─+■", second)
    first, second = [line for line in text.render(samples.dropped(), colour=False, width=80).splitlines()
                     if re.match(r" +[12] ", line)]  # fmt: skip
    assert re.search("■═+▶✗═+·", first)
    assert re.search("■═✗ +│", second)
