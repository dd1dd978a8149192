"""halt and start: boxes off, and on again with all that they had."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.conftest import Caller
from tests.netns.test_life import holders, status

NAME = f"power{os.getpid()}"


@pytest.fixture
def user(ordinary_user: Caller) -> Iterator[Caller]:
    ordinary_user.labctl("up", "lab9", "--name", NAME, "--no-verify", check=True)
    yield ordinary_user
    ordinary_user.labctl("down", NAME, check=True)


def test_a_halted_lab_costs_nothing_and_comes_back_whole(user: Caller) -> None:
    assert user.labctl("halt", NAME).returncode == 0
    assert holders(NAME) == []
    (found,) = status(user)
    assert (found["name"], found["state"]) == (NAME, "halted")
    assert json.loads(user.labctl("halt", NAME, "--json").stdout) == {"halted": NAME, "changed": False}
    started = json.loads(user.labctl("start", NAME, "--json", check=True).stdout)
    assert (started["created"], started["started"], started["report"]["exit_code"]) == (False, True, 0)
    assert status(user)[0]["state"] == "up"


@pytest.mark.parametrize("verb", ["start", "up"])
def test_what_was_broken_goes_with_the_boxes(user: Caller, verb: str) -> None:
    user.labctl("break", NAME, "firewall-in", check=True)
    user.labctl("halt", NAME, check=True)
    user.labctl(*(["start", NAME] if verb == "start" else ["up", "lab9", "--name", NAME]), check=True)
    assert json.loads(user.labctl("break", NAME, "--reveal", "--json").stdout) == {"broken": []}
    assert status(user)[0]["detail"] == ""


@pytest.mark.parametrize("verb", ["verify", "exec"])
def test_nothing_can_be_asked_of_boxes_that_are_off(user: Caller, verb: str) -> None:
    user.labctl("halt", NAME, check=True)
    asked = user.labctl(verb, NAME, *(["boxA", "--", "true"] if verb == "exec" else []))
    assert asked.returncode == {"verify": 4, "exec": 125}[verb]
    assert asked.stderr == f"labctl: {NAME} is halted\n  labctl start {NAME}\n"


def test_up_starts_what_is_halted(user: Caller) -> None:
    user.labctl("halt", NAME, check=True)
    again = json.loads(user.labctl("up", "lab9", "--name", NAME, "--json", check=True).stdout)
    assert (again["created"], again["started"], again["report"]["exit_code"]) == (False, True, 0)


def test_down_forgets_what_is_halted(user: Caller) -> None:
    user.labctl("halt", NAME, check=True)
    user.labctl("down", NAME, check=True)
    assert status(user) == []
    nobody = user.labctl("start", NAME)
    assert (nobody.returncode, nobody.stderr.splitlines()[0]) == (2, f"labctl: {NAME} is not up")
