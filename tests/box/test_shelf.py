"""Boxes on a shelf: the catalogue, importing from elsewhere, and what has been tampered with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from orchestrator import box
from orchestrator.box import pack, shelf, stock, vagrant
from orchestrator.box.shelf import Entry
from orchestrator.errors import Exit, LabError
from orchestrator.events import Event


def silent(event: Event) -> None:
    """Nobody listens."""


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """A shelf with a tiny box for libvirt that Vagrant would take, and its manifest."""
    place = tmp_path / "a stick"
    place.mkdir()
    file = shelf.box_file("1.0.0", "libvirt")
    told = json.dumps({"provider": "libvirt", "format": "qcow2", "virtual_size": 1}).encode()
    pack.write({"metadata.json": told, "box.img": b"disk"}, place / file, 1, 1)
    (place / shelf.manifest_file("1.0.0")).write_bytes(b"/ 0755 0:0 folder\n")
    sums = pack.digest(place / file), pack.digest(place / shelf.manifest_file("1.0.0"))
    shelf.put([Entry("1.0.0", "libvirt", file, *sums)], place)
    return place


def test_a_catalogue_says_the_same_again(stick: Path) -> None:
    entries = shelf.read(stick)
    assert shelf.parse(shelf.text(entries, stick).encode()) == entries
    other = Entry("1.0.1", "virtualbox", shelf.box_file("1.0.1", "virtualbox"), "a" * 64)
    shelf.put([other], stick)
    assert shelf.read(stick) == [*entries, other]
    told = json.loads(shelf.catalogue(stick).read_text())
    assert told["versions"][0]["providers"][0]["url"] == (stick / entries[0].file).as_uri()


@pytest.mark.parametrize("content", ["", "[]", '{"name": "else"}', '{"name": "labctl/debian-12", "versions": [7]}'])
def test_refuses_what_is_no_catalogue(stick: Path, content: str) -> None:
    shelf.catalogue(stick).write_text(content)
    with pytest.raises(LabError) as caught:
        shelf.read(stick)
    assert caught.value.where == str(shelf.catalogue(stick))


def test_a_file_of_a_catalogue_is_a_name_and_no_path(stick: Path) -> None:
    text = shelf.catalogue(stick).read_text().replace("a%20stick/", "a%20stick/..%2F..%2Fetc%2F")
    assert shelf.parse(text.encode())[0].file == shelf.box_file("1.0.0", "libvirt")


def test_imports_what_its_catalogue_tells(stick: Path, tmp_path: Path) -> None:
    place = tmp_path / "shelf"
    (taken,) = stock.take([stick / shelf.box_file("1.0.0", "libvirt")], place, silent)
    assert shelf.read(place) == [taken]
    assert [checked.problem for checked in stock.check(place, silent)] == ["", ""]
    assert not list(place.glob(".*.part"))


@pytest.mark.parametrize("change", ["tampered", "unknown", "missing"])
def test_imports_nothing_else(stick: Path, tmp_path: Path, change: str) -> None:
    place, file = tmp_path / "shelf", stick / shelf.box_file("1.0.0", "libvirt")
    if change == "tampered":
        file.write_bytes(file.read_bytes() + b"x")
    elif change == "unknown":
        shelf.catalogue(stick).unlink()
    else:
        file.unlink()
    with pytest.raises(LabError) as caught:
        stock.take([file], place, silent)
    assert str(file) in str(caught.value)
    assert shelf.read(place) == []
    assert not list(place.glob("*.box")) + list(place.glob(".*.part"))


def test_sees_what_was_tampered_with(stick: Path) -> None:
    (stick / shelf.manifest_file("1.0.0")).write_text("else")
    (stick / shelf.box_file("1.0.0", "libvirt")).unlink()
    problems = [checked.problem for checked in stock.check(stick, silent)]
    assert problems[0].startswith("cannot be read")
    assert problems[1].startswith("its SHA-256 is")


def test_only_one_works_on_a_shelf(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with shelf.locked(tmp_path / "new"):
        assert (tmp_path / "new").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError), shelf.locked(tmp_path / "file"):
        pass


def test_reads_what_vagrant_says() -> None:
    output = (
        "1795540380,,ui,info,labctl/debian-12 (libvirt%!(VAGRANT_COMMA) 1.0.0)\n"
        "1795540380,,box-name,labctl/debian-12\n1795540380,,box-provider,libvirt\n1795540380,,box-version,1.0.0\n"
        "1795540380,,box-name,other\n1795540380,,box-provider,virtualbox\n1795540380,,box-version,0\n"
    )
    assert vagrant.parse(output) == {("labctl/debian-12", "1.0.0", "libvirt"), ("other", "0", "virtualbox")}


@pytest.fixture
def own_vagrant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if shutil.which("vagrant") is None:
        pytest.skip("Vagrant is not installed")
    monkeypatch.setenv("VAGRANT_HOME", str(tmp_path / "vagrant"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.mark.usefixtures("own_vagrant")
def test_the_real_vagrant_takes_a_box_from_the_shelf(stick: Path) -> None:
    with pytest.raises(LabError) as caught:
        box.ensure("libvirt", box.NAME, "1.0.0", silent)
    assert (caught.value.code, "labctl box build" in caught.value.hint) == (Exit.HOST, True)
    stock.take([stick / shelf.box_file("1.0.0", "libvirt")], shelf.folder(), silent)
    box.ensure("libvirt", box.NAME, "1.0.0", silent)
    assert vagrant.boxes() == {(box.NAME, "1.0.0", "libvirt")}


@pytest.mark.usefixtures("own_vagrant")
def test_the_real_vagrant_refuses_a_box_that_was_tampered_with(stick: Path) -> None:
    file = stick / shelf.box_file("1.0.0", "libvirt")
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(LabError) as caught:
        vagrant.add(shelf.catalogue(stick), "1.0.0", "libvirt")
    assert "did not take the box" in str(caught.value)
