"""labctl as a user runs it: as an ordinary user and as root, each with a home and a state folder of its own."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PRODUCT = ("orchestrator", "labs", "roles", "templates", "tests", "Vagrantfile.j2")
NOT_NEEDED = (
    "playwright*", "greenlet*", "mypy*", "*__mypyc*", "ruff*", "pip*", "setuptools*", "hypothesis*", "_labctl*",
    "_editable*", "babel*", "docutils*", "furo*", "snowballstemmer*", "sphinx*",
)  # fmt: skip
HANG = 600.0
"""Seconds after which a labctl that does not end is given up."""


@dataclass(frozen=True)
class Caller:
    """A user of this host who runs labctl. `root`: the folder with the product; `path`: what Python imports from."""

    uid: int
    gid: int
    home: Path
    root: Path
    path: tuple[Path, ...]
    interpreter: str

    @property
    def state(self) -> str:
        """XDG_STATE_HOME."""
        return str(self.home / "state")

    @property
    def environment(self) -> dict[str, str]:
        """All that this user's programs have in their environment."""
        name = next((user.pw_name for user in pwd.getpwall() if user.pw_uid == self.uid), str(self.uid))
        return {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "LOGNAME": name,
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": os.pathsep.join(map(str, self.path)),
            "USER": name,
            "XDG_STATE_HOME": self.state,
        }

    def command(self, *arguments: str) -> list[str]:
        """The argument list that runs labctl."""
        return [self.interpreter, "-P", "-m", "orchestrator.cli", *arguments]

    def run(self, argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs a program as this user. Options as for subprocess.run, but `env` is added to the user's own."""
        options = {"capture_output": True, "timeout": HANG, **self._options(options)}
        return subprocess.run(self.become(argv), **options)

    def labctl(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs labctl; options as for `run`."""
        return self.run(self.command(*arguments), **options)

    def python(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs Python where `orchestrator` and `tests` can be imported; options as for `run`."""
        return self.run([self.interpreter, "-P", *arguments], **options)

    def popen(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Starts labctl. Its pid is labctl's own, so that it can be sent signals."""
        return subprocess.Popen(self.become(self.command(*arguments)), **self._options(options))

    def become(self, argv: list[str]) -> list[str]:
        """The argument list that runs a program as this user."""
        if self.uid == os.geteuid():
            return argv
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", "--", *argv]

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        own = {"cwd": self.home, "text": True, **options, "env": self.environment | options.get("env", {})}
        if "input" not in own and "stdin" not in own:
            own["stdin"] = subprocess.DEVNULL
        return own


@pytest.fixture(scope="session")
def ordinary_user() -> Iterator[Caller]:
    """An ordinary user: who runs the tests or, where that is root, one made for this session and removed after it."""
    if os.geteuid() != 0:
        with _caller(os.geteuid(), os.getegid()) as caller:
            yield caller
        return
    name = f"labctl-test-{os.getpid()}"
    add = ["useradd", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/bin/sh", "--user-group", name]
    subprocess.run(add, check=True, capture_output=True)
    try:
        user = pwd.getpwnam(name)
        with _caller(user.pw_uid, user.pw_gid) as caller:
            yield caller
    finally:
        subprocess.run(["userdel", name], check=True, capture_output=True)


@pytest.fixture(scope="session")
def root_labctl() -> Iterator[Caller]:
    """root, whose labs belong to an ordinary user all the same."""
    if os.geteuid() != 0:
        pytest.skip("the tests are not run by root")
    with _caller(0, 0) as caller:
        yield caller


@contextlib.contextmanager
def _caller(uid: int, gid: int) -> Iterator[Caller]:
    """A home and, for root's tests, a copy of the product: the checkout may lie where an ordinary user cannot look."""
    interpreter = os.path.realpath(sys.executable) if os.geteuid() == 0 else sys.executable
    if os.geteuid() == 0 and not _public(Path(interpreter)):
        pytest.fail(f"{interpreter} is out of an ordinary user's reach; set up with PYTHON=/usr/bin/python3")
    with tempfile.TemporaryDirectory(prefix="labctl-test-", dir=_public_folder()) as folder:
        Path(folder).chmod(0o755)
        root, path = _copied(Path(folder)) if os.geteuid() == 0 else (CHECKOUT, (CHECKOUT,))
        home = Path(folder, "home")
        for made in (home, home / "state"):
            made.mkdir(mode=0o700)
            os.chown(made, uid, gid)
        caller = Caller(uid, gid, home, root, path, interpreter)
        try:
            yield caller
        finally:
            caller.labctl("down", "--all", check=True)


def _copied(folder: Path) -> tuple[Path, tuple[Path, ...]]:
    """The product's copy, and what Python imports from to use it. Times are kept, or the .pyc files would be stale."""
    root, site = folder / "labctl", folder / "site-packages"
    root.mkdir(mode=0o755)
    for name in PRODUCT:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, root / name)
        elif source.exists():
            shutil.copy2(source, root)
    shutil.copytree(sysconfig.get_path("purelib"), site, ignore=shutil.ignore_patterns(*NOT_NEEDED))
    subprocess.run(["chmod", "-R", "u=rwX,go=rX", folder], check=True)
    return root, (root, site)


def _public(path: Path) -> bool:
    """Whether every user can get at it."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (path, *path.parents))


def _public_folder() -> Path:
    return next(path for path in map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp")) if _public(path))
