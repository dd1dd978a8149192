"""The holder: the one process of a lab on namespaces. When it dies, the kernel frees everything.

It starts as a fork of labctl, becomes process 1 of the lab's PID namespace, makes the boxes' namespaces, and waits on a
pipe. When labctl commits it becomes `sleep infinity`. When labctl dies before that, it reads end-of-file and goes.

It holds a POSIX record lock on the instance's holder file: fcntl(F_GETLK) then tells, in one step, whether it lives and
as which process, with no PID on disk that could be another's by now (fcntl_locking(2)).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from orchestrator.connections.nsenter import KINDS, descriptor
from orchestrator.errors import Exit, LabError
from orchestrator.providers.netns import kernel, sandbox

_FLAGS = {"net": kernel.CLONE_NEWNET, "uts": kernel.CLONE_NEWUTS, "mnt": kernel.CLONE_NEWNS}

_COMMIT, _STATUS, _LOCK = 3, 4, 5
"""The holder's open files: it reads the commit, writes how it is, and keeps the lock."""


class Account(NamedTuple):
    """The host's user and group that a lab belongs to, and that its root is outside."""

    uid: int
    gid: int


class BoxSpec(NamedTuple):
    """What the holder needs to know to make a box: its sysctls and files, path → text."""

    sysctls: Mapping[str, str]
    files: dict[str, str]


def account() -> Account | None:
    """Whom a lab is made for; None is the calling user. Root's labs belong to who called sudo, else to nobody (65534).

    A user namespace of uid 0 could still write the host's sysctls and files. The root of a user namespace, such as a
    rootless container's, is no such root.
    """
    everybody = ["0", "0", "4294967295"]  # the initial user namespace: user_namespaces(7)
    if os.geteuid() != 0 or Path("/proc/self/uid_map").read_text().split() != everybody:
        return None
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if uid.isdigit() and gid.isdigit() and int(uid) != 0 and int(gid) != 0:
        return Account(int(uid), int(gid))
    return Account(65534, 65534)


def prefix(owner: Account | None) -> list[str]:
    """Root enters as the lab's owner, the very way an ordinary user does (setpriv(1))."""
    if owner is None:
        return []
    return ["setpriv", f"--reuid={owner.uid}", f"--regid={owner.gid}", "--clear-groups"]


class Holder:
    """A holder that has not been committed yet: leaving the `with` block without `commit` ends it."""

    pid: int = 0

    def __init__(self, name: str, boxes: dict[str, BoxSpec], lock: Path, owner: Account | None) -> None:
        commit_read, self._commit = os.pipe()
        self._status, status_write = os.pipe()
        lock_fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        child = os.fork()
        if child == 0:
            _close_all_but(commit_read, status_write, lock_fd)
            _guarded(lambda: _outer(name, boxes, owner))
        for fd in (commit_read, status_write, lock_fd):
            os.close(fd)
        os.waitpid(child, 0)
        try:
            self.pid = self._await_ready(lock)
        except BaseException:
            self.end()
            raise

    def _await_ready(self, lock: Path) -> int:
        said = b""
        while not said.endswith(b"\n") and (data := os.read(self._status, 4096)):
            said += data
        if said != b"ready\n":
            raise refusal(said.decode(errors="replace").strip())
        pid = holder_pid(lock)
        if pid is None:
            raise refusal("it died as soon as it was ready")
        return pid

    def commit(self) -> None:
        """Lets the holder outlive labctl. Returns when it has become its small self."""
        os.write(self._commit, b"c")
        said = os.read(self._status, 4096)  # end-of-file: the pipe closes on exec
        if said:
            raise refusal(said.decode(errors="replace").strip())
        os.close(self._commit)
        os.close(self._status)
        self._commit = -1

    def end(self) -> None:
        """Without a commit: end-of-file on the pipe, and the holder goes. Returns when it has."""
        if self._commit >= 0:
            os.close(self._commit)
            self._commit = -1
            while os.read(self._status, 4096):  # until it has gone
                pass
            os.close(self._status)
            if self.pid:
                kill(self.pid)

    def __enter__(self) -> Holder:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def holder_pid(lock: Path) -> int | None:
    """The holder that has locked this file, as a PID of ours; None where the lab is not alive."""
    from orchestrator.store import lock_owner

    return lock_owner(lock)


