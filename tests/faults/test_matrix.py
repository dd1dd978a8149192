"""Every fault is caught by the checks that it names and by no others, diagnosed, and mended by `up`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from orchestrator import labfile
from tests.conftest import CHECKOUT, Caller
from tests.faults import matrix
from tests.faults.matrix import Case, Seen

DOCUMENT = CHECKOUT / "docs/faults.md"
CASES = {case.name: case for case in matrix.cases()}
Running = dict[str, Future[Seen]]


@pytest.fixture(scope="module")
def running(ordinary_user: Caller, request: pytest.FixtureRequest) -> Iterator[Running]:
    """The chosen cases, all under way: most of their time is waiting for what does not answer."""
    chosen = [case for item in request.session.items if (case := _case(item))]
    with ThreadPoolExecutor(matrix.AT_ONCE) as pool:
        whole = any(item.name in _WHOLE for item in request.session.items)
        yield matrix.start(ordinary_user, pool, CASES.values() if whole else chosen)


def _case(item: pytest.Item) -> Case | None:
    case = getattr(getattr(item, "callspec", None), "params", {}).get("case")
    return case if isinstance(case, Case) else None


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fault(running: Running, case: Case) -> None:
    seen = running[case.name].result()
    ids = seen.failed | seen.passed
    assert seen.before == 0, seen.words
    assert seen.errors == ()
    assert matrix.named(case, ids) <= seen.failed
    assert seen.failed <= matrix.allowed(case, ids)
    assert seen.after == 0, seen.words


_WHOLE = ("test_the_table_is_what_was_seen", "test_diagnose_is_right", "test_every_check_has_a_fault")


def test_the_table_is_what_was_seen(running: Running) -> None:
    table = matrix.table({name: future.result() for name, future in running.items()})
    if os.environ.get("GOLDEN") == "write":
        DOCUMENT.write_text(table)
    assert table == DOCUMENT.read_text(), "GOLDEN=write writes it anew"


def test_diagnose_is_right(running: Running) -> None:
    """Its first answer, in at least nine of ten cases. The figure is printed; the README has it."""
    wrong = {
        name: future.result().findings
        for name, future in running.items()
        if future.result().findings[:1] != (matrix.cause(CASES[name].fault, CASES[name].site),)
    }
    print(f"diagnose: {len(running) - len(wrong)} of {len(running)} right; wrong: {wrong}")
    assert len(wrong) * 10 <= len(running), wrong


def test_every_check_has_a_fault(running: Running) -> None:
    """A check that no fault can turn red proves nothing."""
    labs = {name: labfile.load(path) for name, path in matrix.LABS.items()}
    red = set()
    for name, future in running.items():
        case, seen = CASES[name], future.result()
        red |= {matrix.kind(labs[case.lab], id) for id in matrix.named(case, seen.failed | seen.passed) & seen.failed}
    assert red == set(matrix.KINDS)
