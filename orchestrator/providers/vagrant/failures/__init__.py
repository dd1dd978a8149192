"""What Vagrant, VirtualBox and libvirt complain of → the stage, the box, the cause, and what mends it. Pure.

What is known is a table (KNOWN). What is not is told in the words of whoever complained, with the log's path.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.errors import Exit, LabError
from orchestrator.providers.vagrant import output
from orchestrator.providers.vagrant.failures import libvirt, vagrant, virtualbox
from orchestrator.providers.vagrant.failures.known import Known

KNOWN = (*vagrant.SPACE, *vagrant.BOXES, *virtualbox.KNOWN, *libvirt.KNOWN, *vagrant.DOWNLOAD, *vagrant.VAGRANT)
"""Every failure that is known; the first that fits is the one."""

_OF_A_BOX = re.compile(
    r"An error occurred while executing the action on the '(?P<box>[^']+)'\nmachine\. Please handle this error "
    r"then try again:\n\n(?P<message>.*?)(?=\n\nAn error occurred while executing the action on|\Z)",
    re.DOTALL,
)
"""What Vagrant says for each box when it worked on several at once; the classes of the errors are lost there."""

_RAISED = re.compile(r"\S+\.rb:\d+:in .*?: (?P<message>.*)")
"""The first line of Ruby's traceback: an exception that Vagrant does not know as an error."""

_ERROR = re.compile(r" VBoxManage(?:\.exe)?: error: ")

_INTERRUPTED = "Vagrant exited after cleanup due to external interrupt."


class Failure(NamedTuple):
    """Why a box is not as it should be.

    stage: what was under way (`up`, `destroy`, `box add` …); name: which failure of the table it is, "" where it is not
    known; cause: a sentence; hint: what mends it; retry: whether the same step may succeed when it is tried again;
    log: where all that was said is kept.
    """

    stage: str
    box: str
    name: str
    cause: str
    hint: str
    retry: bool = False
    code: Exit = Exit.STEP_FAILED
    log: str = ""

    def error(self) -> LabError:
        """As what the command line prints."""
        where = f"{self.box}, {self.stage}" if self.box else self.stage
        told = f"all that was said: {self.log}" if self.log else ""
        return LabError(self.cause, where=where, hint="; ".join(filter(None, (self.hint, told))), code=self.code)


def explain(
    stage: str,
    box: str,
    lines: Sequence[str],
    log: str = "",
    *,
    versions: Mapping[str, str] | None = None,
    holder: int | None = None,
) -> Failure:
    """Why a run of Vagrant failed that printed `lines`.

    versions: of `kernel` and `virtualbox`, where they are known: some advice depends on them. holder: the process that
    holds the machine's lock, see `home.holder`.
    """
    messages = _messages(lines, box)
    text = re.sub(r"\s+", " ", " ".join(messages + output.stray(lines)))  # Vagrant breaks its sentences anywhere
    for known in KNOWN:
        found = re.search(known.says, text)
        if found:
            facts = {"box": box, "kernel": "", "virtualbox": "", **(versions or {}), **_named(found)}
            return _filled(known, stage, box, facts, log, holder)
    return Failure(stage, box, "", _last(messages, lines), "", log=log)


def _named(found: re.Match[str]) -> dict[str, str]:
    """What the pattern's groups found. Of `name` and `name_`, one counts; where neither did, NAME stands for it."""
    groups = {name: _ERROR.sub("; ", (value or "").strip()) for name, value in found.groupdict().items()}
    return {name: value or groups.get(f"{name}_") or name.upper() for name, value in groups.items()}


def _filled(known: Known, stage: str, box: str, facts: Mapping[str, str], log: str, holder: int | None) -> Failure:
    hint = known.hint(facts) if callable(known.hint) else known.hint
    quoted = {name: shlex.quote(value) for name, value in facts.items()}
    cause = known.cause.format_map(facts)
    if known.name == "machine_locked" and holder:
        cause = f"{cause}: process {holder}"
        hint = f"wait for it, or end it: kill -INT {holder}"
    return Failure(stage, box, known.name, cause, hint.format_map(quoted), known.retry, known.code, log)


def _messages(lines: Sequence[str], box: str) -> list[str]:
    """What Vagrant gave up for, each after its class; of several boxes, what is about this one."""
    messages = []
    for error in output.errors(lines):
        each = {found["box"]: found["message"] for found in _OF_A_BOX.finditer(error.message)}
        chosen = [each[box]] if box in each else [text for text in each.values() if text != _INTERRUPTED]
        messages += chosen or [f"{error.kind}: {error.message}"]
    return messages or [spoken.text for spoken in map(output.said, output.events(lines)) if spoken and _bad(spoken)]


def _bad(spoken: output.Said) -> bool:
    return spoken.level == "error"


def _last(messages: Sequence[str], lines: Sequence[str]) -> str:
    """The last complaint as it is; without one, what Ruby raised, or the last line of all."""
    if messages:
        return re.sub(r"\A[A-Z]\w+: ", "", messages[-1])
    strays = output.stray(lines)
    raised = next((found["message"] for found in map(_RAISED.match, strays) if found), "")
    return raised or (strays[-1] if strays else "Vagrant failed, and did not say why")
