"""Reading and comparing, without a lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import labfile
from orchestrator.errors import LabError
from orchestrator.guide import Command, Exercise, Guide, Prose, difference, read
from tests.conftest import CHECKOUT

LAB9 = labfile.load(CHECKOUT / "labs/lab9/lab.yml")


def reading(folder: Path, text: str) -> Guide:
    path = folder / "guide.md"
    path.write_text(text)
    return read(path, LAB9)


def test_a_guide_is_prose_commands_and_exercises(tmp_path: Path) -> None:
    text = """\
# Title

Words.

```console
boxA# ip link | grep x
a  b

c
(exit status 2)
$ labctl capture lab9 boxB -i vxlan0 --count 4 &
boxB# true
```

```sh
this is only shown
```

```exercise wrong-vni boxB
Find it.
```

```console solution
boxB# true
```

End.
"""
    assert reading(tmp_path, text).steps == (
        Prose("# Title\n\nWords.", 1),
        Command("boxA", "ip link | grep x", ("a  b", "", "c"), 6, 2),
        Command("", "labctl capture lab9 boxB -i vxlan0 --count 4", (), 11, beside=True),
        Command("boxB", "true", (), 12),
        Prose("```sh\nthis is only shown\n```", 15),
        Exercise("wrong-vni", "boxB", "Find it.", (Command("boxB", "true", (), 24),), 19),
        Prose("End.", 27),
    )


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("```console\nip link\n```", 2, "begins with a prompt"),
        ("```console\nboxZ# ip link\n```", 2, "no box boxZ"),
        ("\n```console\n$ rm -rf /\n```", 3, "may not run this"),
        ("```console\n$ labctl down lab9\n```", 2, "may not run this"),
        ("```console\n$ labctl verify lab10\n```", 2, "may not run this"),
        ("```console\n$ labctl verify lab9 --html=/tmp/x\n```", 2, "may not run this"),
        ("```console\n$ labctl verify lab9 --htm /tmp/x\n```", 2, "may not run this"),
        ("```console\n$ labctl trace lab9 boxA boxB --pcap x\n```", 2, "may not run this"),
        ("```console\n$ labctl capture lab9 boxA\n```", 2, "may not run this"),
        ("```console\n$ labctl capture lab9 boxA --count x &\n```", 2, "may not run this"),
        ("```console\n$ labctl capture lab9 boxZ &\n```", 2, "no box boxZ"),
        ("```console\n$ labctl capture lab10 boxA &\n```", 2, "may not run this"),
        ("```console\n$ labctl verify lab9 &\n```", 2, "may not run this"),
        ("```console\n$ labctl verify 'lab9\n```", 2, "may not run this"),
        ("```exercise wrong-vni\nx\n```", 1, "names a fault and a box"),
        ("```exercise wrong boxA\nx\n```", 1, "no fault wrong"),
        ("```exercise wrong-vni boxZ\nx\n```", 1, "no box boxZ"),
        ("```exercise wrong-vni boxA\nx\n```\n\nwords", 1, "has to have a fence `console solution`"),
        ("```exercise wrong-vni boxA\nx\n```\n```console\nboxA# x\n```", 1, "has to have a fence"),
        ("```console solution\nboxA# x\n```", 1, "has to follow its exercise"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    with pytest.raises(LabError, match=what) as told:
        reading(tmp_path, text)
    assert told.value.where == f"{tmp_path / 'guide.md'}:{line}"


@pytest.mark.parametrize(
    ("expected", "output", "wrong"),
    [
        ([], "", None),
        ([], "\n \n", None),
        ([], "a\n", ""),
        (["a"], "a", None),
        (["a  b"], " a b \n\n", None),
        (["a"], "b\n", "a"),
        (["a"], "a\nb\n", ""),
        (["a", "b"], "a\n", "b"),
        (["…"], "", None),
        (["…"], "a\nb\n", None),
        (["…", "b"], "a\nb\n", None),
        (["…", "b"], "a\nb\nc\n", ""),
        (["…", "b", "…"], "a\nb\nc\n", None),
        (["…", "x", "…"], "a\nb\nc\n", "x"),
        (["a … c"], "a b b c\n", None),
        (["a … c"], "a b b d\n", "a … c"),
        (["1.5 …"], "1x5 y\n", "1.5 …"),
    ],
)
def test_difference(expected: list[str], output: str, wrong: str | None) -> None:
    found = difference(expected, output)
    assert (found and found.expected) == wrong
    assert (found is None) == (wrong is None)
