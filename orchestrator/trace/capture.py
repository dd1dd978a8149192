"""Frames as they pass at the devices of a box, while they do."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

from orchestrator.connections import Connection, Stream
from orchestrator.errors import Exit, LabError

HEADER = struct.Struct("!BBHIQ")
"""See sniff.HEADER."""

PATIENCE = 10.0
"""Seconds until a capture must have begun."""

MOST_FRAMES = 100_000
"""Frames of one capture at most."""

LINKTYPE_ETHERNET = 1  # https://www.tcpdump.org/linktypes.html
_OUTGOING = 4  # packet(7), PACKET_OUTGOING

_PYTHON = 'if [ -x /usr/bin/python3 ]; then exec /usr/bin/python3 -I -S -c "$@"; fi; exec python3 -I -S -c "$@"'


class Frame(NamedTuple):
    """A frame as it passed a device. nanoseconds: since 1970, by the box's clock; outgoing: the box itself sent it."""

    box: str
    device: str
    nanoseconds: int
    outgoing: bool
    data: bytes


class Capture:
    """A capture in one box, bounded in frames and seconds. To be used in a `with` block, which ends it.

    ended: once its frames are over, what ended it: `count`, `time` or `stopped`; lost: frames that came too fast.
    """

    def __init__(
        self, connection: Connection, box: str, devices: Sequence[str], *, count: int = MOST_FRAMES, seconds: float
    ) -> None:
        self.box, self.devices, self.ended, self.lost = box, tuple(devices), "", 0
        command = ("sh", "-c", _PYTHON, "sh", _program(), str(count), f"{seconds:.3f}", *devices)
        self._stream: Stream = connection.stream(box, command)

    def ready(self) -> None:
        """Returns once every frame at the devices is captured. LabError where that cannot be: exit status 5, or 2 for
        a device that is not there.
        """
        said = self._stream.line(PATIENCE)
        if said != "listening":
            raise self._failed(said)

    def stop(self) -> None:
        """Ends the capture; `frames` gives what is still on its way."""
        self._stream.finish()

    def frames(self) -> Iterator[Frame]:
        """The frames, as they come, until the capture ends. LabError where it cannot go on."""
        waiting = b""
        while data := self._stream.read():
            waiting += data
            while len(waiting) >= HEADER.size:
                device, kind, _, length, when = HEADER.unpack_from(waiting)
                if len(waiting) < HEADER.size + length:
                    break
                frame, waiting = waiting[HEADER.size : HEADER.size + length], waiting[HEADER.size + length :]
                yield Frame(self.box, self.devices[device], when, kind == _OUTGOING, frame)
        self._end(self._stream.line(PATIENCE))

    def _end(self, said: str) -> None:
        match said.split():
            case ["end", reason, lost]:
                self.ended, self.lost = reason, int(lost)
            case _:
                raise self._failed(said)

    def _failed(self, said: str) -> LabError:
        if said.startswith("cannot "):
            return LabError(said, where=self.box, code=Exit.CHECK_ERROR)
        if said.startswith("unknown "):
            device, _, there = said.removeprefix("unknown ").partition("; ")
            return LabError(f"{self.box} has no device {device!r}", hint=there, code=Exit.USAGE)
        while line := self._stream.line(PATIENCE):
            said = line  # the last line of a traceback, or of nsenter's, tells
        return LabError(f"cannot capture: {said or 'the capture was killed'}", where=self.box, code=Exit.CHECK_ERROR)

    def __enter__(self) -> Capture:
        self._stream.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.__exit__()


@cache
def _program() -> str:
    return (resources.files("orchestrator.trace") / "sniff.py").read_text("utf-8")


def pcap_header() -> bytes:
    """The start of a pcap stream with nanoseconds: draft-ietf-opsawg-pcap."""
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, LINKTYPE_ETHERNET)


def pcap(frame: Frame) -> bytes:
    """A frame in a pcap stream."""
    seconds, rest = divmod(frame.nanoseconds, 10**9)
    return struct.pack("<IIII", seconds, rest, len(frame.data), len(frame.data)) + frame.data


def pcapng(frames: Iterable[Frame], interfaces: Sequence[tuple[str, str]]) -> bytes:
    """A pcapng file (draft-ietf-opsawg-pcapng), with an interface "box:device" for each of `interfaces`."""
    blocks = [_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    for box, device in interfaces:
        options = _option(2, f"{box}:{device}".encode()) + _option(9, b"\x09") + _option(0, b"")  # nanoseconds
        blocks.append(_block(1, struct.pack("<HHI", LINKTYPE_ETHERNET, 0, 0) + options))
    place = {interface: number for number, interface in enumerate(interfaces)}
    for frame in frames:
        when, length = frame.nanoseconds, len(frame.data)
        fields = (place[frame.box, frame.device], when >> 32, when & 0xFFFFFFFF, length, length)
        options = _option(2, struct.pack("<I", 2 if frame.outgoing else 1)) + _option(0, b"")
        blocks.append(_block(6, struct.pack("<IIIII", *fields) + _padded(frame.data) + options))
    return b"".join(blocks)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
