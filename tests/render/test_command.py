"""`labctl render`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator import labfile, render
from tests.conftest import Caller


def test_renders_and_says_what_comes_next(ordinary_user: Caller) -> None:
    answer = ordinary_user.labctl("render", "lab10", "--to", "ten boxes")
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr
    assert answer.stderr.splitlines()[-1] == "next: cd 'ten boxes' && vagrant up"
    directory = ordinary_user.home / "ten boxes"
    written = {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    assert written == render.files(labfile.load(labfile.find("lab10")))
    again = ordinary_user.labctl("render", "lab10", "--to", "ten boxes")
    assert "nothing to change" in again.stderr


def test_check_names_each_file_that_differs(ordinary_user: Caller) -> None:
    render_it = ("render", "lab9", "--to", "drifting")
    missing = ordinary_user.labctl(*render_it, "--check")
    assert missing.returncode == 1
    assert "Vagrantfile" in missing.stdout.split()
    assert not (ordinary_user.home / "drifting").exists()
    ordinary_user.labctl(*render_it, check=True)
    good = ordinary_user.labctl(*render_it, "--check")
    assert (good.returncode, good.stdout) == (0, "")
    (ordinary_user.home / "drifting" / "inventory.yml").write_text("x")
    bad = ordinary_user.labctl(*render_it, "--check")
    assert (bad.returncode, bad.stdout) == (1, "inventory.yml\n")
    told = ordinary_user.labctl(*render_it, "--check", "--json")
    assert told.returncode == 1
    assert json.loads(told.stdout) == {"lab": "lab9", "directory": "drifting", "drifted": ["inventory.yml"]}
    assert (ordinary_user.home / "drifting" / "inventory.yml").read_text() == "x"


def test_another_name_drifts(ordinary_user: Caller) -> None:
    ordinary_user.labctl("render", "lab9", "--to", "named", "--name", "c1", check=True)
    assert ordinary_user.labctl("render", "lab9", "--to", "named", "--name", "c1", "--check").returncode == 0
    assert ordinary_user.labctl("render", "lab9", "--to", "named", "--check").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lab10"], "no directory"),
        (["lab10", "--to", "."], "other things"),
        (["nolab", "--to", "x"], "no lab nolab"),
        (["lab10", "--to", "x", "--name", "A"], "no name for a lab"),
    ],
)
def test_refuses(ordinary_user: Caller, arguments: list[str], words: str) -> None:
    answer = ordinary_user.labctl("render", *arguments)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert not (ordinary_user.home / "Vagrantfile").exists()
    assert not Path(ordinary_user.home, "x").exists()


def test_options_are_variables(ordinary_user: Caller) -> None:
    answer = ordinary_user.labctl("render", "lab9", env={"LABCTL_TO": "by-variable", "LABCTL_JSON": "1"})
    assert json.loads(answer.stdout)["directory"] == "by-variable"
    assert (ordinary_user.home / "by-variable" / "Vagrantfile").exists()
