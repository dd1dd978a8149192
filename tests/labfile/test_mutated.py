"""Whatever a lab file holds, loading it gives a lab, or problems that are safe to print; and where the schema sees a
problem, so does the loader."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator import labfile, model
from orchestrator.errors import LabError
from orchestrator.labfile import source, structure, tree

FILES = [*sorted((Path(__file__).parent / "good").glob("*.yml")), *labfile.shipped()]
TEXTS = [path.read_bytes() for path in FILES]
TREES = [tree.parse(text.decode(), "good").data for text in TEXTS]
PARTS = labfile.schema()
SCHEMA = jsonschema.Draft202012Validator(PARTS)
WORDS = ["boxA", "vxlan0", "br0", "lo", "enp0s8", "myNetwork", "192.168.50.4", "192.168.50.0/24", "239.255.0.1", "gre",
         "head-end", "0.0.0.0/0", "255.255.255.255", "10.0.0.1/33", "", "$(reboot)", "{{7*7}}", "\x1b[31m", "x" * 300,
         "192.168.50.4\n", "\u202e", "٤", "null", "1", "<<", "a\0"]  # fmt: skip
PIECES = [b"\t", b"\0", b"&a ", b"*a", b"!!python/object:os.system ", b"---\n", b"\xff", b"\xef\xbb\xbf", b"{", b"}",
          b"[", b"]", b": ", b"- ", b"? ", b"<<: *a\n", b"'", b'"', b"|\n", b"%YAML 9.9\n", b"#", b"\r", b"\n",
          b"\xe2\x80\xa8", b"~", b"1e999", b"0x1F", b"\\", b"@", b"`"]  # fmt: skip
KEYS = sorted({key for part in (PARTS, *PARTS["$defs"].values()) for key in part["properties"]})

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 70000), st.integers(), st.floats(), st.sampled_from(WORDS), st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS + KEYS), inner),
    max_leaves=5,
)


def groups(data: Any) -> list[dict[str, Any]]:
    """Every group of keys in the tree."""
    if not isinstance(data, dict):
        return []
    return [data, *(group for value in data.values() for group in groups(value))]


@st.composite
def mutated_trees(draw: st.DrawFn) -> Any:
    data = copy.deepcopy(draw(st.sampled_from(TREES)))
    for _ in range(draw(st.integers(1, 4))):
        group = draw(st.sampled_from(groups(data)))
        key = draw(st.sampled_from(sorted(group))) if group else "x"
        value = group.pop(key, None)
        action = draw(st.sampled_from(["drop", "change", "rename", "copy"]))
        if action == "change":
            group[key] = draw(values)
        elif action == "rename":
            group[draw(st.sampled_from(WORDS + KEYS))] = value
        elif action == "copy":
            source = draw(st.sampled_from(groups(data)))
            group[key] = copy.deepcopy(draw(st.sampled_from(list(source.values()) or [None])))
    return data


@st.composite
def mutated_bytes(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 12))
        text = text[:start] + draw(st.sampled_from(PIECES) | st.binary(max_size=4) | st.just(b"")) + text[end:]
    return text


def agree(path: Path) -> None:
    """The loader's view of a file's form and the schema's are the same."""
    try:
        document = tree.parse(source.read(path), "mutated")
    except labfile.LabFileError:
        document = tree.Document("unreadable")
        document.problems.append(labfile.Problem("", 1, 1, "unreadable"))
    if not document.problems:
        structure.convert(document)
        assert SCHEMA.is_valid(document.data) == (not document.problems)


def outcome(path: Path) -> model.Lab | LabError:
    try:
        return labfile.load(path)
    except LabError as error:
        return error


def load(path: Path, text: bytes) -> None:
    """Loads the text; whatever it is, nothing but a lab or a LabError may come of it."""
    path.write_bytes(text)
    agree(path)
    got = outcome(path)
    if isinstance(got, model.Lab):
        assert model.decode(model.encode(got), model.Lab) == got
        return
    assert isinstance(got, labfile.LabFileError)
    assert got.problems
    lines = len(text.splitlines()) + len(text.split(b"\n")) + 2
    for problem in got.problems:
        assert str(problem).isprintable()
        assert 1 <= problem.line <= lines
        assert problem.column >= 1


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated") / "lab.yml"


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=mutated_trees())
def test_any_tree(scratch: Path, data: Any) -> None:
    load(scratch, json.dumps(data).encode())


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(text=mutated_bytes())
def test_any_bytes(scratch: Path, text: bytes) -> None:
    load(scratch, text)
