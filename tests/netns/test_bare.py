"""Bare labs: the underlay is labctl's, the overlay the learner's; and hints on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Caller

NAME = "hand9"


@pytest.fixture
def user(ordinary_user: Caller) -> Iterator[Caller]:
    ordinary_user.labctl("up", "lab9", "--name", NAME, "--bare", check=True)
    yield ordinary_user
    ordinary_user.labctl("down", "--all", check=True)


def up(user: Caller, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(user.labctl("up", "lab9", "--name", NAME, "--json", *arguments).stdout)
    return answer


def build(user: Caller, box: str, peer: int, own: int) -> None:
    script = f"""set -e
ip link add vxlan0 type vxlan id 100 remote 192.168.50.{peer} dstport 4789 dev enp0s8
ip addr add 192.168.60.{own}/24 dev vxlan0
ip link set vxlan0 up"""
    user.labctl("exec", NAME, box, "--", "sh", "-c", script, check=True)


def devices(user: Caller, box: str) -> str:
    return user.labctl("exec", NAME, box, "--", "ip", "-br", "link", check=True).stdout


def failed(user: Caller) -> set[str]:
    report = json.loads(user.labctl("verify", NAME, "--json", "--deadline", "2").stdout)
    return {result["id"] for result in report["results"] if result["status"] == "failed"}


def test_the_learner_builds_and_verify_tells_what_is_missing(user: Caller) -> None:
    assert "bare" in user.labctl("status", NAME).stdout
    assert {"boxA/vxlan0/kind", "boxB/vxlan0/kind", "boxA/vxlan0/ping/boxB"} <= failed(user)
    build(user, "boxA", 5, 4)
    missing = failed(user)
    assert "boxA/vxlan0/kind" not in missing
    assert {"boxB/vxlan0/kind", "boxA/vxlan0/ping/boxB"} <= missing
    build(user, "boxB", 4, 5)
    assert failed(user) == set(), "whatever MACs the learner's devices have"


def test_labctl_leaves_the_learners_devices_and_takes_its_own(user: Caller) -> None:
    build(user, "boxA", 5, 4)
    before = devices(user, "boxA")
    assert up(user, "--bare")["commands"] == 0
    assert devices(user, "boxA") == before
    result = up(user)
    assert (result["bare"], result["report"]["exit_code"]) == (False, 0)
    assert before.split("vxlan0")[1].split()[1] in devices(user, "boxA"), "its MAC is as good as any"
    assert "bare" not in user.labctl("status", NAME).stdout
    up(user, "--bare")
    assert "vxlan0" not in devices(user, "boxA") + devices(user, "boxB")


def test_the_same_mac_twice_is_still_found_and_mended(user: Caller) -> None:
    for box, peer, own in (("boxA", 5, 4), ("boxB", 4, 5)):
        build(user, box, peer, own)
        user.labctl("exec", NAME, box, "--", "ip", "link", "set", "vxlan0", "address", "02:00:00:00:00:01", check=True)
    assert {id.split("/")[2] for id in failed(user)} >= {"ping", "mac"}
    assert up(user)["report"]["exit_code"] == 0


def test_what_is_not_there_cannot_be_broken(user: Caller) -> None:
    refused = user.labctl("break", NAME, "wrong-vni")
    assert refused.returncode == 2
    assert "boxA has no vxlan0 to break" in refused.stderr
    assert "broken" not in user.labctl("status", NAME).stdout


def hint(user: Caller) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(user.labctl("hint", NAME, "--json", "--deadline", "2").stdout)
    return told


def test_hints_tell_more_each_time_and_begin_anew_with_the_next_cause(user: Caller) -> None:
    first, second, third, last = (hint(user) for _ in range(4))
    assert [told["step"] for told in (first, second, third, last)] == [1, 2, 3, 3]
    assert {told["look"] for told in (first, second, third, last)} == {first["look"]}
    assert not first["wrong"]
    assert "no device vxlan0" in second["wrong"][0]
    assert not second["mend"]
    for command in third["mend"]:  # as they stand, they mend it
        user.labctl("exec", NAME, third["box"], "--", "sh", "-c", command, check=True)
    other = hint(user)
    assert (other["step"], other["box"] != third["box"]) == (1, True)
    assert up(user)["report"]["exit_code"] == 0
    assert hint(user) == {"lab": NAME, "step": 0, "box": "", "look": "", "wrong": [], "mend": [], "exit_code": 0}


def test_a_hint_mends_what_break_did(user: Caller) -> None:
    up(user)
    user.labctl("break", NAME, "firewall-out", "--box", "boxB", check=True)
    told = [hint(user) for _ in range(3)][-1]
    assert told["box"] == "boxB"
    for command in told["mend"]:
        user.labctl("exec", NAME, "boxB", "--", "sh", "-c", command, check=True)
    assert failed(user) == set()
