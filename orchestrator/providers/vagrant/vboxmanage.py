"""VirtualBox, by VBoxManage(1)."""

from __future__ import annotations

import re
import time
from pathlib import Path

from orchestrator import command
from orchestrator.errors import Exit, LabError
from orchestrator.providers.vagrant import failures
from orchestrator.providers.vagrant.marked import Machine, Usable, kernel, marked, run

NAME = "virtualbox"

_DEVICE = Path("/dev/vboxdrv")

_LISTED = re.compile(r'"(?P<name>[^"\n]*)" \{(?P<id>[0-9a-f-]{36})\}', re.MULTILINE)

_STATES = {"running": "running", "poweroff": "off", "paused": "paused"}

_ATTEMPTS = 10
"""How often VirtualBox is asked that says it has not let go yet; see `_PAUSE`."""

_PAUSE = 1.0
"""Seconds between two such attempts: VirtualBox closes a machine's session after its process has ended."""


def _manage(*words: str) -> command.Result:
    return run(["VBoxManage", *words])


def _asked(*words: str) -> str:
    """What VBoxManage answers; asked again as long as VirtualBox is not ready. Raises LabError where it refuses."""
    for attempt in range(1, _ATTEMPTS + 1):
        result = _manage(*words)
        if result.returncode == 0:
            return result.stdout
        failure = failures.explain(f"VBoxManage {words[0]}", "", (result.stderr or result.stdout).splitlines())
        if not failure.retry or _gone(result) or attempt == _ATTEMPTS:
            break
        time.sleep(_PAUSE)
    raise LabError(failure.cause, where=NAME, hint=failure.hint, code=failure.code)


def _gone(result: command.Result) -> bool:
    return result.returncode != 0 and "Could not find a registered machine" in result.stderr


def registered() -> dict[str, str]:
    """Every machine of this user's: UUID → name. One whose settings cannot be read is called <inaccessible>."""
    return {found["id"]: found["name"] for found in _LISTED.finditer(_asked("list", "vms"))}


def info(uuid: str) -> dict[str, str]:
    """What is known of a machine, nothing where it is gone: `VMState`, `name`, `nic2`, `intnet2` …"""
    result = _manage("showvminfo", uuid, "--machinereadable")
    if _gone(result):
        return {}
    text = command.require(result, f"{uuid} cannot be looked at").stdout
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip('"'): value.strip('"') for key, _, value in pairs}


def machines() -> list[Machine]:
    """See hypervisors.machines."""
    found = []
    for uuid, name in registered().items():
        state = info(uuid).get("VMState") if marked(name) else None
        if state:  # else it is not ours, or went meanwhile
            found.append(Machine(name, uuid, _STATES.get(state, state), NAME))
    return found


def remove(machine: Machine) -> None:
    """See hypervisors.remove. The UUID must still be of a machine of that name."""
    known = info(machine.id)
    if known.get("name") != machine.name:
        return
    if known.get("VMState") not in ("poweroff", "aborted", "saved"):
        _manage("controlvm", machine.id, "poweroff")  # where it fails, it has ended by itself; or the next will tell
    if known.get("VMState") == "saved":
        _asked("discardstate", machine.id)
    if info(machine.id):
        _asked("unregistervm", machine.id, "--delete")


def version() -> str:
    """VirtualBox's: 7.2.22_Debianr175245. Warnings come before it."""
    said = command.require(_manage("--version"), "VBoxManage does not say its version").stdout.split()
    return said[-1] if said else ""


def usable() -> Usable:
    """See hypervisors.usable."""
    try:
        result = _manage("--version")
    except LabError as error:
        if error.code != Exit.HOST:
            raise
        return Usable(False, "VirtualBox is not installed", "install VirtualBox: VBoxManage --version must work")
    said = (result.stdout + result.stderr).splitlines()
    failure = failures.explain("VBoxManage", "", said, versions=kernel())
    if failure.name:
        return Usable(False, failure.cause, failure.hint)
    if result.returncode:
        return Usable(False, failure.cause, "VBoxManage --version must work")
    return Usable(True, f"VirtualBox {said[-1]}")
