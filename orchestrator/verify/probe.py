"""What is tried between two boxes with sockets, not with a command: TCP, and VXLAN frames of a VNI of one's choice.

Runs in the boxes, from standard input: `python3 -I -S - DEADLINE [serve …] [send …]`; standard library, Python 3.7.
Prints lines of `what<TAB>ok|failed|error<TAB>words`. It ends by itself: every wait is bounded by DEADLINE (seconds).
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import sys
import time

ETHERTYPE = 0x88B5  # IEEE 802, Local Experimental Ethertype 1: no kernel answers to it
ETH_P_ALL = 3  # packet(7): seen before a bridge takes the frame
RESEND = 0.02
DATA = struct.pack("!65536I", *range(65536))  # 256 KiB, no two words alike: a lost or swapped segment shows
COULD_NOT = (errno.EPERM, errno.EACCES, errno.EADDRINUSE, errno.EMFILE, errno.ENOMEM, errno.EAFNOSUPPORT)


def say(what: str, status: str, words: str) -> None:
    os.write(1, f"{what}\t{status}\t{words}\n".encode())


def left(end: float) -> float:
    """Seconds until `end`, never 0, which would mean not to block."""
    return max(end - time.monotonic(), 0.001)


def vxlan(vni: int, target: str, source: str, payload: bytes) -> bytes:
    """A VXLAN packet: header with the I flag (RFC 7348, section 5), then an Ethernet frame."""
    macs = bytes.fromhex((target + source).replace(":", ""))
    return struct.pack("!II", 0x08000000, vni << 8) + macs + struct.pack("!H", ETHERTYPE) + payload


def frames(packet: socket.socket, token: str, seen: set[str]) -> tuple[str, int] | None:
    """Notes with which VNIs the frames were sent that have arrived; the address that wants to know, if there is one."""
    back = None
    while True:
        try:
            frame = packet.recv(2048)
        except OSError:  # nothing more, or the device went down
            return back
        words = frame[14:].rstrip(b"\0").decode("ascii", "replace").split(" ")
        if frame[12:14] == struct.pack("!H", ETHERTYPE) and words[0] == token:
            seen.add(words[1])
            back = (words[2], int(words[3]))


def serve(end: float, device: str, address: str, port: str, token: str, right: str) -> None:
    """Waits for a frame of the VNI `right` on `device`, acknowledges it, then sends back what one TCP client sends."""
    with socket.socket() as listener, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as packet:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, int(port)))
        listener.listen(1)
        packet.bind((device, ETH_P_ALL))
        packet.setblocking(False)
        seen: set[str] = set()
        while time.monotonic() < end:
            ready = select.select([listener, packet], [], [], left(end))[0]
            back = frames(packet, token, seen) if packet in ready else None
            if back and right in seen:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reply:
                    reply.sendto(token.encode(), back)
            if listener in ready:
                echo(listener, end)
                break
        frames(packet, token, seen)
        say("frames", "ok", " ".join(sorted(seen)))


def echo(listener: socket.socket, end: float) -> None:
    connection = listener.accept()[0]
    with connection:
        connection.settimeout(left(end))
        connection.sendall(receive(connection, end))


def receive(connection: socket.socket, end: float) -> bytes:
    parts: list[bytes] = []
    while True:
        connection.settimeout(left(end))
        part = connection.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def send(
    end: float, source: str, target: str, udp: str, right: str, wrong: str, mac: str, peer_mac: str,
    overlay: str, peer: str, port: str, token: str,
) -> None:  # fmt: skip
    """Sends a frame of each VNI, the wrong one first, until the right one is acknowledged; then tries TCP."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.bind((source, 0))
            pairs = (end + time.monotonic()) / 2
            rounds = isolate(out, pairs, (target, int(udp)), (wrong, right), (peer_mac, mac), token)
        say("sent", "ok", f"{rounds} times")
    except OSError as error:
        refused("sent", error)
    try:
        say("tcp", *exchange(end, overlay, peer, int(port)))
    except OSError as error:
        refused("tcp", error)


def isolate(
    out: socket.socket, end: float, target: tuple[str, int], vnis: tuple[str, str], macs: tuple[str, str], token: str
) -> int:
    """Sends a frame of each VNI, in this order, until one is acknowledged; how often."""
    address, port = out.getsockname()
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
        for vni in vnis:
            payload = f"{token} {vni} {address} {port}"
            out.sendto(vxlan(int(vni), macs[0], macs[1], payload.encode()), target)
        out.settimeout(min(RESEND, left(end)))
        try:
            if out.recv(64) == token.encode():
                break
        except (socket.timeout, ConnectionRefusedError):  # noqa: UP041 - another class before Python 3.10
            continue
    return rounds


def exchange(end: float, overlay: str, peer: str, port: int) -> tuple[str, str]:
    """Sends DATA to the echo and compares what comes back: the status, and words for it."""
    while True:
        with socket.socket() as connection:
            connection.settimeout(left(end))
            connection.bind((overlay, 0))
            try:
                connection.connect((peer, port))
            except ConnectionRefusedError:  # the other end is only just starting
                if time.monotonic() + RESEND > end:
                    raise
                select.select([], [], [], RESEND)
                continue
            connection.sendall(DATA)
            connection.shutdown(socket.SHUT_WR)
            back = receive(connection, end)
            if back == DATA:
                return "ok", f"{len(DATA)} bytes there and back, all alike"
            return "failed", f"{len(DATA)} bytes sent, {len(back)} came back, not the same"


def refused(what: str, error: OSError) -> None:
    """Reports what the kernel refused: the lab's state, or that the probe could not work at all."""
    say(what, "error" if error.errno in COULD_NOT else "failed", error.strerror or str(error))


def main(arguments: list[str]) -> None:
    """Serves and sends, side by side, as the arguments say."""
    end = time.monotonic() + float(arguments[0])
    split = arguments.index("send") if "send" in arguments else len(arguments)
    server, client = arguments[2:split], arguments[split + 1 :]
    child = os.fork() if server and client else None
    if server and not child:
        try:
            serve(end, *server)
        except OSError as error:
            refused("frames", error)
    if client and child != 0:
        send(end, *client)
    if child:
        os.waitpid(child, 0)
    elif child == 0:
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
