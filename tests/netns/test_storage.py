"""A full disk, a read-only state folder, forbidden namespaces: a message, the exit status, and no half state."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.conftest import Caller
from tests.netns.test_life import holders

NAME = f"storage{os.getpid()}"

FULL = 'mount -t tmpfs -o size=16k,mode=700 none "$1" && cat /dev/zero > "$1/fill" 2>/dev/null; shift; exec "$@"'
READ_ONLY = 'mount -t tmpfs -o ro none "$1" && shift && exec "$@"'
NO_USER_NAMESPACES = 'echo 0 > /proc/sys/user/max_user_namespaces && shift && exec "$@"'
NO_NETWORK_NAMESPACES = 'echo 0 > /proc/sys/user/max_net_namespaces && shift && exec "$@"'


def under(user: Caller, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """labctl in a mount and user namespace in which `script` has first changed the world."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "-", user.state]
    return user.run([*unshare, *user.command("up", "lab9", "--name", NAME, *arguments)])


@pytest.mark.parametrize(
    ("script", "words", "status"),
    [
        (FULL, "No space left on device", 4),
        (READ_ONLY, "Read-only file system", 3),
        (NO_USER_NAMESPACES, "sudo sysctl -w user.max_user_namespaces=", 3),
        (NO_NETWORK_NAMESPACES, "sudo sysctl -w user.max_net_namespaces=", 3),
    ],
    ids=["full", "read-only", "no-user-namespaces", "no-network-namespaces"],
)
def test_is_told_and_leaves_nothing(ordinary_user: Caller, script: str, words: str, status: int) -> None:
    answer = under(ordinary_user, script, "--no-verify")
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.returncode == status
    assert holders(NAME) == []


def test_the_same_way_works_where_nothing_is_wrong(ordinary_user: Caller) -> None:
    """The positive control: `under` itself is not what fails."""
    assert under(ordinary_user, 'shift && exec "$@"', "--dry-run").returncode == 0
