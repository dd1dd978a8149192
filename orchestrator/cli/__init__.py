"""labctl's command line: arguments in, exit status out. The one place where errors become text."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from orchestrator.cli.parser import build
from orchestrator.console import Console
from orchestrator.errors import Exit, LabError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status (errors.Exit, or the command's own for `exec` and `ssh`)."""
    parser = build()
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
    options = parser.parse_args(arguments)
    console = Console(verbose=options.verbose)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with console.logged():
            status: int = options.run(options, console)
        sys.stdout.flush()
        return status
    except LabError as error:
        console.error(error)
        return options.failure or error.code
    except KeyboardInterrupt:
        console.interrupted()
        return Exit.INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone: `labctl list | head -1`
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except Exception as error:
        return console.bug(error)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """A polite kill, or a closed terminal, undoes what is half done, as Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
