"""A fresh machine: what the setup script and the launcher say there, and what the locks pin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Caller

CHECKOUT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
FRESH = ("setup.sh", "labctl", "pyproject.toml", *LOCKS, "orchestrator/__init__.py")
FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


@pytest.fixture
def clone(ordinary_user: Caller) -> Iterator[Path]:
    """As much of a fresh clone as setting up looks at; the ordinary user's own."""
    place = ordinary_user.home / "a clone"
    for name in FRESH:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, place / name)
    for path in (place, *place.rglob("*")):
        os.chown(path, ordinary_user.uid, ordinary_user.gid)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def programs(clone: Path) -> Path:
    """A folder that has every program of this host but sudo. A test takes more away."""
    folder = clone.parent / "programs"
    folder.mkdir()
    for place in map(Path, FOLDERS):
        for program in place.iterdir() if place.is_dir() else ():
            link = folder / program.name
            if program.name != "sudo" and not link.is_symlink():
                link.symlink_to(program)
    folder.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def _no_programs(ordinary_user: Caller) -> Iterator[None]:
    yield
    shutil.rmtree(ordinary_user.home / "programs", ignore_errors=True)


def setup(user: Caller, clone: Path, programs: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return user.run([str(clone / "setup.sh")], cwd="/", env={"PATH": str(programs), **more})


def made(clone: Path) -> set[str]:
    """What lies at the top of the clone and did not before; the folder `build` is scratch."""
    return {path.name for path in clone.iterdir()} - {Path(name).parts[0] for name in FRESH}


@pytest.mark.parametrize(
    ("tools", "package"),
    [(["nft"], "nftables"), (["ip"], "iproute2"), (["bridge", "ss", "ping"], "iproute2 iputils-ping")],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_missing_tool_is_named_with_the_command(
    ordinary_user: Caller, clone: Path, programs: Path, tools: list[str], package: str
) -> None:
    if not (programs / "apt-get").exists():
        pytest.skip("the packages of the test are Debian's, and there is no apt-get here")
    for tool in tools:
        (programs / tool).unlink()
    answer = setup(ordinary_user, clone, programs)
    assert answer.returncode == 3
    assert answer.stderr.splitlines() == [
        f"setup: missing: {' '.join(tools)}. Type this, then run it again:",
        f"setup:     sudo apt-get install --yes --no-install-recommends {package}",
    ]
    assert answer.stdout == ""
    assert made(clone) == set()


def test_missing_tool_without_a_known_package_manager(ordinary_user: Caller, clone: Path, programs: Path) -> None:
    for name in ("ethtool", "apt-get", "dnf", "pacman", "zypper", "apk"):
        (programs / name).unlink(missing_ok=True)
    answer = setup(ordinary_user, clone, programs)
    assert (answer.returncode, "missing: ethtool. " in answer.stderr) == (3, True), answer.stderr
    assert made(clone) == set()


@pytest.mark.parametrize("python", ["/nonexistent/python", "/bin/true", "/bin/false"])
def test_unusable_python_is_refused(ordinary_user: Caller, clone: Path, programs: Path, python: str) -> None:
    """/bin/true says yes to every question, and then makes no environment."""
    answer = setup(ordinary_user, clone, programs, PYTHON=python)
    assert (answer.returncode, python in answer.stderr) == (3, True), answer.stderr
    assert made(clone) <= {"build"}


def test_failed_setup_leaves_no_environment(ordinary_user: Caller, clone: Path, programs: Path) -> None:
    """A package whose hash is another than the lock's: nothing of it is kept, and labctl says what to do."""
    lock = clone / "requirements.lock"
    lock.write_text(re.sub(r"sha256:\w{64}", f"sha256:{'0' * 64}", lock.read_text()))
    answer = setup(ordinary_user, clone, programs)
    assert answer.returncode == 4, answer.stderr
    assert "Traceback" not in answer.stderr
    assert made(clone) == {"build"}
    assert not (clone / "build" / "venv").exists()
    launched = ordinary_user.run([str(clone / "labctl"), "list"])
    assert (launched.returncode, f"{clone}/setup.sh" in launched.stderr) == (3, True), launched.stderr


def test_wrong_argument_is_told(ordinary_user: Caller, clone: Path) -> None:
    answer = ordinary_user.run([str(clone / "setup.sh"), "--tset"])
    assert (answer.returncode, answer.stderr) == (2, "setup: usage: ./setup.sh [--test | --vm]\n")


@pytest.mark.parametrize("way", ["direct", "link", "path"])
def test_labctl_of_the_checkout_runs_from_anywhere(tmp_path: Path, way: str) -> None:
    if not (CHECKOUT / ".venv").exists():
        pytest.skip("this checkout has no .venv: the tests are run in another environment")
    launcher = CHECKOUT / "labctl"
    if way == "link":
        (tmp_path / "there").symlink_to(launcher)
        launcher = tmp_path / "there"
    path = os.environ["PATH"] if way != "path" else f"{CHECKOUT}:{os.environ['PATH']}"
    answer = subprocess.run(
        ["labctl" if way == "path" else str(launcher), "--version"],
        cwd=tmp_path, env={"PATH": path, "PYTHONPATH": "/nonexistent"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (answer.returncode, answer.stdout[:7]) == (0, "labctl "), answer.stderr


def requirements(lock: str) -> list[str]:
    """Each requirement of a lock file, on one line, with its hashes."""
    lines = (CHECKOUT / lock).read_text().replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_by_version_and_hash(lock: str) -> None:
    found = requirements(lock)
    assert len(found) > 10
    assert [line for line in found if not re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host_and_no_place(lock: str) -> None:
    text = (CHECKOUT / lock).read_text()
    assert re.findall(r"\w+://\S*|--(?:extra-)?index\S*|--find-links\S*|@ \S+|(?<![\w.])/\S+", text) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_every_dependency(lock: str) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = [*project["project"]["dependencies"], *groups["build"], *(groups["dev"] if "dev" in lock else [])]
    names = {re.split(r"[^\w-]", wish)[0].lower() for wish in wanted if isinstance(wish, str)}
    assert names - {line.split("==")[0] for line in requirements(lock)} == set()


def test_both_locks_agree() -> None:
    run, dev = ({line.split()[0] for line in requirements(lock)} for lock in LOCKS)
    assert run <= dev
