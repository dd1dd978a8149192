"""The page is there as a whole or not at all, and where it cannot be there a sentence says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import Exit, LabError
from orchestrator.report import replace

ROOT = Path(__file__).parent.parent.parent


def test_a_page_replaces_the_one_before_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("before")
    path.chmod(0o640)
    replace(path, "after ✓")
    assert path.read_bytes() == "after ✓".encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_a_new_page_has_the_mode_that_the_user_s_umask_gives(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    replace(tmp_path / "page.html", "x")
    assert (tmp_path / "page.html").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_link_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.html"
    link.symlink_to("page.html")
    replace(link, "x")
    assert link.is_symlink()
    assert (tmp_path / "page.html").read_text() == "x"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _circle(folder: Path) -> Path:
    (folder / "circle").symlink_to("circle")
    return folder / "circle"


NOWHERE = {
    "a folder that is not there": (lambda folder: folder / "none" / "page.html", "No such file or directory"),
    "a file for a folder": (lambda folder: Path(__file__) / "page.html", "Not a directory"),
    "a folder": (lambda folder: folder, "there is something that is no file"),
    "a pipe": (_pipe, "there is something that is no file"),
    "a place that nobody can write": (lambda folder: Path("/proc/page.html"), ""),
    "a name with a NUL": (lambda folder: folder / "a\0b", "embedded null byte"),
    "a name too long": (lambda folder: folder / ("a" * 300), "File name too long"),
    "links in a circle": (_circle, ""),
}


@pytest.mark.parametrize(("place", "why"), NOWHERE.values(), ids=NOWHERE)
def test_where_no_page_can_be_is_told(tmp_path: Path, place: object, why: str) -> None:
    path = place(tmp_path)  # type: ignore[operator]
    before = sorted(tmp_path.iterdir())
    with pytest.raises(LabError) as caught:
        replace(path, "x")
    assert caught.value.code == Exit.USAGE
    assert caught.value.what.startswith(f"cannot write the page: {why}")
    assert caught.value.where == str(path)
    assert sorted(tmp_path.iterdir()) == before


MOUNTED = """
mount -t tmpfs -o size=64k labctl-test "$1" && echo before >"$1/page.html" || exit 9
[ "$2" = full ] || mount -o remount,ro "$1"
cd "$3" && "$4" -c '
import sys
from pathlib import Path
from orchestrator.report import replace
from orchestrator.errors import LabError
try:
    replace(Path(sys.argv[1], "page.html"), "x" * 200_000)
except LabError as error:
    print(int(error.code), error.what)
' "$1"
cat "$1/page.html"; ls -A "$1"
"""
DISKS = {"full": "No space left on device", "read-only": "Read-only file system"}


@pytest.mark.parametrize(("disk", "why"), DISKS.items(), ids=DISKS)
def test_a_disk_that_takes_no_more_keeps_the_page_before(tmp_path: Path, disk: str, why: str) -> None:
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNTED, "sh", tmp_path, disk, ROOT, sys.executable],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [f"2 cannot write the page: {why}", "before", "page.html"], done.stderr
