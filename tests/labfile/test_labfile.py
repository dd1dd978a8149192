"""Lab files as golden files: a good one has its lab beside it, a bad one the exact text of its problems.

With GOLDEN=write in the environment the answers are written instead of compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from orchestrator import labfile, model
from orchestrator.errors import Exit, LabError
from orchestrator.labfile import source, tree
from tests.conftest import Caller

HERE = Path(__file__).parent
GOOD, BAD = (sorted((HERE / folder).glob("*.yml")) for folder in ("good", "bad"))
SHIPPED = labfile.shipped()
NO_YAML, RULES = ((HERE / "bad" / kind).read_text().split() for kind in ("NO-YAML", "RULES"))
"""Bad files that no schema can be asked about, and those where a schema sees nothing wrong."""


def golden(path: Path, text: str) -> None:
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def name(path: Path) -> str:
    return path.stem if path.stem != "lab" else path.parent.name


def refused(path: Path) -> labfile.LabFileError:
    with pytest.raises(labfile.LabFileError) as caught:
        labfile.load(path)
    return caught.value


def stage(path: Path) -> str:
    try:
        document = tree.parse(source.read(path), path.name)
    except labfile.LabFileError:
        return "yaml"
    if document.problems:
        return "yaml"
    return "rules" if jsonschema.Draft202012Validator(labfile.schema()).is_valid(document.data) else "schema"


def data(path: Path) -> Any:
    return tree.parse(path.read_text(encoding="utf-8"), path.name).data


@pytest.mark.parametrize("path", [*GOOD, *SHIPPED], ids=name)
def test_good(path: Path) -> None:
    lab = labfile.load(path)
    golden(HERE / "good" / f"{name(path)}.json", msgspec.json.format(model.encode(lab), indent=2).decode() + "\n")
    assert model.decode(model.encode(lab), model.Lab) == lab


@pytest.mark.parametrize("path", BAD, ids=name)
def test_bad(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    error = refused(Path(path.name))
    golden(path.with_suffix(".txt"), f"{error}\n")
    assert error.code is Exit.USAGE
    assert str(error).splitlines() == [str(problem) for problem in error.problems]


@pytest.mark.parametrize("path", [*GOOD, *SHIPPED], ids=name)
def test_the_schema_takes_good_files(path: Path) -> None:
    jsonschema.Draft202012Validator(labfile.schema()).validate(data(path))


@pytest.mark.parametrize("path", BAD, ids=name)
def test_each_bad_file_is_refused_where_it_says(path: Path) -> None:
    """Not as YAML; else by the schema too, unless it is listed as well-formed."""
    assert stage(path) == ("rules" if path.stem in RULES else "yaml" if path.stem in NO_YAML else "schema")


def test_the_schema_is_itself_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(labfile.schema())


def test_the_schema_in_the_checkout_is_the_program_s() -> None:
    golden(labfile.shared("labs") / "lab.schema.json", json.dumps(labfile.schema(), indent=2) + "\n")


@pytest.mark.parametrize("path", SHIPPED, ids=name)
def test_shipped_labs_name_the_schema(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../lab.schema.json"
    assert (path.parent / first.partition("=")[2]).is_file()


def test_a_second_name_makes_other_macs_and_nothing_else() -> None:
    one, other = (labfile.load(labfile.find("lab10"), name=each) for each in (None, "copy"))
    assert (one.name, other.name) == ("lab10", "copy")
    macs = [vtep.mac for lab in (one, other) for vtep in lab.overlays[0].vteps]
    macs += [interface.mac for lab in (one, other) for box in lab.boxes for interface in box.interfaces]
    assert len(set(macs)) == 12
    blank = [model.encode(lab).decode() for lab in (one, other)]
    for mac in macs:
        blank = [text.replace(mac, "") for text in blank]
    assert blank[0].replace('"lab10"', '"copy"') == blank[1]


@pytest.mark.parametrize("bad", ["Lab", "", "-x", "x-", "a" * 33, "a\n", "../a", "a b", "ä", "a\x1b"])
def test_a_second_name_must_be_a_name(bad: str) -> None:
    with pytest.raises(LabError) as caught:
        labfile.load(labfile.find("lab10"), name=bad)
    assert caught.value.code is Exit.USAGE
    assert str(caught.value).isprintable()


def test_colliding_macs_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = sys.modules["orchestrator.labfile.resolve"]
    true_hash = resolve._hash
    monkeypatch.setattr(resolve, "_hash", lambda text: true_hash(text)[:1] + b"\0" * 31)
    labs = [labfile.load(path) for path in (large(50), large(50))]
    macs = [vtep.mac for vtep in labs[0].overlays[0].vteps]
    macs += [interface.mac for box in labs[0].boxes for interface in box.interfaces]
    assert labs[0] == labs[1]
    assert len(set(macs)) == len(macs) == 100


@pytest.fixture(autouse=True)
def _in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def large(count: int) -> Path:
    """A lab of `count` boxes on one network, with one overlay that joins them all."""
    hosts = [f"{number >> 8}.{number & 255}" for number in range(1, count + 1)]
    lines = ["name: large", "title: Many boxes", "networks: {wire: {subnet: 10.1.0.0/16}}", "boxes:"]
    lines += [f"  box{index}: {{addresses: {{wire: 10.1.{host}}}}}" for index, host in enumerate(hosts)]
    lines += ["overlays:", "  vxlan0:", "    kind: vxlan", "    vni: 1", "    group: 239.255.0.1"]
    lines += ["    subnet: 10.2.0.0/16", "    members:"]
    lines += [f"      box{index}: {{address: 10.2.{host}}}" for index, host in enumerate(hosts)]
    path = Path("large.yml")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_thousand_boxes_fit_and_not_one_more() -> None:
    assert len(labfile.load(large(1000)).overlays[0].vteps) == 1000
    text = str(refused(large(1001)))
    assert text.splitlines() == [
        "large.yml:4:1: boxes holds 1001 (allowed: 1 to 1000 entries)",
        "large.yml:1012:5: members holds 1001 (allowed: 2 to 1000 entries)",
    ]


def test_a_byte_order_mark_is_no_matter() -> None:
    text = labfile.find("lab9").read_text()
    Path("marked.yml").write_text(text, encoding="utf-8-sig")
    assert labfile.load(Path("marked.yml")) == labfile.load(labfile.find("lab9"))


def test_lines_may_end_as_on_windows() -> None:
    text = labfile.find("lab9").read_text()
    Path("crlf.yml").write_bytes(text.replace("\n", "\r\n").encode())
    assert labfile.load(Path("crlf.yml")) == labfile.load(labfile.find("lab9"))


def test_too_large() -> None:
    Path("huge.yml").write_bytes(b"# " + b"x" * 1024 * 1024)
    assert str(refused(Path("huge.yml"))) == (
        "huge.yml:1:1: larger than 1024 KiB (a lab of 1000 boxes takes about 100 KiB)"
    )


def unreadable(kind: str) -> Path:
    path = Path(kind)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "device":
        return Path("/dev/zero")
    elif kind == "nul":
        return Path("a\0b")
    elif kind == "escape":
        return Path("\x1b[2J\n")
    elif kind == "long":
        return Path("x" * 5000)
    return path


@pytest.mark.parametrize("kind", ["fifo", "folder", "loop", "device", "missing", "nul", "escape", "long"])
def test_what_is_no_file(kind: str) -> None:
    with pytest.raises(LabError) as caught:
        labfile.load(unreadable(kind))
    assert caught.value.code is Exit.USAGE
    assert str(caught.value).isprintable()


def test_a_file_without_permission(ordinary_user: Caller) -> None:
    path = ordinary_user.home / "mine.yml"
    path.write_text("name: x")
    path.chmod(0)
    done = ordinary_user.labctl("validate", str(path))
    assert (done.returncode, "Permission denied" in done.stderr) == (2, True)


def test_finding_a_shipped_lab_by_name() -> None:
    Path("lab10").mkdir()
    assert [path.parent.name for path in SHIPPED] == ["lab9", "lab10"]
    assert labfile.find("lab10") == SHIPPED[1]
    assert labfile.is_shipped(labfile.find("lab10"))


def test_finding_a_lab_by_its_path() -> None:
    own = Path("mine/lab.yml")
    own.parent.mkdir()
    own.write_text("name: mine")
    assert labfile.find("mine") == labfile.find("./mine/") == labfile.find("mine/lab.yml") == own
    assert not labfile.is_shipped(own)


@pytest.mark.parametrize(
    ("lab", "hint"),
    [("lab01", "did you mean lab10? labs: lab9, lab10"), ("zzz", "labs: lab9, lab10"), ("a\0b", "labs"), ("", "labs")],
)
def test_finding_nothing(lab: str, hint: str) -> None:
    with pytest.raises(LabError) as caught:
        labfile.find(lab)
    assert caught.value.hint.startswith(hint)
    assert caught.value.code is Exit.USAGE


def test_a_good_file_needs_none_of_the_heavy_packages() -> None:
    code = "import sys; from orchestrator import labfile; labfile.load(labfile.find('lab10')); print(*sys.modules)"
    root = Path(labfile.__file__).parents[2]
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root).stdout
    assert not {"jsonschema", "difflib", "dataclasses", "pytest", "subprocess"} & set(loaded.split())
