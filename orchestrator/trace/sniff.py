"""Captures frames at devices of a box, as root: `python3 -I -S -c … COUNT SECONDS DEVICE…`, Python 3.7's own library.

tcpdump will not do: it wants to change its groups, which no process may in a user namespace without privileges
(user_namespaces(7)), and ends. stdout: for each frame HEADER and its bytes. stderr, a line each: `listening`, once all
devices are; `end REASON LOST`, LOST being the frames that came too fast; `unknown DEVICE; WORDS`; or `cannot WORDS`.
It ends by itself: after COUNT frames, after SECONDS, when its stdin ends, and when nobody reads its stdout any more.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import struct
import sys
import time

HEADER = struct.Struct("!BBHIQ")  # device (its place in the arguments), packet type, 0, bytes, nanoseconds since 1970
ETH_P_ALL, SOL_PACKET = 3, 263  # packet(7) and linux/if_packet.h, as all in capitals below
PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC, PACKET_STATISTICS, PACKET_AUXDATA = 1, 1, 6, 8
AUXDATA, VLAN_VALID, VLAN_TPID_VALID = struct.Struct("IIIHHHH"), 0x10, 0x40
SO_TIMESTAMPNS = 35  # socket(7)
SO_RCVBUFFORCE, BUFFER, BACKLOG = 33, 8 << 20, 64 << 20
PACKET_OUTGOING, ARPHRD_ETHER, ARPHRD_LOOPBACK = 4, 1, 772
LONGEST = 65535
GRACE = 5.0  # seconds that a reader who has fallen asleep may hold us up


def say(words: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, words.encode() + b"\n")


def listen(device: str) -> socket.socket:
    """A socket that hears all that goes in or out at a device, whatever MAC it is for, from now on."""
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)  # as much as the system lets everybody have
    with contextlib.suppress(OSError):  # more than that is for root of the host
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    listener.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    request = struct.pack("iHH8s", socket.if_nametoindex(device), PACKET_MR_PROMISC, 0, b"")
    listener.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)
    listener.bind((device, ETH_P_ALL))
    if listener.getsockname()[3] not in (ARPHRD_ETHER, ARPHRD_LOOPBACK):
        raise OSError(errno.EOPNOTSUPP, "its frames are not Ethernet's")
    listener.setblocking(False)
    return listener


def frame(listener: socket.socket, number: int) -> tuple[int, bytes] | None:
    """The next frame that was heard: when, and as it is written; None if there is none."""
    while True:
        try:
            data, extras, _, where = listener.recvmsg(LONGEST, 256)
            if where[2:4] != (PACKET_OUTGOING, ARPHRD_LOOPBACK):  # what lo sends, it receives too
                break
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno != errno.ENETDOWN:  # said once when a device goes down; it may come up again
                raise
    when = time.time_ns()
    for level, kind, extra in extras:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("ll", extra[: struct.calcsize("ll")])
            when = seconds * 10**9 + nanoseconds
        elif (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            data = tagged(data, extra)
    return when, HEADER.pack(number, where[2], 0, len(data), when) + data


def tagged(data: bytes, extra: bytes) -> bytes:
    """The frame with its VLAN tag, which the kernel keeps beside it."""
    status, _, _, _, _, tag, protocol = AUXDATA.unpack(extra[: AUXDATA.size])
    if not status & VLAN_VALID:
        return data
    return data[:12] + struct.pack("!HH", protocol if status & VLAN_TPID_VALID else 0x8100, tag) + data[12:]


def capture(listeners: list[socket.socket], count: int, end: float) -> str:
    """Writes what is heard until something ends it: what that was. For a slow reader it is kept, up to BACKLOG."""
    poller, waiting, reason = select.poll(), bytearray(), ""
    for listener in listeners:
        poller.register(listener, select.POLLIN)
    poller.register(0, select.POLLIN)
    os.set_blocking(1, False)
    while count > 0 and not reason:
        poller.register(1, select.POLLOUT if waiting else 0)  # POLLERR comes unasked, when the reader has gone
        left = end - time.monotonic()
        ready = dict(poller.poll(max(left, 0) * 1000))
        if ready.get(1, 0) & (select.POLLERR | select.POLLHUP):
            return "closed"
        reason = "stopped" if 0 in ready else "time" if left <= 0 else ""
        if len(waiting) < BACKLOG:
            heard = sorted(hear(listeners, count))
            count -= len(heard)
            waiting += b"".join(data for _, data in heard)
        else:
            time.sleep(0.01)  # the kernel counts what it has to throw away
        with contextlib.suppress(BlockingIOError):
            del waiting[: os.write(1, waiting)]
    os.set_blocking(1, True)
    while waiting:
        del waiting[: os.write(1, waiting)]
    return "count" if count <= 0 else reason


def hear(listeners: list[socket.socket], count: int) -> list[tuple[int, bytes]]:
    """What is waiting at all devices now: `count` frames at most, and no more than a second's work."""
    heard: list[tuple[int, bytes]] = []
    enough = time.time_ns()
    for number, listener in enumerate(listeners):
        while len(heard) < count:
            one = frame(listener, number)
            if one is None:
                break
            heard.append(one)
            if one[0] > enough:  # it came after we began: the other devices' turn
                break
    return heard


def lost(listeners: list[socket.socket]) -> int:
    """Frames for which there was no more room."""
    return sum(struct.unpack("II", each.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1] for each in listeners)


def main(count: int, seconds: float, devices: list[str]) -> None:
    """Listens, says so, and captures."""
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)  # SIGALRM ends us
    there = sorted(name for _, name in socket.if_nameindex())
    unknown = [device for device in devices if device not in there]
    if unknown:
        say(f"unknown {unknown[0]}; the devices are {', '.join(there)}")
        return
    try:
        listeners = [listen(device) for device in devices]
    except OSError as error:
        say(f"cannot listen on {' '.join(devices)}: {error.strerror or error}")
        return
    say("listening")
    try:
        reason = capture(listeners, count, time.monotonic() + seconds)
    except BrokenPipeError:
        return
    except OSError as error:
        say(f"cannot go on: {error.strerror or error}")
        return
    say(f"end {reason} {lost(listeners)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
