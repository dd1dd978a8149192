"""The terminal: results on stdout, progress and errors on stderr, every command in the log file."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence

from orchestrator import command, store
from orchestrator.errors import Exit, LabError
from orchestrator.events import Checked, Event, Notice, Stage

_LOG_BYTES = 1 << 20
_VERBS = (
    "up|down|halt|start|render|box|status|list|doctor|verify|exec|ssh|explain|break|diagnose|hint|guide|trace|capture"
)


class Console:
    """What a command says, and how. Colour only on a terminal, and not where NO_COLOR is set (no-color.org)."""

    def __init__(self, *, verbose: bool) -> None:
        self.verbose = verbose
        self.live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._shown = False
        self._ran = False

    def data(self, text: str) -> None:
        """Prints a result on stdout."""
        self.clear()
        try:
            sys.stdout.write(text if text.endswith("\n") else text + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise LabError(f"cannot write to stdout: {error.strerror}") from error

    def note(self, text: str) -> None:
        """Prints a line for the person on stderr."""
        self.clear()
        print(text, file=sys.stderr)

    def typed(self, text: str) -> str:
        """The text with its commands as this user types them: a checkout's labctl is not on the PATH."""
        program = os.environ.get("LABCTL_PROGRAM", "labctl")
        return re.sub(rf"\blabctl(?= ({_VERBS})\b)", lambda _: program, text)

    def json(self, value: object) -> None:
        """Prints a value as indented JSON on stdout."""
        import msgspec

        from orchestrator.model import encode

        self.data(msgspec.json.format(encode(value), indent=2).decode())

    def event(self, event: Event) -> None:
        """Shows progress: one line that is written over on a terminal, a line a stage elsewhere."""
        match event:
            case Notice(lab, what):
                self.note(f"{lab}: {what}")
            case Stage(lab, what) if self.live:
                self._line(f"{lab}: {what} …")
            case Stage(lab, what):
                self.note(f"{lab}: {what}")
            case Checked(lab, name, _, done) if self.live:
                self._line(f"{lab}: checking … {done} {name}")

    def error(self, error: LabError) -> None:
        """What went wrong, where, and how to mend it."""
        self.note(f"labctl: {error}")
        if error.hint:
            self.note(f"  {self.typed(error.hint)}")
        if self._ran and error.code == Exit.STEP_FAILED:
            self.note(f"  every command is in {log_file()}")

    def interrupted(self) -> None:
        """Ctrl-C."""
        self.note("labctl: interrupted; what was half made is undone")

    def detach(self) -> None:
        """Nobody reads stdout any more: what Python still flushes at its end goes nowhere."""
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def bug(self, error: Exception) -> int:
        """A failure of ours: the traceback goes to the log alone."""
        import traceback

        _append("".join(traceback.format_exception(error)))
        self.note(f"labctl: a bug of labctl's own ({type(error).__name__}: {error}); please report it")
        if os.path.exists(log_file()):  # noqa: PTH110
            self.note(f"  the details are in {log_file()}")
        return Exit.BUG

    @contextlib.contextmanager
    def logged(self) -> Iterator[None]:
        """Within, every command that runs goes to the log file, and with -v to stderr."""

        def journal(line: str) -> None:
            self._ran = True
            _append(f"{time.strftime('%FT%TZ', time.gmtime())} {os.getpid()} {line}\n")
            if self.verbose:
                self.note(f"+ {line}")

        command.journal = journal
        try:
            yield
        finally:
            self.clear()

    def _line(self, text: str) -> None:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns if self.live else 80
        print(f"\r\033[K{text[: columns - 1]}", end="", file=sys.stderr, flush=True)
        self._shown = True

    def clear(self) -> None:
        """Takes the line of progress away."""
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self._shown = False


def log_file() -> str:
    """Where every command that was run is written down."""
    return str(store.root() / "log")


def _append(text: str) -> None:
    """Best effort: a full disk must not stop what the log is about. Beyond a megabyte the log starts anew."""
    with contextlib.suppress(OSError):
        store.root().mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(log_file(), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "a", encoding="utf-8") as file:
            if os.fstat(fd).st_size > _LOG_BYTES:
                os.ftruncate(fd, 0)
            file.write(text)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, indent: str = "") -> str:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = [
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join(lines)
