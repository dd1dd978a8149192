"""Runs pytest in this process, with a configuration and a root of ours, and leaves the process as it was."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

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


def run(lab: Lab, survey: Survey, own: list[Path], take: Callable[[CheckResult], None]) -> None:
    """Makes every check, and runs the lab's `own` test files; `take` gets each result.

    Raises KeyboardInterrupt on Ctrl-C, and what pytest calls an internal error as what it was.
    """
    plugin = Plugin(lab, State(survey), own, take)
    with untouched(own[0].parent if own else None):
        pytest.main(arguments(bool(own)), plugins=[plugin, fixtures])
    if plugin.interrupted:
        raise KeyboardInterrupt
    if plugin.broken is not None:
        raise plugin.broken


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
