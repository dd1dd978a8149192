"""Fetching packages, by APT's real helper, from a mirror that is a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from orchestrator.box import fetch
from orchestrator.box.lock import Lock, Package
from orchestrator.errors import LabError

PATH = "pool/main/l/less/less_1_amd64.deb"
CONTENT = b"a package"

pytestmark = pytest.mark.skipif(not Path(fetch.HELPER).exists(), reason="this machine has no APT")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror with one package."""
    place = tmp_path / "mirror" / PATH
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    return tmp_path / "mirror"


def lock(content: bytes = CONTENT) -> Lock:
    digest = hashlib.sha256(content).hexdigest()
    return Lock("1.0.0", "bookworm", 1, "a" * 64, (Package("less", "1", len(content), digest, PATH),))


def test_fetches_once(mirror: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def where() -> str:
        asked.append("mirror")
        return f"copy:{mirror}"

    for _ in range(2):
        (file,) = fetch.fetch(lock(), where, tmp_path / "cache", lambda done, total: None)
        assert file.read_bytes() == CONTENT
    assert asked == ["mirror"]


@pytest.mark.parametrize(("change", "words"), [("gone", "no longer has less 1"), ("other", "cannot fetch less 1")])
def test_says_what_the_mirror_lacks(mirror: Path, tmp_path: Path, change: str, words: str) -> None:
    if change == "gone":
        (mirror / PATH).unlink()
    else:
        (mirror / PATH).write_bytes(b"A PACKAGE")
    with pytest.raises(LabError) as caught:
        fetch.fetch(lock(), lambda: f"copy:{mirror}", tmp_path / "cache", lambda done, total: None)
    assert words in str(caught.value)
    assert "--mirror" in caught.value.hint
    assert list((tmp_path / "cache").iterdir()) == []
