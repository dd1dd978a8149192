"""What Vagrant knows of boxes: which it has, and adding one from a catalogue. Nothing is asked over the network."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from orchestrator import command
from orchestrator.errors import Exit, LabError

_HOUR = 3600


def installed() -> bool:
    """Whether there is a Vagrant at all."""
    return shutil.which("vagrant") is not None


def boxes() -> set[tuple[str, str, str]]:
    """The boxes that Vagrant has: name, version and provider."""
    return parse(command.require(_run("box", "list", "--machine-readable"), "Vagrant does not tell its boxes").stdout)


def parse(output: str) -> set[tuple[str, str, str]]:
    """The boxes in what `vagrant box list --machine-readable` printed: lines of time, target, type and data."""
    found: set[tuple[str, str, str]] = set()
    name = provider = ""
    for line in output.splitlines():
        match line.split(",", 3):
            case [_, _, "box-name", value]:
                name = value
            case [_, _, "box-provider", value]:
                provider = value
            case [_, _, "box-version", value]:
                found.add((name, value, provider))
    return found


def add(catalogue: Path, version: str, provider: str) -> None:
    """Adds a box from a catalogue, and replaces it where Vagrant has it already. Vagrant checks its SHA-256."""
    words = ["box", "add", str(catalogue), "--box-version", version, "--provider", provider, "--force"]
    command.require(_run(*words), f"Vagrant did not take the box for {provider}")


def _run(*words: str) -> command.Result:
    if not installed():
        hint = "sudo apt-get install vagrant, or take it from its makers"
        raise LabError("Vagrant is not installed", hint=hint, code=Exit.HOST)
    environment = {**os.environ, "VAGRANT_CHECKPOINT_DISABLE": "1", "VAGRANT_BOX_UPDATE_CHECK_DISABLE": "1"}
    return command.Running(["vagrant", *words], environment=environment).wait(_HOUR)
