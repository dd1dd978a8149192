"""`labctl trace` and `labctl capture`: what passes between boxes, shown, written and streamed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from orchestrator.console import Console
from orchestrator.engine import tracing as engine
from orchestrator.errors import Exit, LabError
from orchestrator.trace import capture as captures
from orchestrator.trace.capture import Capture, Frame

if TYPE_CHECKING:
    from orchestrator.trace.model import Trace

Sink = Callable[[Frame], object]
Show = Callable[[dict[str, Any], bytes], object]


def trace(options: Namespace, console: Console) -> int:
    """labctl trace LAB A B"""
    _, told, recording = engine.trace(
        options.name,
        options.source,
        options.target,
        overlay=options.overlay,
        count=options.count,
        keep=options.keep,
        deadline=options.deadline,
        emit=console.event,
    )
    if options.pcap:
        _write(options.pcap, captures.pcapng(recording.frames, recording.interfaces))
    if options.html:
        _write(options.html, _page(told).encode())
    console.json(told) if options.json else console.data(_text(told, console))
    return Exit.OK if told.answered == told.pings else Exit.CHECK_FAILED


def _text(told: Trace, console: Console) -> str:
    from orchestrator.trace import text

    return text.render(told, colour=console.colour, width=shutil.get_terminal_size().columns)


def _page(told: Trace) -> str:
    from orchestrator.trace import page

    return page.render(told)


def capture(options: Namespace, console: Console) -> int:
    """labctl capture LAB BOX"""
    decoded = options.decode or options.hex or options.json or (sys.stdout.isatty() and not options.to)
    limits = {"count": options.count, "seconds": options.seconds}
    with contextlib.ExitStack() as stack:
        lab, found = stack.enter_context(engine.capturing(options.name, options.box, options.device, **limits))
        shown: list[dict[str, Any]] = []
        sinks: list[Sink] = []
        if options.to not in (None, "-"):
            sinks.append(_pcap(stack.enter_context(_replacing(options.to))))
        elif options.to or not decoded:
            sinks.append(_pcap(sys.stdout.buffer))
        if decoded:
            sinks.append(
                _decoder(
                    engine.vxlan_ports(lab),
                    (lambda row, _: shown.append(row)) if options.json else _printer(console, options.hex),
                )
            )
        begun = f"capturing at {found.devices[0]} in {found.box}, {options.seconds:g} s at most; Ctrl-C ends it"
        seen = _pump(found, sinks, lambda: console.note(begun))
    if options.json:
        console.json({"box": found.box, "device": found.devices[0], "ended": found.ended, "lost": found.lost,
                      "frames": shown})  # fmt: skip
    console.note(_summary(found, seen, options))
    return Exit.OK


def _pump(found: Capture, sinks: list[Sink], begin: Callable[[], None]) -> int:
    """Hands every frame to the sinks until the capture ends, as Ctrl-C ends it; how many frames there were.

    begin: called as soon as Ctrl-C does that.
    """
    seen = 0
    with _stopping(found):
        begin()
        for frame in found.frames():
            seen += 1
            for sink in sinks:
                sink(frame)
    return seen


@contextlib.contextmanager
def _stopping(found: Capture) -> Iterator[None]:
    """Within, the first interrupt ends the capture in peace, so that what was captured is whole; a second one us."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, frame: object) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        found.stop()

    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summary(found: Capture, seen: int, options: Namespace) -> str:
    text = f"{seen} frame{'s' * (seen != 1)} captured"
    if found.ended == "count":
        text += f"; --count {options.count} ended it"
    elif found.ended == "time":
        text += f"; --seconds {options.seconds:g} ended it"
    if found.lost:
        text += f"; {found.lost} came too fast and are missing"
    return f"{text}: {options.to}" if options.to else text


def _pcap(file: IO[bytes]) -> Sink:
    """Writes a pcap stream, each frame at once."""
    _put(file, captures.pcap_header())
    return lambda frame: _put(file, captures.pcap(frame))


def _put(file: IO[bytes], data: bytes) -> None:
    try:
        while data:
            data = data[file.write(data) :]
        file.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LabError(f"cannot write what is captured: {error.strerror}", where=str(file.name)) from error


def _printer(console: Console, whole: bool) -> Show:
    from orchestrator.trace.decode import hexdump
    from orchestrator.trace.text import frame

    def show(row: dict[str, Any], data: bytes) -> None:
        way = "out" if row["outgoing"] else "in "
        console.data(f"{row['seconds']:10.6f} {way} {frame(row['outer'], row['inner'])}")
        if whole:
            console.data("\n".join(hexdump(data)))

    return show


def _decoder(ports: frozenset[int], show: Show) -> Sink:
    """Shows each frame decoded, with the seconds since the first one."""
    from orchestrator.trace.decode import decode

    first: list[int] = []

    def decoded(frame: Frame) -> None:
        first.append(frame.nanoseconds) if not first else None
        read = decode(frame.data, ports)
        seconds = (frame.nanoseconds - first[0]) / 1e9
        row = {"seconds": seconds, "outgoing": frame.outgoing, "outer": read.outer, "inner": read.inner}
        show(row, frame.data)

    return decoded


def _write(name: str, data: bytes) -> None:
    with _replacing(name) as file:
        _put(file, data)


@contextlib.contextmanager
def _replacing(name: str) -> Iterator[IO[bytes]]:
    """A file that is `name` once all is written, and gone where that fails. What is no regular file is written to."""
    path = Path(name)
    new = path.with_name(f".{path.name}.{os.getpid()}") if path.is_file() or not path.exists() else path
    try:
        with _opened(new, name) as file:  # not buffered: what does not fit is to be known at once
            yield file
        if new != path:
            new.replace(path)
    finally:
        if new != path:
            new.unlink(missing_ok=True)


def _opened(path: Path, name: str) -> IO[bytes]:
    try:
        return path.open("wb", buffering=0)
    except OSError as error:
        raise LabError(f"cannot write it: {error.strerror}", where=name, code=Exit.USAGE) from error