def kill(pid: int) -> None:
    """Kills a holder, and with it every process of its lab; returns when it is dead, reaped or not."""
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        try:
            os.kill(pid, signal.SIGKILL)
            select.select([fd], [], [])
        finally:
            os.close(fd)


def refusal(said: str) -> LabError:
    """What a host that refuses namespaces says, with the setting that is to blame, as far as it can be told."""
    from orchestrator.providers.netns.host import cause

    return LabError(f"this host refuses namespaces: {said or 'the holder died'}", hint=cause(said), code=Exit.HOST)


def _guarded(body: Callable[[], None]) -> NoReturn:
    """Runs a forked child's work. It never returns into labctl's own code, whatever happens."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is labctl's to handle: the pipe tells us
        body()
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(_STATUS, f"{error}".encode())
        os._exit(1)
    os._exit(0)


def _outer(name: str, boxes: dict[str, BoxSpec], owner: Account | None) -> None:
    """The first child: a session of its own, the two user namespaces, and process 1 in the inner one."""
    os.setsid()
    uid, gid = os.geteuid(), os.getegid()
    if owner is not None:
        uid, gid = owner
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        kernel.set_dumpable()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)
    _map_root(uid, gid)
    sandbox.build()
    kernel.unshare(
        kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWNET
        | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWPID
    )  # fmt: skip
    _map_root(0, 0)
    if os.fork() == 0:
        _guarded(lambda: _first_process(name, boxes))


def _map_root(uid: int, gid: int) -> None:
    """Root inside is `uid` and `gid` outside, and nobody else is anybody (user_namespaces(7))."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def _close_all_but(commit: int, status: int, lock: int) -> None:
    """Puts three of the caller's files where the holder has them, and closes all others: `up | cat` must come back."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        aside = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in (null, null, null, commit, status, lock)]
        for target, source in enumerate(aside):
            os.dup2(source, target, inheritable=target != _STATUS)
        os.closerange(_LOCK + 1, os.sysconf("SC_OPEN_MAX"))
    except OSError:
        os._exit(1)


def _first_process(name: str, boxes: dict[str, BoxSpec]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody's zombies: process 1 inherits every orphan
    fcntl.lockf(_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
    sandbox.own_proc()
    kernel.set_host_name(f"labctl-{name}"[:64])
    make_boxes(boxes)
    os.write(_STATUS, b"ready\n")
    if os.read(_COMMIT, 1) != b"c":
        return
    os.close(_COMMIT)
    os.execvpe("sleep", [f"labctl:{name}", "infinity"], {"PATH": os.defpath})


_SWITCH = {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}
"""A switch says nothing of its own: without this its ports report their IPv6 groups to the boxes (MLD, RFC 3810)."""


def _set(sysctls: Mapping[str, str]) -> None:
    """Writes settings of the network namespace that this process is in."""
    for key, value in sysctls.items():
        with contextlib.suppress(*([FileNotFoundError] if key.startswith("net.ipv6.") else [])):  # off already
            fd = os.open("/proc/sys/" + key.replace(".", "/"), os.O_WRONLY)
            os.write(fd, value.encode())
            os.close(fd)


def make_boxes(boxes: dict[str, BoxSpec]) -> None:
    """Makes the namespaces of each box, by the holder itself, which ends where it began."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _set(_SWITCH)
    home = {kind: os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in KINDS}
    for number, (box, spec) in enumerate(boxes.items()):
        kernel.unshare(kernel.CLONE_NEWNET | kernel.CLONE_NEWUTS | kernel.CLONE_NEWNS)
        kernel.set_host_name(box)
        sandbox.own_box(spec.files)
        _set(spec.sysctls)
        for kind in KINDS:
            fd = os.open(f"/proc/self/ns/{kind}", os.O_RDONLY)
            os.dup2(fd, descriptor(kind, number))
            os.close(fd)
        kernel.setns(home["mnt"], kernel.CLONE_NEWNS)
    for kind, flag in _FLAGS.items():
        kernel.setns(home[kind], flag)
        os.close(home[kind])
    names = Path("/run/netns")  # where ip-netns(8) looks for them
    names.mkdir()
    for number, box in enumerate(boxes):
        names.joinpath(box).symlink_to(f"/proc/1/fd/{descriptor('net', number)}")
