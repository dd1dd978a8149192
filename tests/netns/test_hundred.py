"""A hundred copies of lab10 at once, each up and proven, and all gone again."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter

from orchestrator.providers.netns.host import neighbours
from tests.conftest import Caller
from tests.netns.test_life import eventually, holders

NAME = f"many{os.getpid()}"
COPIES = 100


def test_a_hundred_copies_at_once(ordinary_user: Caller) -> None:
    before = neighbours()
    running = [
        ordinary_user.popen(
            "up", "lab10", "--name", f"{NAME}x{number}", "--json", "--deadline", "60",
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        for number in range(COPIES)
    ]  # fmt: skip
    outcomes = Counter(_outcome(*process.communicate(timeout=600), process.returncode) for process in running)
    after = neighbours()
    assert before is not None
    assert after is not None
    print(f"neighbour table: {after.entries} of {after.limit}; table_fulls {before.table_fulls} -> {after.table_fulls}")
    assert outcomes == {"proven": COPIES}
    found = json.loads(ordinary_user.labctl("status", "--json").stdout)["labs"]
    assert Counter(lab["state"] for lab in found) == {"up": COPIES}
    ordinary_user.labctl("down", "--all", check=True)
    eventually(lambda: not any(holders(f"{NAME}x{number}") for number in range(COPIES)), "a holder is left")


def _outcome(out: str, _: str | None, status: int) -> str:
    if status != 0:
        return f"exit status {status}: {out[-500:]}"
    return "proven" if all(r["status"] == "passed" for r in json.loads(out)["report"]["results"]) else out[-500:]
