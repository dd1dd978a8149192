"""The one door to other programs: argument lists only, and what failed can be replayed by hand."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from orchestrator.errors import Exit, LabError

Journal = Callable[[str], None]
"""Takes one line for each program that is run. Set by the command line: the log file, and the terminal with -v."""

journal: Journal = lambda line: None  # noqa: E731


class Result(NamedTuple):
    """A finished program: what was run, its exit status (negative: the signal), what it printed, seconds it took."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float


def replay(argv: Sequence[str], stdin: str | None = None) -> str:
    """The command as a person would type it."""
    return shlex.join(argv) if stdin is None else f"{shlex.join(argv)} <<'END'\n{stdin.rstrip()}\nEND"


class Running:
    """A program that has been started in a session of its own, so that stopping it stops what it started too."""

    def __init__(
        self, argv: Sequence[str], *, stdin: str | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self.argv, self.stdin, self.started = tuple(argv), stdin, time.monotonic()
        with _installed(argv):
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                cwd="/",
                env=environment,
                start_new_session=True,
            )

    def wait(self, timeout: float | None = None) -> Result:
        """What it printed, once it has ended. After `timeout` seconds, or an interrupt, it is killed."""
        try:
            out, err = self.process.communicate(self.stdin, timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise LabError(f"no end within {timeout:g} s: {replay(self.argv)}") from None
        except BaseException:
            self.kill()
            raise
        seconds = time.monotonic() - self.started
        result = Result(self.argv, self.process.returncode, out, err, seconds)
        journal(f"{replay(self.argv, self.stdin)}  # {result.returncode}, {seconds * 1000:.1f} ms")
        return result

    def stop(self) -> None:
        """Kills the program and everything it started; for who waits for it in another thread."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Ends the program and everything it started."""
        self.stop()
        self.process.communicate()


class Stream:
    """A program whose stdout is read as bytes while it runs. To be used in a `with` block, which ends the program and
    everything that it started, however it is left.

    Its stdin says nothing and ends when it is to end: at `finish`, and when labctl dies, even by kill -9. A signal
    would not do: it ends nsenter(1) first, and what that leaves behind waits for the host's init to reap it.
    """

    def __init__(self, argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        self.argv, self._said = tuple(argv), b""
        with _installed(argv):
            self.process = subprocess.Popen(
                argv,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        journal(f"{replay(self.argv)}  # started")

    def line(self, timeout: float) -> str:
        """The next line of its stderr, "" once there is none to come. LabError if none comes in `timeout` seconds."""
        assert self.process.stderr
        end = time.monotonic() + timeout
        while b"\n" not in self._said:
            if not select.select([self.process.stderr], [], [], max(end - time.monotonic(), 0.0))[0]:
                raise LabError(f"no word within {timeout:g} s: {shlex.join(self.argv)}")
            data = os.read(self.process.stderr.fileno(), 65536)
            self._said += data
            if not data:
                break
        line, _, self._said = self._said.partition(b"\n")
        return line.decode(errors="replace")

    def read(self) -> bytes:
        """What it has written to stdout, as soon as there is anything; b"" at its end."""
        assert self.process.stdout
        return os.read(self.process.stdout.fileno(), 1 << 18)

    def finish(self) -> None:
        """Asks it to end; what it still writes can be read."""
        assert self.process.stdin
        self.process.stdin.close()

    def ended(self) -> tuple[int, str]:
        """Its exit status and what of its stderr has not been read, once it has ended by itself."""
        self.process.wait()
        assert self.process.stderr
        return self.process.returncode, (self._said + self.process.stderr.read()).decode(errors="replace")

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.finish()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE)
        finally:
            if self.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe:
                    pipe.close()


class Lines:
    """A long program whose output, stderr included, is read line by line, in a `with` block. It is asked to end before
    it is killed; see `send`. Where the block is left early, it is interrupted, and may tidy up. status: its exit
    status, once its output is over.
    """

    def __init__(self, argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        self.argv, self.status, self.started = tuple(argv), 0, time.monotonic()
        with _installed(argv):
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        journal(f"{replay(self.argv)}  # started")

    def __iter__(self) -> Iterator[str]:
        assert self.process.stdout
        for line in self.process.stdout:
            yield line.rstrip("\r\n")

    def send(self, name: str) -> None:
        """Sends it a signal such as "INT"; at last, with "KILL", to everything that it started as well."""
        with contextlib.suppress(ProcessLookupError):
            if name == "KILL":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.send_signal(getattr(signal, f"SIG{name}"))

    def over(self, seconds: float) -> bool:
        """Waits for its end; whether it has come."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.returncode is not None

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            self.send("INT")
        for _line in self:  # a program whose output nobody takes would end before it has tidied up
            pass
        assert self.process.stdout
        self.process.stdout.close()
        self.status = self.process.wait()
        journal(f"{replay(self.argv)}  # {self.status}, {time.monotonic() - self.started:.1f} s")


_GRACE = 1.0
"""Seconds that a Stream has to end by itself."""


@contextlib.contextmanager
def _installed(argv: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise LabError(
            f"{argv[0]} is not installed", hint="labctl doctor says what to install", code=Exit.HOST
        ) from error


def require(result: Result, what: str) -> Result:
    """The result, if it is a success; else LabError: what failed, the program's own words, the command to replay."""
    if result.returncode == 0:
        return result
    words = (result.stderr.strip() or result.stdout.strip() or "it said nothing").splitlines()
    said = f"{what}: {words[-1]} (exit status {result.returncode})"
    raise LabError(said, hint=f"to see it again: {replay(result.argv)}")
