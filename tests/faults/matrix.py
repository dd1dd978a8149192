"""The matrix of faults and checks: what is seen when each fault is made in a healthy lab, diagnosed, and mended."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator import faults, labfile
from orchestrator.faults import FAULTS, Fault, Site
from orchestrator.model import Lab
from orchestrator.verify import checks
from tests.conftest import CHECKOUT, Caller

LABS = {
    "lab9": CHECKOUT / "labs/lab9/lab.yml",
    "lab10": CHECKOUT / "labs/lab10/lab.yml",
    "bridged": Path(__file__).with_name("bridged.yml"),
}
AT_ONCE = 4
DEADLINE = "3"


class Case(NamedTuple):
    """A fault in a lab, at one place."""

    lab: str
    fault: Fault
    site: Site

    @property
    def name(self) -> str:
        """Of the copy of the lab, and of the test."""
        return f"{self.lab}-{self.fault.name}"


class Seen(NamedTuple):
    """What a case showed. `before`, `after`: exit statuses of `up`; failed, errors: ids; findings: of `diagnose`."""

    before: int
    failed: frozenset[str]
    passed: frozenset[str]
    errors: tuple[str, ...]
    findings: tuple[str, ...]
    after: int
    words: str


def cases() -> Iterator[Case]:
    """Each fault in each lab that can have it. The boxes take turns, so that no box is special."""
    for name, path in LABS.items():
        lab = labfile.load(path)
        for number, fault in enumerate(FAULTS.values()):
            places = faults.places(lab, "netns", fault)
            if places:
                yield Case(name, fault, places[number % len(places)])


def start(caller: Caller, pool: ThreadPoolExecutor, chosen: Iterable[Case]) -> dict[str, Future[Seen]]:
    """Runs cases side by side."""
    return {case.name: pool.submit(run, caller, case.lab, case.name, [(case.fault, case.site)]) for case in chosen}


def run(caller: Caller, lab: str, name: str, struck: list[tuple[Fault, Site]]) -> Seen:
    """Healthy, broken, diagnosed, mended."""
    path = str(LABS[lab]).replace(str(CHECKOUT), str(caller.root))
    first = caller.labctl("up", path, "--name", name, "--json")
    words = first.stderr
    for fault, site in struck:
        words += caller.labctl("break", name, fault.name, "--box", site.vtep.box).stderr
    told = caller.labctl("diagnose", name, "--json", "--deadline", DEADLINE)
    words += told.stderr
    diagnosis: dict[str, Any] = json.loads(told.stdout)
    results = diagnosis["report"]["results"]
    last = caller.labctl("up", name, "--json")
    words += last.stderr + (last.stdout if last.returncode else "")
    caller.labctl("down", name)
    return Seen(
        first.returncode,
        frozenset(r["id"] for r in results if r["status"] == "failed"),
        frozenset(r["id"] for r in results if r["status"] == "passed"),
        tuple(f"{r['id']}: {r['saw']}" for r in results if r["status"] == "error"),
        tuple(finding["id"] for finding in diagnosis["findings"]),
        last.returncode,
        words,
    )


def named(case: Case, ids: Iterable[str]) -> set[str]:
    """The checks that the fault says must fail, of all that there are. Raises LookupError where it names none."""
    values, known, found = case.site.words(), set(ids), set()
    for pattern in case.fault.checks:
        wanted = pattern.format_map(values)
        matched = set(fnmatch.filter(known, wanted))
        if not matched and wanted != cause(case.fault, case.site):
            raise LookupError(f"no check is called {wanted}")
        found |= matched
    return found


def allowed(case: Case, ids: Iterable[str]) -> set[str]:
    """Those, and the ones that may fail too."""
    known = set(ids)
    also = {id for pattern in case.fault.also for id in fnmatch.filter(known, pattern.format_map(case.site.words()))}
    return named(case, known) | also


def cause(fault: Fault, site: Site) -> str:
    """What `diagnose` must find first."""
    return fault.checks[0].format_map(site.words())


def kind(lab: Lab, check: str) -> str:
    """A check's kind, as the table has it: its layer and its name."""
    _, place, name, *_ = check.split("/")
    if place in {overlay.name for overlay in lab.overlays}:
        return name
    return name if place == "underlay" else f"{'lo' if place == 'lo' else 'adapter'} {name}"


def table(seen: dict[str, Seen]) -> str:
    """The matrix as Markdown."""
    labs = {name: labfile.load(path) for name, path in LABS.items()}
    lines = [_HEAD]
    for fault in FAULTS.values():
        here = [case for case in cases() if case.fault.name == fault.name]
        example = fault.sentence.format_map(here[0].site.words())
        cells = []
        for name, lab in labs.items():
            case = next((case for case in here if case.lab == name), None)
            one = seen.get(case.name) if case else None
            cells.append(_cell(case, one, lab) if case and one else "-")
        lines.append(f"| `{fault.name}` | {example} | {fault.mended} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(case: Case, seen: Seen, lab: Lab) -> str:
    must = named(case, seen.failed | seen.passed)
    kinds = sorted({kind(lab, id) for id in must & seen.failed}, key=KINDS.index)
    right = seen.findings[:1] == (cause(case.fault, case.site),)
    return f"{', '.join(kinds)}{'' if right else ' (not diagnosed)'}"


_OVERLAY = (*checks.DEVICE, *checks.PATH, *checks.TO_NEXT, *checks.FROM_PREVIOUS)
KINDS = list(
    dict.fromkeys(
        ["lo up", *(f"adapter {check.name}" for check in checks.ADAPTER), "reach", *(check.name for check in _OVERLAY)]
    )
)
"""Every kind of check, from the ground up."""

_HEAD = """\
# Faults, and the checks that catch them

Written by `make matrix`, from real labs on namespaces: each fault is made in a healthy lab, in turns in one box and
another, and then `up` mends it. The test holds this table to what it sees: the checks named here failed, none failed
that has nothing to do with the fault, `labctl diagnose` named the cause first (where it says nothing else), and after
`labctl up` every check passed.

`up` is how it is mended: *reconciled*, because the reconciler sees it; *undone*, from what `labctl break` wrote down
before it acted, because labctl leaves alone what it did not make. (A process on the UDP port that is neither is
*refused*, with its PID and exit status 3.) Paths, of which every check is meant that the box is
an end of: ping, fdb, size, tcp, flood (a broadcast frame arrives), isolation (only this VNI's frames arrive).

| fault | for example | `up` | lab9 | lab10 | bridged, head-end replication, no learning |
| --- | --- | --- | --- | --- | --- |"""
