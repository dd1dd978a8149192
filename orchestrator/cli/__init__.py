"""labctl's command line: arguments in, exit status out. The one place where errors become text."""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # the same to a type checker, without the import of typing: Ctrl-C must find us ready early
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import NoReturn

    from orchestrator.console import Console


def run() -> NoReturn:
    """The program. It ends without Python's tidying up: that takes longer than making a box, and nothing needs it."""
    for name, mode in (("stdout", "w"), ("stderr", "w"), ("stdin", "r")):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    try:
        status = main()
    except KeyboardInterrupt:  # one more, while the first was being dealt with
        status = 130
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status (errors.Exit, or the command's own for `exec` and `ssh`)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is something to undo, Ctrl-C may simply end us
    _import_msgspec()
    from importlib import import_module

    from orchestrator.cli.parser import build, complete
    from orchestrator.console import Console

    arguments = sys.argv[1:] if arguments is None else arguments
    if "_ARGCOMPLETE" in os.environ:
        complete(build())
    options = build(arguments).parse_args(arguments)
    console = Console(verbose=options.verbose)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _interrupt)
    sys.unraisablehook = _unraisable
    module, _, function = options.run.rpartition(".")
    verb = getattr(import_module(f"orchestrator.cli.{module or 'verbs'}"), function)
    return _run(verb, options, console)


def _import_msgspec() -> None:
    """Where it finds no typing_extensions, msgspec takes what Python's typing has: that spares a tenth of the start."""
    if "typing_extensions" not in sys.modules:
        sys.modules["typing_extensions"] = None  # type: ignore[assignment]
        import msgspec  # noqa: F401

        del sys.modules["typing_extensions"]


def _run(verb: Callable[[Namespace, Console], int], options: Namespace, console: Console) -> int:
    from orchestrator.errors import Exit, LabError

    try:
        with console.logged():
            status = verb(options, console)
        sys.stdout.flush()
        return status
    except LabError as error:
        console.error(error)
        return options.failure or error.code
    except KeyboardInterrupt:
        console.interrupted()
        return Exit.INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone: `labctl list | head -1`
        console.detach()
        return Exit.OK
    except Exception as error:
        return console.bug(error)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """A polite kill, or a closed terminal, undoes what is half done, as Ctrl-C does."""
    raise KeyboardInterrupt


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """An interrupt that comes while Python runs a finaliser gets lost there: send it once more."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    else:
        sys.__unraisablehook__(lost)
