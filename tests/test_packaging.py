"""The wheel: has everything in it that labctl needs, and works in an empty environment, away from the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Callable
from email import message_from_string
from pathlib import Path

import pytest

import orchestrator
from orchestrator import labfile, render

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED = ("labs", "roles", "templates", "Vagrantfile.j2")
Labctl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index", "--no-deps"]
    options = ["--no-build-isolation", "--wheel-dir", str(folder), str(CHECKOUT)]
    answer = subprocess.run([*pip, *options], capture_output=True, text=True, timeout=600)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def labctl(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Labctl:
    """The installed program in an environment of its own, with the dependencies of the tests' one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python), "install"]
    subprocess.run([*pip, "--quiet", "--no-index", "--no-deps", str(wheel)], check=True, timeout=600)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
    # A line of a .pth file is put on the path, but .pth files found there (that of the checkout) are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(elsewhere), "XDG_STATE_HOME": str(elsewhere)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = str(folder / "venv" / "bin" / "labctl")
        return subprocess.run(
            [program, *arguments], cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=600
        )

    return run


def shared_files() -> list[str]:
    """What is to be in the wheel of the folders that labctl uses but that hold no Python."""
    tops = [CHECKOUT / name for name in SHARED if (CHECKOUT / name).exists()]
    every = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))]
    return [str(path.relative_to(CHECKOUT)) for path in every if path.is_file() and "__pycache__" not in path.parts]


def test_carries_labs_roles_and_templates(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert any(name.startswith("labs/") for name in shared_files())
    assert [name for name in shared_files() if f"orchestrator/share/{name}" not in names] == []


def test_carries_the_reconciler_in_the_role_and_no_link_to_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        carried = opened.read("orchestrator/share/roles/overlay/module_utils/labctl_iproute.py")
    assert carried == (CHECKOUT / "orchestrator" / "iproute.py").read_bytes()


def test_configures_boxes_by_ansible(labctl: Labctl) -> None:
    answer = labctl("up", "lab9", "--converge", "ansible", "--no-verify")
    labctl("down", "lab9")
    assert answer.returncode == 0, answer.stderr
    assert "boxB: changed" in answer.stderr


def test_carries_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "orchestrator/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"orchestrator", f"labctl-{orchestrator.__version__}.dist-info"}
    assert [name for name in names if name.endswith(".pyc") or "/tests/" in name] == []


def test_says_what_it_is_and_needs(wheel: Path) -> None:
    folder = f"labctl-{orchestrator.__version__}.dist-info"
    about = message_from_string(zipfile.ZipFile(wheel).read(f"{folder}/METADATA").decode())
    assert (about["Name"], about["Version"]) == ("labctl", orchestrator.__version__)
    assert about["Requires-Python"] == ">=3.11"
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert len(about.get_all("Requires-Dist", [])) == len(project["dependencies"]) > 0


def test_says_its_version(labctl: Labctl) -> None:
    answer = labctl("--version")
    assert (answer.returncode, answer.stdout) == (0, f"labctl {orchestrator.__version__}\n"), answer.stderr


@pytest.mark.parametrize("lab", ["lab9", "lab10"])
def test_has_its_own_labs(labctl: Labctl, lab: str) -> None:
    answer = labctl("list")
    assert answer.returncode == 0, answer.stderr
    assert re.search(rf"^{lab}\b", answer.stdout, re.MULTILINE)
    shown = labctl("show", lab)
    assert shown.returncode == 0, shown.stderr
    assert "boxA" in shown.stdout
    assert "/share/labs/" in shown.stdout
    assert str(CHECKOUT) not in shown.stdout


def test_renders_what_the_checkout_renders(labctl: Labctl, tmp_path: Path) -> None:
    answer = labctl("render", "lab10", "--to", str(tmp_path / "lab10"))
    assert answer.returncode == 0, answer.stderr
    lab = labfile.load(labfile.find("lab10"))
    assert render.check(lab, tmp_path / "lab10") == []


def test_validates_a_lab_file(labctl: Labctl) -> None:
    good = labctl("validate", str(CHECKOUT / "labs" / "lab10" / "lab.yml"))
    assert good.returncode == 0, good.stderr
    bad = labctl("validate", str(CHECKOUT / "Makefile"))
    assert (bad.returncode, "Traceback" in bad.stderr) == (2, False), bad.stderr
