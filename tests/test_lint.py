"""The linters are tests like any other: the code is clean, and so are the scripts."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PROGRAMS = sysconfig.get_path("scripts")
SCRIPTS = ("setup.sh", "labctl", ".ci/run")


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "--no-cache"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["ansible-lint", "--offline", "--profile=production", "roles", "templates/playbook.yml"],
        ["shellcheck", "--enable=all", "--exclude=SC2250,SC2310,SC2311,SC2312", *SCRIPTS],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_is_clean(command: list[str]) -> None:
    program = shutil.which(command[0], path=PROGRAMS) or shutil.which(command[0])
    if program is None and command[0] == "shellcheck":
        pytest.skip("there is no shellcheck for this machine's processor; install the distribution's")
    assert program is not None, f"{command[0]} is missing; ./setup.sh --test installs it"
    answer = subprocess.run([program, *command[1:]], cwd=CHECKOUT, capture_output=True, text=True, timeout=600)
    assert answer.returncode == 0, answer.stdout + answer.stderr
