"""Making the lock anew: APT itself chooses, from an empty system, what the box needs."""

from __future__ import annotations

import email.utils
import re
from pathlib import Path

from orchestrator import command
from orchestrator.box.lock import Lock, Package
from orchestrator.errors import Exit, LabError

SUITE = "bookworm"
ARCHITECTURE = "amd64"
PACKAGES = (
    "?essential", "usr-is-merged", "usrmerge-", "apt", "linux-image-cloud-amd64", "kmod", "sysvinit-core",
    "busybox-static", "openssh-server", "sudo", "python3", "iproute2", "iputils-ping", "tcpdump", "nftables", "ethtool",
    "procps", "util-linux", "less",
)  # fmt: skip
"""What the box is asked to have; all else follows from it. The suite without its security updates: since its last
point release it does not change any more, so that what is locked stays on every mirror."""

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_LINE = re.compile(r"'(?P<url>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})")


def resolve(mirror: str, files: str, work: Path) -> Lock:
    """A lock of what `mirror` has now. `files` is the hash of what labctl adds; `work` is an empty folder."""
    if not _KEYRING.exists():
        hint = "sudo apt-get install debian-archive-keyring"
        raise LabError("Debian's keys are not installed", where=str(_KEYRING), hint=hint, code=Exit.HOST)
    options = _own_world(mirror, work)
    command.require(
        command.Running(["apt-get", *options, "-qq", "update"]).wait(600), "the mirror's lists cannot be read"
    )
    ask = ["apt-get", *options, "-qq", "--yes", "--print-uris", "install", *PACKAGES]
    answer = command.require(command.Running(ask).wait(120), "APT cannot choose the packages")
    return Lock("1.0.0", SUITE, _published(work / "lists"), files, tuple(packages(answer.stdout, mirror)))


def packages(printed: str, mirror: str) -> list[Package]:
    """The packages in what `apt-get --print-uris install` printed."""
    found = []
    for line in printed.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise LabError(f"APT said something that is not understood: {line}")
        name, version, _ = match["file"].removesuffix(".deb").split("_")
        path = match["url"].removeprefix(f"{mirror}/")
        found.append(Package(name, version.replace("%3a", ":"), int(match["size"]), match["sha256"], path))
    return sorted(found)


def _own_world(mirror: str, work: Path) -> list[str]:
    """Options that keep APT away from what is installed here, and from this machine's sources."""
    for folder in ("lists/partial", "cache/archives/partial", "etc"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    (work / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {mirror} {SUITE} main\n", encoding="utf-8")
    (work / "status").write_text("", encoding="utf-8")
    values = {
        "APT::Architecture": ARCHITECTURE, "APT::Architectures": ARCHITECTURE, "APT::Install-Recommends": "0",
        "Acquire::Languages": "none", "Acquire::Check-Valid-Until": "0", "APT::Sandbox::User": "root",
        "APT::Update::Post-Invoke-Success": "", "Dir::State": str(work), "Dir::State::status": str(work / "status"),
        "Dir::State::lists": str(work / "lists"), "Dir::Cache": str(work / "cache"),
        "Dir::Etc::sourcelist": str(work / "sources.list"), "Dir::Etc::sourceparts": "-", "Dir::Etc::preferences": "-",
        "Dir::Etc::preferencesparts": "-", "Acquire::ForceHash": "sha256",
    }  # fmt: skip
    return [word for key, value in values.items() for word in ("-o", f"{key}={value}")]


def _published(lists: Path) -> int:
    """When the suite was published, in seconds since 1970, from its Release file."""
    for path in lists.glob("*Release"):
        found = re.search(r"^Date: (.+)$", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        if found:
            return int(email.utils.parsedate_to_datetime(found[1]).timestamp())
    raise LabError("the mirror's Release file has no date")
