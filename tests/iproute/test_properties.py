"""What holds for every box: no observation makes the reconciler raise, no word of a lab file escapes from a batch."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import iproute
from orchestrator.iproute import Command, Observed, batches, fresh, parse, reconcile

from .cases import NAMES, load, observed


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each key and each list's item within a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in [(*path, key), *places(inner, (*path, key))]]


def without(value: Any, path: tuple[Any, ...]) -> None:
    """Takes out what is at `path`, if it is still there."""
    for key in path[:-1]:
        if (isinstance(value, list) and key >= len(value)) or (isinstance(value, dict) and key not in value):
            return
        value = value[key]
    if isinstance(value, dict) or path[-1] < len(value):
        value.pop(path[-1], *([None] if isinstance(value, dict) else []))


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_missing_keys_and_items(data: st.DataObject) -> None:
    case = load(data.draw(st.sampled_from(NAMES)))
    state: list[Any] = copy.deepcopy(list(observed(case)))
    inner = [place for place in places(state[:3]) if len(place) > 1]
    for path in data.draw(st.lists(st.sampled_from(inner), max_size=12)):
        without(state, path)
    changes = reconcile(case["desired"], Observed(*state))
    assert not (changes.commands and changes.conflicts)
    batches(changes.commands)


@given(st.sampled_from(NAMES), st.sampled_from(["", "[]", "[{}]", "[{},{}]"]), st.sampled_from(["", "[]", "[ {} ]"]))
@settings(deadline=None)
def test_empty_answers(name: str, routes: str, fdb: str) -> None:
    case = load(name)
    links = json.dumps(observed(case).links)
    text = f'"links"\n{links}\n"routes"\n{routes}\n"fdb"\n{fdb}\n"sysctls"\n'
    assert parse(text) == Observed(observed(case).links, [], [], {})


@given(st.sampled_from(NAMES), st.data())
@settings(deadline=None)
def test_half_an_answer_is_refused(name: str, data: st.DataObject) -> None:
    links, heading = json.dumps(observed(load(name)).links), '"sysctls"\n'
    text = f'"links"\n{links}\n"routes"\n[]\n"fdb"\n[]\n{heading}'
    with pytest.raises(ValueError):  # noqa: PT011 (JSONDecodeError too)
        parse(text[: data.draw(st.integers(0, len(text) - 1))])


@given(st.text())
def test_words_of_a_batch(word: str) -> None:
    try:
        ((_, stdin),) = batches([Command(("ip", "link", "set", word), "")])
    except ValueError:
        return
    assert stdin == f"link set {word}\n"
    assert word.isascii()
    assert word
    assert not set(word) & set(" \t\r\n\v\f\"'\\#;$`")


HOSTILE = ["", " ", "a b", "a\n", "a\nlink", "#", "a#b", "'a'", '"', "\\", "a\x00", "\u00e9", "\u2028"]


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_words_of_a_batch(word: str) -> None:
    with pytest.raises(ValueError, match="cannot be a word"):
        batches([Command(("ip", "link", "set", "dev", word), "")])


def test_batches_keep_the_order() -> None:
    words = ["ip a", "ip b", "sysctl -w k=v", "sysctl -w l=w", "ip c", "bridge d", "bridge e"]
    assert batches(Command(tuple(line.split()), "") for line in words) == [
        (("ip", "-batch", "-"), "a\nb\n"),
        (("sysctl", "-w", "k=v"), ""),
        (("sysctl", "-w", "l=w"), ""),
        (("ip", "-batch", "-"), "c\n"),
        (("bridge", "-batch", "-"), "d\ne\n"),
    ]


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("fresh")])
def test_a_fresh_box_takes_few_programs(name: str) -> None:
    desired = load(name)["desired"]
    programs = [argv[0] for argv, _ in batches(reconcile(desired, fresh(desired)).commands)]
    assert programs in (["ip"], ["ip", "bridge"])


def test_only_the_standard_library() -> None:
    lines = Path(iproute.__file__).read_text().splitlines()
    modules = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert modules == {"__future__", "collections.abc", "ipaddress", "itertools", "json", "re", "typing"}
