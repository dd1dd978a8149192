"""What Vagrant printed, in files: its head (lines that begin with `# `) says how it came about and what it means."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "recorded"
_ANSWERS = ("# failure: ", "# cause: ", "# hint: ", "# retry: ")

NAMES = sorted(file.stem for file in _FOLDER.glob("*.txt"))


def path(name: str) -> Path:
    """Where the recording is."""
    return _FOLDER / f"{name}.txt"


def lines(name: str) -> list[str]:
    """What Vagrant printed."""
    return [line for line in path(name).read_text().splitlines() if not line.startswith("# ")]


def head(name: str) -> list[str]:
    """What labctl is to say."""
    return [line for line in path(name).read_text().splitlines() if line.startswith(_ANSWERS)]


def status(name: str) -> int:
    """Vagrant's exit status."""
    return int(path(name).read_text().splitlines()[-1].removeprefix("# exit status "))


FAILED = [name for name in NAMES if status(name)]
