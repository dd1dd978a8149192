"""What can go wrong, said so that a person can mend it. Raised deep, printed by the command line alone."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What labctl's exit status means; documented in README.md and part of the interface."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    HOST = 3
    STEP_FAILED = 4
    CHECK_ERROR = 5
    BUG = 70
    COMMAND = 125  # `exec` and `ssh`: labctl itself failed, not the command in the box
    INTERRUPTED = 130


class LabError(Exception):
    """A failure that a user can act on.

    what: the sentence that says what is wrong; where: the file, box or command it is about; hint: how to mend it.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "", code: Exit = Exit.STEP_FAILED) -> None:
        super().__init__(what)
        self.what, self.where, self.hint, self.code = what, where, hint, code

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what
