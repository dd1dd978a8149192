"""What is in a rendered directory, and that it is the same everywhere."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

from orchestrator import labfile, render
from orchestrator.model import Lab
from orchestrator.render import content
from tests import sample_labs

CHECKOUT = Path(content.__file__).resolve().parents[2]
DIGEST = """
import sys, hashlib
from pathlib import Path
from orchestrator import labfile, render
files = render.files(labfile.load(Path(sys.argv[1])))
print(hashlib.sha256(repr(list(files.items())).encode()).hexdigest())
"""
PINNED = Path(__file__).parent.parent / "labfile" / "good" / "machine.yml"


def shipped(name: str) -> Lab:
    return labfile.load(labfile.find(name))


@pytest.mark.parametrize("name", ["lab9", "lab10"])
@pytest.mark.parametrize("file", ["Vagrantfile", "inventory.yml", "README.md", "playbook.yml"])
def test_golden(name: str, file: str) -> None:
    sample_labs.golden(f"{name}.rendered.{file}", render.files(shipped(name))[file].decode())


def test_golden_of_a_lab_with_everything() -> None:
    lab = labfile.load(CHECKOUT / "docs" / "every-key.yml")
    text = "".join(f"----- {path}\n{data.decode()}" for path, data in render.files(lab).items() if "/" not in path
                   and path != content.SUMS)  # fmt: skip
    sample_labs.golden("every-key.rendered.txt", text)


@pytest.mark.parametrize(
    "surroundings",
    [{}, {"LANG": "C", "TZ": "Asia/Kathmandu"}, {"LC_ALL": "tr_TR.UTF-8"}, {"PYTHONHASHSEED": "1"},
     {"LABCTL_NAME": "x"}, {"PYTHONUTF8": "0", "LC_ALL": "POSIX", "PYTHONHASHSEED": "77"}],
    ids=str,
)  # fmt: skip
def test_the_same_bytes_in_any_surroundings(surroundings: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "ärger.yml"
    copy.write_bytes(labfile.find("lab10").read_bytes())
    here = hashlib.sha256(repr(list(render.files(shipped("lab10")).items())).encode()).hexdigest()
    run = [sys.executable, "-c", DIGEST, str(copy)]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT), **surroundings}
    assert subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout.strip() == here


def test_another_name_is_another_lab() -> None:
    text = render.files(labfile.load(labfile.find("lab10"), name="c1"))["Vagrantfile"].decode()
    assert "lab = 'c1'" in text
    assert shipped("lab10").boxes[0].interfaces[0].mac.replace(":", "") not in text


def test_roles_are_carried_byte_for_byte(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    role = tmp_path / "roles" / "overlay"
    (role / "library" / "__pycache__").mkdir(parents=True)
    (role / "library" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (role / "library" / "module.py").write_bytes(b"\r\n\xff{{ x }}")
    (role / "utils.py").symlink_to(CHECKOUT / "orchestrator" / "iproute.py")
    (tmp_path / "roles" / "README.md").write_text("of the folder, not of a role")
    monkeypatch.setattr(content, "shared", lambda name: tmp_path / name if name == "roles" else labfile.shared(name))
    carried = {path: data for path, data in render.files(shipped("lab9")).items() if path.startswith("roles/")}
    assert carried == {
        "roles/overlay/library/module.py": b"\r\n\xff{{ x }}",
        "roles/overlay/utils.py": (CHECKOUT / "orchestrator" / "iproute.py").read_bytes(),
    }


def test_sums_are_sha256sum_s(tmp_path: Path) -> None:
    render.write(shipped("lab10"), tmp_path)
    subprocess.run(["sha256sum", "--check", "--strict", content.SUMS], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / content.SUMS).read_text().count("\n") == len(render.files(shipped("lab10"))) - 1


def test_a_url_comes_with_a_catalogue_that_pins_it() -> None:
    machine = labfile.load(PINNED).machine
    catalogue = json.loads(render.files(labfile.load(PINNED))[content.CATALOGUE])
    (version,) = catalogue["versions"]
    assert (catalogue["name"], version["version"]) == (machine.image, machine.version)
    for provider in version["providers"]:
        assert (provider["url"], provider["checksum"]) == (machine.url, machine.sha256)
        assert provider["checksum_type"] == "sha256"
    assert content.CATALOGUE not in render.files(shipped("lab10"))


@pytest.mark.parametrize("name", ["hostile", "long"])
def test_a_lab_that_no_file_can_make_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"template|no adapter"):
        render.files(sample_labs.EVERY[name]())


def test_a_template_without_a_filter_writes_nothing() -> None:
    with pytest.raises(TypeError, match="without a filter"):
        content._environment().from_string("{{ name }}").render(name="boxA")
    with pytest.raises(TypeError, match="without a filter"):
        content._environment().from_string("{{ 'a' ~ (name | ruby) }}").render(name="boxA")


def test_what_is_not_defined_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="nonsense"):
        content._environment().from_string("{{ nonsense }}").render()
    with pytest.raises(jinja2.UndefinedError, match="nonsense"):
        content._environment().from_string("{{ nonsense | markdown }}").render()
