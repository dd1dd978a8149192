"""Guides against real labs: those that come with labctl say what is so, and others are held to the same."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator import labfile
from tests.conftest import CHECKOUT, Caller

GUIDES = [path.parent.name for path in labfile.shipped() if (path.parent / "guide.md").is_file()]


@pytest.fixture
def user(ordinary_user: Caller) -> Iterator[Caller]:
    yield ordinary_user
    ordinary_user.labctl("down", "--all", check=True)


@pytest.fixture
def mine(user: Caller) -> Iterator[Path]:
    """lab9 with a guide of somebody's own, that takes a second."""
    folder = user.home / f"mine{os.getpid()}"
    shutil.copytree(CHECKOUT / "labs/lab9", folder)
    (folder / "guide.md").write_text(SMALL)
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.uid, user.gid)
    yield folder
    shutil.rmtree(folder)


SMALL = """\
# Small

Look.

```console
boxA# hostname
boxA
boxA# cat /etc/hosts | wc -l; false
…
(exit status 1)
```
"""


def test_every_shipped_lab_has_a_guide() -> None:
    assert [path.parent.name for path in labfile.shipped()] == GUIDES


def test_the_shipped_guides_are_true(user: Caller) -> None:
    """Every command of theirs, against the real lab."""
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda lab: user.labctl("guide", lab, "--check", "--name", f"g-{lab}"), GUIDES))
    for each in done:
        assert each.returncode == 0, each.stdout[-3000:] + each.stderr[-3000:]
        assert "the guide is at its end" in each.stdout
        assert "\x1b" not in each.stdout


@pytest.mark.parametrize(
    ("was", "becomes", "where"),
    [
        ("boxA\nboxA#", "boxB\nboxA#", "guide.md:6: not as the guide says; expected: boxB"),
        ("(exit status 1)", "(exit status 2)", "guide.md:8: not as the guide says; expected: (exit status 2), not 1"),
        ("boxA\nboxA#", "boxA\nboxB\nboxA#", "guide.md:6: not as the guide says; expected: boxB"),
        ("boxA\nboxA#", "boxA#", "guide.md:6: not as the guide says; expected: nothing more"),
    ],
)
def test_a_guide_that_is_not_true_is_found_out(user: Caller, mine: Path, was: str, becomes: str, where: str) -> None:
    (mine / "guide.md").write_text(SMALL.replace(was, becomes))
    done = user.labctl("guide", str(mine / "lab.yml"), "--check", "--trust")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, where)


def test_a_solution_that_does_not_mend_is_found_out(user: Caller, mine: Path) -> None:
    exercise = "```exercise no-address boxB\nFind it.\n```\n\n```console solution\nboxB# true\n```\n"
    (mine / "guide.md").write_text(f"```console\n$ labctl up lab9\n…\n```\n\n{exercise}")
    done = user.labctl("guide", str(mine / "lab.yml"), "--check", "--trust")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "guide.md:6: the solution does not mend it (verify ends with 1)"


def test_somebody_elses_guide_runs_only_with_trust(user: Caller, mine: Path) -> None:
    refused = user.labctl("guide", str(mine / "lab.yml"), "--check")
    assert refused.returncode == 2
    assert "--trust" in refused.stderr
    assert user.labctl("status", "--json").stdout.count('"name"') == 0, "nothing was made"
    done = user.labctl("guide", str(mine / "lab.yml"), "--check", "--trust")
    assert done.returncode == 0, done.stderr
    assert "at its end" in done.stdout


def test_its_commands_run_in_the_boxes_and_never_on_the_host(user: Caller, mine: Path) -> None:
    left = user.home / "left"
    text = f"```console\nboxA# id -u; touch {left} /root/left; ls /root; cat\n0\n…\nleft\n(exit status 0)\n```\n"
    (mine / "guide.md").write_text(text)
    done = user.labctl("guide", str(mine / "lab.yml"), "--check", "--trust")
    assert done.stdout.count("cannot touch") == 1, done.stdout + done.stderr
    assert not left.exists()


def test_what_a_box_prints_cannot_change_the_terminal(user: Caller, mine: Path) -> None:
    (mine / "guide.md").write_text("```console\nboxA# printf '\\033]0;x\\007\\033[2Jy\\n'\n…y\n```\n")
    done = user.labctl("guide", str(mine / "lab.yml"), "--check", "--trust")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "[2Jy" in done.stdout


def test_piped_it_is_plain_text_and_makes_nothing(user: Caller) -> None:
    done = user.labctl("guide", "lab9")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert max(map(len, (line for line in done.stdout.splitlines() if not line.startswith(" ")))) <= 80
    assert "    boxA# ip addr add 192.168.60.4/24 dev vxlan0" in done.stdout.splitlines()
    assert json.loads(user.labctl("status", "--json").stdout) == {"labs": []}


def test_json_has_every_step(user: Caller) -> None:
    steps = json.loads(user.labctl("guide", "lab10", "--json").stdout)["steps"]
    assert {step["type"] for step in steps} == {"prose", "command", "exercise"}
    assert steps[0]["line"] == 1


def test_a_lab_that_is_up_for_something_else_is_left_alone(user: Caller) -> None:
    user.labctl("up", "lab9", check=True)
    refused = user.labctl("guide", "lab9", "--check")
    assert refused.returncode == 2
    assert "lab9 is up already, and not from its guide" in refused.stderr
    assert user.labctl("verify", "lab9").returncode == 0
