"""The pytest plugin: an item for each check of the model, beside a lab's own tests; each report as a CheckResult."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import LabError
from orchestrator.model import Lab
from orchestrator.verify import checks, fixtures
from orchestrator.verify.backend import BoxBackend
from orchestrator.verify.outcome import AbsentError, Outcome, Planned
from orchestrator.verify.results import CheckResult, Evidence, Status, bounded
from orchestrator.verify.script import CannotRunError
from orchestrator.verify.state import State

LINES = 2
"""Lines of a failed assertion's explanation that a result shows; the evidence has them all."""


class CheckItem(pytest.Item):
    """A check of the model, as pytest runs it."""

    def __init__(self, *, planned: Planned, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.planned = planned
        self.outcome: Outcome | None = None

    def runtest(self) -> None:
        """Judges. Whatever is raised, rather than returned, is an error."""
        try:
            self.outcome = self.planned.judge()
        except AbsentError as error:
            self.outcome = Outcome(False, self.planned.title, error.what, (error.evidence,))
        if not self.outcome.passed:
            pytest.fail(self.outcome.saw, pytrace=False)

    def result(self, call: pytest.CallInfo[None]) -> CheckResult:
        """What came of it."""
        planned, outcome = self.planned, self.outcome
        status: Status = "error"
        if outcome is None:
            error = call.excinfo.value if call.excinfo else None
            outcome = Outcome(False, planned.title, _why(error), getattr(error, "evidence", ()))
        else:
            status = "passed" if outcome.passed else "failed"
        causes = planned.causes() if status == "failed" else ()
        return CheckResult(
            planned.id, planned.box, planned.overlay, planned.title, status, call.duration,
            outcome.expected, outcome.saw, outcome.evidence, f"{causes[0].what}?" if causes else "", causes,
        )  # fmt: skip


def _why(error: BaseException | None) -> str:
    if isinstance(error, LabError | CannotRunError):
        return f"could not be checked: {error}"
    return f"could not be checked: what the box printed makes no sense ({type(error).__name__}: {error})"


class Checks(pytest.Collector):
    """All checks of a lab."""

    def __init__(self, *, planned: list[Planned], **keywords: Any) -> None:
        super().__init__(**keywords)
        self.planned = planned

    def collect(self) -> Iterator[CheckItem]:
        """One item a check."""
        for planned in self.planned:
            yield CheckItem.from_parent(self, name=planned.id, planned=planned)


class Plugin:
    """Tells pytest what to run, and takes the results."""

    def __init__(self, lab: Lab, state: State, own: list[Path], take: Callable[[CheckResult], None]) -> None:
        self._lab, self._state, self._own, self._take = lab, state, own, take
        self.interrupted = False
        self.broken: BaseException | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Silences pytest: stdout is data, and stderr the console's."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)
        config.stash[fixtures.LAB] = self._lab

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        """The lab's own tests, or else the model's checks."""
        if self._own:
            session.perform_collect([str(path) for path in self._own])
        else:
            planned = list(checks.plan(self._lab, self._state))
            session.items = list(Checks.from_parent(session, name=self._lab.name, planned=planned).collect())
        session.testscollected = len(session.items)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """A file of the lab's own that could not be loaded is an error."""
        report = yield
        if report.failed:
            name = collector.path.name
            evidence = Evidence(f"pytest {name}", 2, bounded(report.longreprtext))
            saw = _marked(report.longreprtext)[-1]
            self._take(CheckResult(name, "", None, f"{name} can be loaded", "error", 0.0, "tests", saw, (evidence,)))
        return report

    def pytest_runtest_logstart(self) -> None:
        """What the test before has asked is no evidence for this one."""
        _asked()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Makes a CheckResult of each check, and of each own test's phase that decides."""
        report = yield
        if isinstance(item, CheckItem):
            if call.when == "call":
                self._take(item.result(call))
        elif call.when == "call" or not report.passed:
            self._take(self._own_result(item, call, report))
        return report

    def _own_result(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> CheckResult:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        box = parameters.get("_box_name", "")
        status, said = _own_status(call, report), report.longreprtext
        name = f"{item.path.name}::{item.name}" + ("" if call.when == "call" else f" ({call.when})")
        evidence, saw = _asked(), "it holds"
        if isinstance(report.longrepr, tuple):  # skipped: file, line, words
            saw = report.longrepr[2]
        elif not report.passed:
            evidence, saw = (*evidence, Evidence(f"pytest {name}", 1, bounded(said))), "; ".join(_marked(said)[:LINES])
        title = (item.name.partition("[")[0]).removeprefix("test_").replace("_", " ")
        return CheckResult(name, box, None, title, status, call.duration, "the test passes", saw, evidence)

    def pytest_keyboard_interrupt(self) -> None:
        """Ctrl-C: pytest swallows it; `run` raises it again."""
        self.interrupted = True

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """A bug, of ours or of pytest: `run` raises it."""
        self.broken = excinfo.value
        return True


def _asked() -> tuple[Evidence, ...]:
    """What tests have run in boxes since the last time this was asked."""
    assert BoxBackend.channel is not None
    asked = tuple(BoxBackend.channel.evidence)
    BoxBackend.channel.evidence.clear()
    return asked


def _own_status(call: pytest.CallInfo[None], report: pytest.TestReport) -> Status:
    """An assertion that does not hold is a failure; anything else that a test raises is an error."""
    if report.passed or report.skipped:
        return "passed" if report.passed else "skipped"
    failure = call.excinfo is None or call.excinfo.errisinstance((AssertionError, pytest.fail.Exception))
    return "failed" if failure and call.when == "call" else "error"


def _marked(text: str) -> list[str]:
    """What went wrong, as pytest marks it: the lines that begin with E; where there are none, the last line."""
    marked = [said for line in text.splitlines() if line.startswith("E ") and (said := line[1:].strip())]
    return marked or text.strip().splitlines()[-1:] or [text]
