"""Runs pytest in this process, with a configuration and a root of ours, and leaves the process as it was."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, NoReturn

import msgspec
import pytest

from orchestrator.model import Lab
from orchestrator.verify import fixtures
from orchestrator.verify.plugin import Plugin
from orchestrator.verify.results import CheckResult
from orchestrator.verify.state import State
from orchestrator.verify.survey import Survey

HERE = Path(__file__).parent

NEVER = ("cacheprovider", "doctest", "faulthandler", "junitxml", "legacypath", "logging", "pastebin", "setuponly",
         "setupplan", "stepwise", "threadexception", "unraisableexception", "warnings")  # fmt: skip
"""pytest's own plugins that write files, change signal handlers, or cost time for nothing here."""

FOR_OWN_TESTS = ("capture", "monkeypatch", "recwarn", "skipping", "subtests", "tmpdir", "unittest")
"""Those that only a lab's own tests need; capture keeps what they print from stdout."""


def run(lab: Lab, survey: Survey, take: Callable[[CheckResult], None]) -> None:
    """Makes every check; `take` gets each result.

    Raises KeyboardInterrupt on Ctrl-C, and what pytest calls an internal error as what it was.
    """
    _session(lab, survey, [], take)


def run_own(lab: Lab, survey: Survey, own: list[Path], take: Callable[[CheckResult], None]) -> None:
    """Runs the lab's `own` test files, once all checks are made; `take` gets each result. Raises as `run` does."""
    survey.join()
    for path in own:
        _apart(path, partial(_session, lab, survey, [path]), take)


def _session(lab: Lab, survey: Survey, own: list[Path], take: Callable[[CheckResult], None]) -> None:
    """One run of pytest: of the model's checks or, where there are any, of a lab's own tests."""
    plugin = Plugin(lab, State(survey), own, take)
    with untouched(own[0].parent if own else None):
        pytest.main(arguments(bool(own)), plugins=[plugin, fixtures])
    if plugin.interrupted:
        raise KeyboardInterrupt
    if plugin.broken is not None:
        raise plugin.broken


def _apart(
    own: Path, session: Callable[[Callable[[CheckResult], None]], None], take: Callable[[CheckResult], None]
) -> None:
    """Runs a file of own tests in a fork of this process: nothing that they do can take away, or end, what is ours."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _report(session, writer)
    os.close(writer)
    complete = False
    try:
        with os.fdopen(reader, "rb") as lines:
            for line in lines:
                complete = line == _COMPLETE
                if complete or not line.endswith(b"\n"):
                    break
                take(msgspec.json.decode(line, type=CheckResult))
    finally:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if not complete:
        saw = f"{own.name} ended before its report (wait status {status}): sys.exit, pytest.exit or a crash"
        name, check = f"{own.name}::report", f"{own.name} runs to its end"
        take(CheckResult(name, "", None, check, "error", 0.0, "a complete report", saw, ()))


_COMPLETE = b"complete\n"


def _report(session: Callable[[Callable[[CheckResult], None]], None], writer: int) -> NoReturn:
    """The fork's whole life: results go through the pipe, and whatever the tests print goes nowhere."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        with os.fdopen(writer, "wb") as pipe:
            session(lambda result: _send(pipe, msgspec.json.encode(result) + b"\n"))
            _send(pipe, _COMPLETE)
    finally:
        os._exit(0)


def _send(pipe: BinaryIO, line: bytes) -> None:
    pipe.write(line)
    pipe.flush()


def arguments(own: bool) -> list[str]:
    """pytest's command line: nothing around the lab, the caller or the working directory configures it."""
    off = NEVER if own else (*NEVER, *FOR_OWN_TESTS)
    return [
        "-c", os.devnull, f"--rootdir={HERE}", f"--confcutdir={HERE}", "--noconftest", "--import-mode=importlib",
        "--continue-on-collection-errors", f"--assert={'rewrite' if own else 'plain'}",
        *(f"-pno:{name}" for name in off),
    ]  # fmt: skip


@contextlib.contextmanager
def untouched(directory: Path | None) -> Iterator[None]:
    """What pytest, or tests in `directory`, change of this process is as it was afterwards."""
    environment, modules, path, hooks = dict(os.environ), set(sys.modules), list(sys.path), list(sys.meta_path)
    last = {name: getattr(sys, name) for name in _LAST if hasattr(sys, name)}
    bytecode, folder = sys.dont_write_bytecode, os.open(".", os.O_PATH)
    sys.dont_write_bytecode = directory is not None or bytecode
    ours = {name: value for name, value in environment.items() if not name.startswith("PYTEST_")}
    _set_environment(ours | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    try:
        os.chdir(directory or HERE)  # the caller's may be gone
        with warnings.catch_warnings():
            yield
    finally:
        os.fchdir(folder)
        os.close(folder)
        _set_environment(environment)
        sys.dont_write_bytecode, sys.path[:], sys.meta_path[:] = bytecode, path, hooks
        for name in _LAST:
            vars(sys).pop(name, None)
        vars(sys).update(last)
        if directory is not None:
            _forget(set(sys.modules) - modules, directory)


def _set_environment(wanted: dict[str, str]) -> None:
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    os.environ.update(wanted)


_LAST = ("last_exc", "last_type", "last_value", "last_traceback")
"""Where pytest leaves a failed test's exception, and with it everything that it refers to."""


def _forget(names: set[str], directory: Path) -> None:
    for name in names:
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or Path(file).is_relative_to(directory.resolve()) or Path(file).is_relative_to(directory):
            del sys.modules[name]
