"""Directories on disk: written, compared, cleared up, and refused where they are somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator import labfile, render
from orchestrator.errors import Exit, LabError
from orchestrator.model import Lab
from orchestrator.render import folder
from orchestrator.render.content import CATALOGUE, SUMS

PINNED = Path(__file__).parent.parent / "labfile" / "good" / "machine.yml"


@pytest.fixture
def lab() -> Lab:
    return labfile.load(labfile.find("lab10"))


def tree(directory: Path) -> dict[str, bytes]:
    """Every file in it, by its path."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def refused(lab: Lab, directory: Path) -> LabError:
    with pytest.raises(LabError) as caught:
        render.write(lab, directory)
    assert caught.value.code is Exit.USAGE
    return caught.value


def test_writes_what_there_is_and_then_nothing(lab: Lab, tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    assert render.write(lab, directory) == sorted(render.files(lab))
    assert tree(directory) == render.files(lab)
    assert render.check(lab, directory) == render.write(lab, directory) == []


def test_begins_with_the_mark(lab: Lab) -> None:
    assert render.files(lab)["Vagrantfile"].startswith(render.MARK)


def test_modes_are_those_of_the_umask(lab: Lab, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        render.write(lab, tmp_path / "r")
    finally:
        os.umask(before)
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "r" / "Vagrantfile").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("how", ["changed", "missing", "link", "mode-is-no-matter"])
def test_drift(lab: Lab, tmp_path: Path, how: str) -> None:
    render.write(lab, tmp_path)
    file = tmp_path / "inventory.yml"
    if how == "changed":
        file.write_bytes(file.read_bytes() + b" ")
    elif how == "missing":
        file.unlink()
    elif how == "link":
        file.rename(tmp_path / "elsewhere")
        file.symlink_to("elsewhere")
    else:
        file.chmod(0o600)
    expected = [] if how == "mode-is-no-matter" else ["inventory.yml"]
    assert render.check(lab, tmp_path) == expected
    assert render.write(lab, tmp_path) == expected
    assert render.check(lab, tmp_path) == []
    assert not file.is_symlink()


def test_check_writes_nothing(lab: Lab, tmp_path: Path) -> None:
    assert render.check(lab, tmp_path / "none") == sorted(render.files(lab))
    assert list(tmp_path.iterdir()) == []


def test_what_is_rendered_no_more_goes_and_nothing_else(lab: Lab, tmp_path: Path) -> None:
    render.write(labfile.load(PINNED), tmp_path)
    kept = {".vagrant/machines/boxA/virtualbox/id": b"1", "notes.txt": b"mine", "roles/mine/tasks/main.yml": b"[]"}
    for path, data in kept.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert CATALOGUE in render.check(lab, tmp_path)
    assert CATALOGUE in render.write(lab, tmp_path)
    assert tree(tmp_path) == {**render.files(lab), **kept}


def test_an_old_role_goes_with_its_folders(lab: Lab, tmp_path: Path) -> None:
    render.write(lab, tmp_path)
    old = tmp_path / "roles" / "old" / "tasks" / "main.yml"
    old.parent.mkdir(parents=True)
    old.write_text("[]")
    with (tmp_path / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  roles/old/tasks/main.yml\n")
    assert "roles/old/tasks/main.yml" in render.write(lab, tmp_path)
    assert not (tmp_path / "roles" / "old").exists()


@pytest.mark.parametrize(
    "path", ["../outside", "roles/../../outside", "/outside", ".vagrant/id", "a//../outside", "./x", "roles"]
)
def test_sums_cannot_name_what_is_not_ours(lab: Lab, tmp_path: Path, path: str) -> None:
    directory = tmp_path / "r"
    render.write(lab, directory)
    for each in (tmp_path / "outside", directory / ".vagrant" / "id", directory / "x"):
        each.parent.mkdir(exist_ok=True)
        each.write_text("mine")
    with (directory / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  {path}\n")
    assert render.write(lab, directory) == [SUMS]
    assert (tmp_path / "outside").exists()
    assert (directory / ".vagrant" / "id").exists()
    assert (directory / "x").exists()


@pytest.mark.parametrize("content", [{"notes.txt": "mine"}, {"Vagrantfile": "Vagrant.configure('2') {}\n"}])
def test_a_foreign_directory_is_refused(lab: Lab, tmp_path: Path, content: dict[str, str]) -> None:
    for path, text in content.items():
        (tmp_path / path).write_text(text)
    assert "other things" in refused(lab, tmp_path).what
    assert {path: data.decode() for path, data in tree(tmp_path).items()} == content
    with pytest.raises(LabError):
        render.check(lab, tmp_path)


def test_an_empty_directory_is_good(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / ".labctl-left").write_text("by a labctl that was killed")
    assert render.write(lab, tmp_path)


def test_no_link_leads_out(lab: Lab, tmp_path: Path) -> None:
    directory, outside = tmp_path / "r", tmp_path / "outside"
    render.write(lab, directory)
    outside.mkdir()
    if (directory / "roles").exists():
        (directory / "roles").rename(tmp_path / "old")
    (directory / "roles").symlink_to(outside)
    with (directory / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  roles/old.yml\n")
    (outside / "old.yml").write_text("mine")
    assert "link" in refused(lab, directory).what
    assert (outside / "old.yml").exists()


@pytest.mark.parametrize("kind", ["file", "below-a-file", "long", "nul"])
def test_no_directory_at_all(lab: Lab, tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("mine")
    names = {"file": "file", "below-a-file": "file/x", "long": "x" * 300, "nul": "a\0b"}
    assert str(refused(lab, tmp_path / names[kind])).isprintable()


def test_an_interrupted_write_is_ours_and_gets_finished(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_replace, done = folder._replace, list[str]()

    def replace(target: Path, content: bytes) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(target.name)
        true_replace(target, content)

    monkeypatch.setattr(folder, "_replace", replace)
    with pytest.raises(KeyboardInterrupt):
        render.write(lab, tmp_path)
    monkeypatch.undo()
    assert done[0] == "Vagrantfile"
    assert set(render.write(lab, tmp_path)) == set(render.files(lab)) - set(done)


def test_a_file_that_cannot_be_replaced_stays_whole(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render.write(lab, tmp_path)
    (tmp_path / "playbook.yml").write_text("changed")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    assert "No space left" in refused(lab, tmp_path).what
    assert (tmp_path / "playbook.yml").read_text() == "changed"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".labctl")] == []
