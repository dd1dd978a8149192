"""Convergence by Ansible: the role `overlay` in every box, over SSH or, on namespaces, through a plugin of ours.

ansible-runner runs it, in a folder and with an environment of its own: no ansible.cfg, inventory or ssh_config of the
user's takes part.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator import command
from orchestrator.converge import inventory
from orchestrator.converge.inventory import Variables
from orchestrator.errors import LabError
from orchestrator.labfile.places import shared
from orchestrator.model import Lab

MODULE = "labctl_overlay"
FORKS = 4
"""Boxes that are worked on at once."""

CONNECT_SECONDS = 30
"""Seconds that a box may take to let Ansible in."""


class Converged(NamedTuple):
    """What Ansible did to a box, or in check mode would do. The files are those that the role wrote."""

    changed: bool
    commands: tuple[str, ...]
    files: tuple[str, ...]
    left_alone: tuple[str, ...]


def apply(
    lab: Lab,
    variables: Mapping[str, Variables],
    *,
    directory: Path,
    check: bool = False,
    forks: int = FORKS,
    timeout: float | None = None,
    connect_timeout: int = CONNECT_SECONDS,
    emit: Callable[[str, str], None] = lambda box, what: None,
) -> dict[str, Converged]:
    """Runs the role in every box of `lab`; what was done, by box.

    variables: how Ansible reaches each box (see `inventory`), and more for its role; directory: where it
    works, and leaves NAME.log; emit: takes a box and a word or two on how it is doing; timeout: seconds for it all;
    connect_timeout: seconds that a box may take to let Ansible in.
    Raises LabError with the role's own words.
    """
    play, log = _Play(emit), directory / f"{lab.name}.log"
    with _workplace(directory / lab.name) as place:
        log.unlink(missing_ok=True)
        (place / "inventory.yml").write_bytes(inventory.text(lab, variables))
        arguments = ["--inventory", "inventory.yml", "--forks", str(max(1, min(forks, len(lab.boxes))))]
        arguments += ["--check", "--diff"] if check else []
        argv = [*_ansible_playbook(), *arguments, str(shared("templates") / "playbook.yml")]
        try:
            status = _run(_runner(place, argv, play, timeout, connect_timeout))
        finally:
            _keep_log(place, log)
        command.journal(f"{command.replay(argv)}  # {status}")
    play.judge([box.name for box in lab.boxes], status, log)
    return {box.name: play.done[box.name] for box in lab.boxes}


class _Play:
    """What the events of a run say, box by box."""

    def __init__(self, emit: Callable[[str, str], None]) -> None:
        self._emit = emit
        self.done: dict[str, Converged] = {}
        self.failed: dict[str, str] = {}

    def event(self, event: dict[str, Any]) -> bool:
        """Takes an event of ansible-runner's. False: it need not be written to disk."""
        data, kind = event.get("event_data", {}), event["event"]
        box, result = data.get("host"), data.get("res") or {}
        if kind in ("runner_on_failed", "runner_on_unreachable"):
            self.failed[box] = _words(result)
            self._emit(box, "unreachable" if kind == "runner_on_unreachable" else "failed")
        elif kind == "runner_on_start" and _is_ours(data):
            self._emit(box, "configuring")
        elif kind == "runner_on_ok" and _is_ours(data):
            lists = (tuple(result[key]) for key in ("commands", "files", "left_alone"))
            self.done[box] = Converged(result["changed"], *lists)
            self._emit(box, "changed" if result["changed"] else "as it shall be")
        return False

    def judge(self, boxes: Sequence[str], status: str, log: Path) -> None:
        """Raises LabError unless every box was done."""
        hint = f"all that Ansible said: {log}"
        if self.failed:
            raise LabError("; ".join(f"{box}: {words}" for box, words in self.failed.items()), hint=hint)
        missing = [box for box in boxes if box not in self.done]
        if status != "successful" or missing:
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
            words = next((line for line in said if "ERROR" in line), said[-1] if said else "it said nothing")
            raise LabError(f"Ansible did not get to {', '.join(missing) or 'its end'} ({status}): {words}", hint=hint)


def _is_ours(data: Mapping[str, Any]) -> bool:
    return str(data.get("task_action", "")).rpartition(".")[2] == MODULE


def _words(result: Mapping[str, Any]) -> str:
    """What went wrong, without the traceback of a module that died."""
    lines = str(result.get("msg") or result.get("module_stderr") or "it said nothing").strip().splitlines()
    return " ".join(line.strip() for line in lines)


def _run(runner: Any) -> str:
    """Runs Ansible in a thread, so that an interrupt ends it at once; its last status."""
    from concurrent.futures import ThreadPoolExecutor

    stop = threading.Event()
    runner.cancel_callback = stop.is_set
    with ThreadPoolExecutor(1) as pool:
        try:
            status, _ = pool.submit(runner.run).result()
        except BaseException:
            stop.set()
            raise
    return str(status)


def _runner(place: Path, argv: Sequence[str], play: _Play, timeout: float | None, connect_timeout: int) -> Any:
    from ansible_runner.config.runner import RunnerConfig
    from ansible_runner.runner import Runner
    from ansible_runner.utils import get_callback_dir

    config = RunnerConfig(
        str(place), playbook=argv[-1], ident="run", quiet=True, suppress_env_files=True,
        timeout=int(timeout) if timeout else None,
    )  # fmt: skip
    config.prepare()
    config.command = list(argv)
    config.env = _environment(place) | {
        "ANSIBLE_CALLBACK_PLUGINS": get_callback_dir(),
        "ANSIBLE_TIMEOUT": str(connect_timeout),
        "AWX_ISOLATED_DATA_DIR": config.artifact_dir,
    }
    config.pexpect_timeout = _TICK
    return Runner(config, event_handler=play.event)


_TICK = 0.2
"""Seconds after which ansible-runner looks whether it shall stop."""


def _ansible_playbook() -> list[str]:
    """The program, by this interpreter: a virtual environment's folder of programs need not be on the PATH."""
    return [sys.executable, "-I" if sys.flags.isolated else "-P", "-m", "ansible", "playbook"]


def _environment(place: Path) -> dict[str, str]:
    """All of Ansible's environment. It needs a UTF-8 locale; what the user has set for Ansible is not passed on."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "PYTHONPATH") if name in os.environ}
    (place / "ansible.cfg").touch(mode=0o600)
    return kept | {
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(place / "ansible.cfg"),
        "ANSIBLE_HOME": str(place / "home"),
        "ANSIBLE_LOCAL_TEMP": str(place / "tmp"),
        "ANSIBLE_ROLES_PATH": str(shared("roles")),
        "ANSIBLE_CONNECTION_PLUGINS": str(Path(__file__).parent / "plugins" / "connection"),
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_INVENTORY_ENABLED": "yaml",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_ARGS": "-F none -o BatchMode=yes -o ControlMaster=no -o ControlPath=none "
        "-o ServerAliveInterval=10 -o ServerAliveCountMax=6",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_NOCOLOR": "True",
    }


@contextlib.contextmanager
def _workplace(place: Path) -> Iterator[Path]:
    """A folder for one run, for this user alone; it goes when the run ends. What a killed labctl left goes first."""
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _keep_log(place: Path, log: Path) -> None:
    said = place / "artifacts" / "run" / "stdout"
    if said.exists():
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(said.read_bytes())
