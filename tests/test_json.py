"""The shapes of `--json`, as docs/json.md has them. Keys may be added there and here; none may go."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Caller

NAME = f"json{os.getpid()}"
PAGE = (Path(__file__).parent.parent / "docs" / "json.md").read_text()
COMMANDS = {
    "list": ["list"],
    "show": ["show", "lab9"],
    "validate": ["validate", "lab9"],
    "up": ["up", "lab9", "--name", NAME],
    "up --dry-run": ["up", "lab9", "--name", NAME, "--dry-run"],
    "status": ["status"],
    "verify": ["verify", NAME],
    "break": ["break", NAME],
    "diagnose": ["diagnose", NAME],
    "hint": ["hint", NAME],
    "guide": ["guide", "lab9"],
    "trace": ["trace", NAME, "boxA", "boxB"],
    "explain": ["explain", "lab9"],
    "render": ["render", "lab9", "--to", "rendered"],
    "render --check": ["render", "lab9", "--to", "rendered", "--check"],
    "doctor": ["doctor"],
    "halt": ["halt", f"{NAME}x"],
    "down": ["down", f"{NAME}x"],
}


@pytest.fixture(scope="module")
def user(ordinary_user: Caller) -> Iterator[Caller]:
    for name in (NAME, f"{NAME}x"):
        ordinary_user.labctl("up", "lab9", "--name", name, "--no-verify", check=True)
    yield ordinary_user
    ordinary_user.labctl("down", "--all", check=True)


def documented(command: str) -> set[str]:
    """The names in the command's row of the page's table."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{command}` |")]
    return set(re.findall(r"[a-z_]+", row.split("`")[3]))


def first_level(value: Any) -> set[str]:
    """The keys of an object, and of the objects that its lists hold."""
    keys = set(value)
    for inner in value.values():
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            keys |= set(inner[0])
    return keys


@pytest.mark.parametrize("command", COMMANDS)
def test_shape_is_the_documented_one(user: Caller, command: str) -> None:
    answer = user.labctl(*COMMANDS[command], "--json")
    assert answer.returncode == 0, answer.stderr
    found = first_level(json.loads(answer.stdout)) - {"id", "box", "overlay", "check", "expected", "saw", "evidence"}
    found -= {"hint", "causes"} if command == "verify" else set()
    missing = {key for key in found if key not in documented(command)} - {"results", "status", "seconds"}
    assert not missing, f"not in docs/json.md: {missing}"
    top = re.match(r"\{([a-z_]+)", PAGE.split(f"| `{command}` | `")[1])
    assert top is not None
    assert top[1] in json.loads(answer.stdout)


def test_a_result_has_the_documented_fields(user: Caller) -> None:
    report = json.loads(user.labctl("verify", NAME, "--json").stdout)
    fields = set(report["results"][0]) | set(report["results"][0]["evidence"][0]) | {"what", "command"}
    (row,) = re.findall(r"A \*\*result\*\* of `verify`: `(\{[^`]*)`", PAGE, re.S)
    assert set(re.findall(r"[a-z]+", row)) == fields


def test_a_lab_has_the_documented_fields(user: Caller) -> None:
    lab = json.loads(user.labctl("show", "lab9", "--json").stdout)["lab"]
    row = PAGE.split("A **lab**: `")[1].split("`")[0]
    found = set(lab) | set(lab["networks"][0]) | set(lab["boxes"][0]) | set(lab["boxes"][0]["interfaces"][0])
    found |= set(lab["overlays"][0]) | set(lab["overlays"][0]["vteps"][0]) | {"to", "via"}
    found |= set(lab["machine"])
    assert set(re.findall(r"[a-z0-9_]+", row)) == found


def test_problems_have_the_documented_fields(user: Caller) -> None:
    bad = user.home / "bad.yml"
    bad.write_text("nme: x\n")
    answer = user.labctl("validate", str(bad), "--json")
    assert answer.returncode == 2
    problems = json.loads(answer.stdout)["problems"]
    assert {"path", "line", "column", "what", "hint"} == set(problems[0])
    assert len(problems) > 1
