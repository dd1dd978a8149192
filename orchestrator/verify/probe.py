"""What is tried between two boxes with sockets: TCP, a flooded frame, and VXLAN packets of a VNI of one's choice.

Runs in the boxes, by standard input: `python3 -I -S - [serve DEADLINE …] [send DEADLINE …]`; Python 3.7's own library.
Prints lines of `what<TAB>ok|failed|error<TAB>words`. It ends by itself: every wait is bounded by a DEADLINE (seconds).
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import sys
import time

ETHERTYPE = 0x88B5  # IEEE 802, Local Experimental Ethertype 1: no kernel answers to it
ETH_P_ALL = 3  # packet(7): seen before a bridge takes the frame
BROADCAST = "ff:ff:ff:ff:ff:ff"
RESEND = 0.02
GRACE = 0.5  # seconds that a flooded frame may come later than one that was sent to its receiver alone
DATA = struct.pack("!65536I", *range(65536))  # 256 KiB, no two words alike: a lost or swapped segment shows
COULD_NOT = (errno.EPERM, errno.EACCES, errno.EADDRINUSE, errno.EMFILE, errno.ENOMEM, errno.EAFNOSUPPORT)


def say(what: str, status: str, words: str) -> None:
    os.write(1, f"{what}\t{status}\t{words}\n".encode())


def left(end: float) -> float:
    """Seconds until `end`, never 0, which would mean not to block."""
    return max(end - time.monotonic(), 0.001)


def ethernet(target: str, source: str, payload: str) -> bytes:
    """An Ethernet frame."""
    macs = bytes.fromhex((target + source).replace(":", ""))
    return macs + struct.pack("!H", ETHERTYPE) + payload.encode()


def vxlan(vni: int, frame: bytes) -> bytes:
    """A VXLAN packet: header with the I flag (RFC 7348, section 5), then the frame."""
    return struct.pack("!II", 0x08000000, vni << 8) + frame


def frames(packet: socket.socket, token: str, seen: set[str]) -> tuple[str, int] | None:
    """Notes as what the frames were sent that have arrived: a VNI, or `flood/BOX`; the address that wants to know."""
    back = None
    while True:
        try:
            frame = packet.recv(2048)
        except OSError:  # nothing more, or the device went down
            return back
        words = frame[14:].rstrip(b"\0").decode("ascii", "replace").split(" ")
        if frame[12:14] == struct.pack("!H", ETHERTYPE) and words[0] == token:
            seen.add(words[1])
            back = (words[2], int(words[3])) if len(words) == 4 else back


def serve(end: float, device: str, address: str, port: str, token: str, right: str, flood: str) -> None:
    """Waits for frames on `device`, acknowledges those of the VNI `right`, then sends back what one TCP client sends.

    The acknowledgement tells whether the frame `flood` has arrived too.
    """
    with socket.socket() as listener, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as packet:
        packet.bind((device, ETH_P_ALL))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sockets = [packet]
        try:
            listener.bind((address, int(port)))
            listener.listen(1)
            sockets.append(listener)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:  # without its address the box may still receive frames
                raise
        packet.setblocking(False)
        seen: set[str] = set()
        while time.monotonic() < end:
            ready = select.select(sockets, [], [], left(end))[0]
            back = frames(packet, token, seen) if packet in ready else None
            if back and right in seen:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reply:
                    reply.sendto(f"{token} {flood if flood in seen else ''}".encode(), back)
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
    end: float, target: str, source: str, udp: str, right: str, wrong: str, mac: str, peer_mac: str,
    overlay: str, peer: str, port: str, token: str, bearer: str, flood: str,
) -> None:  # fmt: skip
    """Floods a frame and sends one of each VNI, the wrong one first, until they are acknowledged; then tries TCP."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out, flooder(bearer) as packet:
            out.bind((source, 0))
            address, number = out.getsockname()
            frames = [ethernet(peer_mac, mac, f"{token} {vni} {address} {number}") for vni in (wrong, right)]
            packets = [vxlan(int(vni), frame) for vni, frame in zip((wrong, right), frames)]  # noqa: B905 - Python 3.7
            flooded = ethernet(BROADCAST, mac, f"{token} {flood}")
            pairs = (end + time.monotonic()) / 2
            rounds = isolate(out, packet, pairs, (target, int(udp)), [flooded, *packets], f"{token} {flood}")
        say("sent", "ok", f"{rounds} times")
    except OSError as error:
        refused("sent", error)
    try:
        say("tcp", *exchange(end, overlay, peer, int(port)))
    except OSError as error:
        refused("tcp", error)


def flooder(device: str) -> socket.socket:
    """A socket that sends frames on a device. Where the device is not there or down, what it sends is lost."""
    packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    try:
        packet.bind((device, 0))
        say("flooded", "ok", "")
    except OSError as error:
        refused("flooded", error)
    return packet


def isolate(
    out: socket.socket, packet: socket.socket, end: float, target: tuple[str, int], sent: list[bytes], wanted: str
) -> int:
    """Sends the first frame to all and the others to `target`, until what is acknowledged is `wanted`; how often."""
    rounds, acknowledged = 0, False
    while time.monotonic() < end:
        rounds += 1
        with contextlib.suppress(OSError):
            packet.send(sent[0])
        with contextlib.suppress(PermissionError):  # a packet filter of this box's own: netfilter's drop is EPERM
            for data in sent[1:]:
                out.sendto(data, target)
        out.settimeout(min(RESEND, left(end)))
        try:
            said = out.recv(64).decode("ascii", "replace")
        except (socket.timeout, ConnectionRefusedError):  # noqa: UP041 - another class before Python 3.10
            continue
        if said == wanted:
            break
        if not acknowledged and said.split(" ")[0] == wanted.split(" ")[0]:
            acknowledged, end = True, min(end, time.monotonic() + GRACE)
        select.select([], [], [], min(RESEND, left(end)))
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
    begun = time.monotonic()
    split = arguments.index("send") if "send" in arguments else len(arguments)
    server, client = arguments[1:split], arguments[split + 1 :]
    child = os.fork() if server and client else None
    if server and not child:
        try:
            serve(begun + float(server[0]), *server[1:])
        except OSError as error:
            refused("frames", error)
    if client and child != 0:
        send(begun + float(client[0]), *client[1:])
    if child:
        os.waitpid(child, 0)
    elif child == 0:
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
