"""Where packages come from: this machine's own APT configuration, a mirror that is named, or a snapshot of one."""

from __future__ import annotations

import re
import shutil

from orchestrator import command
from orchestrator.errors import Exit, LabError

ASK = ("apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)", "Created-By: Packages")
ASK_SOURCES = ("apt-get", "update", "--print-uris")
_URL = re.compile(r"(?:https?|ftp|file|copy):/[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_STAMP = re.compile(r"\d{8}T\d{6}Z")


def choose(mirror: str | None, snapshot: str | None) -> str:
    """The URL of a Debian archive, without a slash at its end.

    `mirror` is a URL; without it, it is APT's own. `snapshot` is a date such as 20260801T000000Z, and the mirror then
    the folder of a snapshot archive that has one folder a date.
    """
    if mirror is not None and not _URL.fullmatch(mirror):
        raise LabError(f"{mirror!r} is no URL of a mirror", hint="--mirror URL, as in APT's sources", code=Exit.USAGE)
    if snapshot is not None and not _STAMP.fullmatch(snapshot):
        raise LabError(f"{snapshot!r} is no date of a snapshot", hint="such as 20260801T000000Z", code=Exit.USAGE)
    if snapshot is not None and mirror is None:
        hint = "--mirror URL names the folder of a snapshot archive that has a folder for each date"
        raise LabError("--snapshot needs --mirror", hint=hint, code=Exit.USAGE)
    url = (mirror or _own()).rstrip("/")
    return f"{url}/{snapshot}" if snapshot else url


def _own() -> str:
    hint = "--mirror URL names a Debian mirror"
    if shutil.which(ASK[0]) is None:
        raise LabError("this machine has no APT, so it knows no Debian mirror", hint=hint, code=Exit.HOST)
    for question, answered in ((ASK, own_of), (ASK_SOURCES, guess_of)):
        answer = command.require(command.Running(question).wait(60), "APT does not tell its sources")
        found = answered(answer.stdout)
        if found is not None:
            return found
    raise LabError("APT's sources here have no Debian mirror", hint=hint, code=Exit.HOST)


def own_of(answer: str) -> str | None:
    """The first mirror of Debian itself (not of its security updates, nor of others) in what `ASK` printed."""
    for line in answer.splitlines():
        match line.split("|"):
            case ["Debian", "Debian", "main", url]:
                return url
    return None


def guess_of(answer: str) -> str | None:
    """The first mirror in what `ASK_SOURCES` printed: its lists were never read, so that it has to tell by its name."""
    found = re.search(r"^'(\S+/debian)/dists/\S+' ", answer, re.MULTILINE)
    return found[1] if found else None
