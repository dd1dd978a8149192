"""The lock of the box: what it says, what it refuses, and that it is about this very labctl."""

from __future__ import annotations

import pytest

from orchestrator.box import build, lock, mirror, resolve
from orchestrator.errors import LabError

GOOD = f"""\
# a comment
box 1.2.3
suite bookworm
epoch 1783764997
files {"a" * 64}
package less 590-2.1~deb12u2 132044 {"b" * 64} pool/main/l/less/less_590-2.1~deb12u2_amd64.deb
package bsdutils 1:2.38.1-5 94412 {"c" * 64} pool/main/u/util-linux/bsdutils_2.38.1-5_amd64.deb
"""


def test_the_shipped_lock_is_of_this_labctl() -> None:
    lock.require_own_files(lock.read(), build.own_files())


def test_the_shipped_lock_names_no_host() -> None:
    assert "//" not in lock.DEFAULT.read_text()
    assert len(lock.read().packages) > 100


def test_says_the_same_again() -> None:
    read = lock.parse(GOOD, "lock")
    assert lock.parse(lock.text(read), "lock") == read._replace(packages=tuple(sorted(read.packages)))
    assert (read.version, read.epoch, read.packages[1].version) == ("1.2.3", 1783764997, "1:2.38.1-5")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("box 1.2.3", "box new", "lock:2: this line"),
        ("box 1.2.3\n", "", "no box"),
        ("suite bookworm", "suite bookworm\nsuite trixie", "lock:4: this line"),
        ("pool/main/l/less/less", "pool/../../etc/less", "lock:6: this line"),
        ("pool/main/l/less/less", "/pool/main/l/less/less", "lock:6: this line"),
        ("b" * 64, "b" * 63, "lock:6: this line"),
        ("package less", "package --less", "lock:6: this line"),
        ("package bsdutils", "package less", "less twice"),
        ("package ", "packet ", "lock:6: this line"),
    ],
)
def test_refuses_nonsense(old: str, new: str, words: str) -> None:
    with pytest.raises(LabError) as caught:
        lock.parse(GOOD.replace(old, new), "lock")
    assert words in str(caught.value)


def test_other_files_need_another_lock() -> None:
    with pytest.raises(LabError) as caught:
        lock.require_own_files(lock.parse(GOOD, "lock"), "d" * 64)
    assert "labctl box lock" in caught.value.hint


def test_what_differs_has_another_version() -> None:
    old = lock.parse(GOOD, "lock")
    assert lock.renewed(old, old._replace(version="1.0.0")) == old
    assert lock.renewed(old, old._replace(version="1.0.0", files="e" * 64)).version == "1.2.4"
    assert lock.renewed(None, old) == old


def test_reads_what_apt_would_fetch() -> None:
    printed = (
        f"'http://mirror/debian/pool/main/u/util-linux/bsdutils_2.38.1-5_amd64.deb' bsdutils_1%3a2.38.1-5_amd64.deb"
        f" 94412 SHA256:{'c' * 64}\n"
    )
    (package,) = resolve.packages(printed, "http://mirror/debian")
    assert package == lock.parse(GOOD, "lock").packages[1]
    with pytest.raises(LabError):
        resolve.packages("W: something else", "http://mirror/debian")


def test_the_mirror_is_debians_own() -> None:
    answer = (
        "|tool|main|http://a/tool/\nDebian|Debian-Security|main|http://a/debian-security/\n"
        "Debian|Debian|contrib|http://c/\nDebian|Debian|main|http://b/debian/\n"
    )
    assert mirror.own_of(answer) == "http://b/debian/"
    assert mirror.own_of("Ubuntu|Ubuntu|main|http://u/ubuntu/\n") is None


def test_the_mirror_is_found_without_lists() -> None:
    printed = "'http://a/debian-security/dists/x/InRelease' a 0 \n'http://b/debian/dists/bookworm/InRelease' b 0 \n"
    assert mirror.guess_of(printed) == "http://b/debian"
    assert mirror.guess_of("'http://u/ubuntu/dists/noble/InRelease' u 0 \n") is None


@pytest.mark.parametrize(
    ("url", "date", "words"),
    [
        ("no url", None, "no URL"),
        ("http://a/debian", "yesterday", "no date"),
        (None, "20260801T000000Z", "--snapshot needs --mirror"),
    ],
)
def test_refuses_a_mirror(url: str | None, date: str | None, words: str) -> None:
    with pytest.raises(LabError) as caught:
        mirror.choose(url, date)
    assert words in str(caught.value)


def test_a_snapshot_is_a_folder_of_its_archive() -> None:
    assert mirror.choose("http://a/archive/", "20260801T000000Z") == "http://a/archive/20260801T000000Z"
