"""Many commands in a box for the price of one: a shell script that runs them and reports each one by itself. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from orchestrator.verify.results import Evidence, bounded

Key = TypeVar("Key", bound=Hashable)

_UNIT = "\x1f"

# Each report is one line, and one write: so those of commands that run side by side do not mix (pipe(7), PIPE_BUF).
_PRELUDE = f"""\
set -f; LC_ALL=C PATH=$PATH:/usr/sbin:/sbin; export LC_ALL PATH; N='
'; U='{_UNIT}'
r() {{ n=$1; shift; o=$("$@" 2>&1); s=$?; IFS=$N; set -- $o; IFS=$U; printf '%s\\n' "$n$U$s$U$*"; }}
"""

# Runs a command until it does not end with status 1, or until so many seconds of /proc/uptime are over.
_AGAIN = """\
w() {
  IFS=' ' read -r t x < /proc/uptime; e=$((${t%.*} + $1)); shift
  while :; do
    "$@"; s=$?; IFS=' ' read -r t x < /proc/uptime
    [ $s -eq 1 ] && [ ${t%.*} -lt $e ] || return $s
  done
}
"""


class Patient(tuple[str, ...]):
    """A command that is run again while its exit status is 1, up to the deadline."""

    __slots__ = ()


class CannotRunError(Exception):
    """A check could not be run, so that nothing is known; `evidence` is what there was instead."""

    def __init__(self, what: str, evidence: tuple[Evidence, ...] = ()) -> None:
        super().__init__(what)
        self.evidence = evidence


class Record(NamedTuple):
    """A command that ran in a box: its whole output, standard error included, without empty lines."""

    argv: tuple[str, ...]
    returncode: int
    output: str

    @property
    def evidence(self) -> Evidence:
        """The record as a result keeps it."""
        return Evidence(shlex.join(self.argv), self.returncode, bounded(self.output))


Stage = Mapping[Key, Sequence[str]]
"""Commands that run side by side, each under a key. A command that prints more than 4 kB needs a stage of its own."""


def compose(stages: Sequence[Stage[Key]], deadline: int = 0) -> str:
    """The script that runs the stages in turn, every word quoted. `deadline`: for Patient commands, in seconds."""
    lines, number = [_PRELUDE, _AGAIN], 0
    for stage in stages:
        after = " &" if len(stage) > 1 else ""
        for argv in stage.values():
            again = f"w {deadline} " if isinstance(argv, Patient) else ""
            lines.append(f"r {number} {again}{shlex.join(argv)}{after}\n")
            number += 1
        if after:
            lines.append("wait\n")
    return "".join([*lines, "echo end\n"])


def parse(stages: Sequence[Stage[Key]], output: str) -> dict[Key, Record]:
    """Each command's record, from the script's output. Raises CannotRunError where the script did not reach its end."""
    commands = [(key, tuple(argv)) for stage in stages for key, argv in stage.items()]
    *lines, last = output.splitlines() or [""]
    if last != "end" or len(lines) != len(commands):
        said = lines[-1] if lines else last
        raise CannotRunError(f"the commands in the box were cut short: {bounded(said, 200) or 'no output'}")
    records = {}
    for line in lines:
        number, status, text = line.split(_UNIT, 2)
        key, argv = commands[int(number)]
        records[key] = Record(argv, int(status), text.replace(_UNIT, "\n"))
    return records
