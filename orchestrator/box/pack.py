"""A box as Vagrant takes it: a compressed archive of a disk, a Vagrantfile and metadata.json."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

from orchestrator.box import disk
from orchestrator.box.ovf import MAC, MEMORY_MB, ovf

PROVIDERS = ("virtualbox", "libvirt")

_LIBVIRT = """\
Vagrant.configure("2") do |config|
  config.vm.synced_folder ".", "/vagrant", disabled: true
  config.vm.provider :libvirt do |machine|
    machine.disk_bus = "virtio"
    machine.nic_model_type = "virtio"
    machine.memory = %d
  end
end
"""
_VIRTUALBOX = """\
Vagrant.configure("2") do |config|
  config.vm.base_mac = "%s"
  config.vm.synced_folder ".", "/vagrant", disabled: true
  config.vm.provider :virtualbox do |machine|
    machine.check_guest_additions = false
    machine.default_nic_type = "virtio"
  end
end
"""


def pack(provider: str, name: str, raw: Path, target: Path, epoch: int, work: Path) -> None:
    """Writes the box `target` for a provider from the raw disk; `epoch` is the time of all that is in it."""
    files: dict[str, bytes | Path]
    if provider == "libvirt":
        image = work / "box.img"
        disk.convert(raw, image, "qcow2")
        size = -(-disk.SIZE // (1 << 30))
        told = {"provider": "libvirt", "format": "qcow2", "virtual_size": size}
        files = {"metadata.json": _json(told), "Vagrantfile": (_LIBVIRT % MEMORY_MB).encode(), "box.img": image}
    else:
        image = work / "box.vmdk"
        disk.convert(raw, image, "vmdk")
        description = ovf(name.replace("/", "-"), disk.SIZE).encode()
        files = {"metadata.json": _json({"provider": "virtualbox"}), "Vagrantfile": (_VIRTUALBOX % MAC).encode()}
        files |= {"box.ovf": description, "box.vmdk": image}
    try:
        write(files, target, epoch, level=1 if provider == "virtualbox" else 6)
    finally:
        image.unlink(missing_ok=True)


def write(files: dict[str, bytes | Path], target: Path, epoch: int, level: int) -> None:
    """A tar archive, compressed by gzip; the same bytes for the same files."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", level, raw, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.mtime = 0o644, epoch
            with contextlib.ExitStack() as stack:
                if isinstance(content, Path):
                    entry.size = content.stat().st_size
                    archive.addfile(entry, stack.enter_context(content.open("rb")))
                else:
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))


def digest(path: Path, step: Callable[[], None] = lambda: None) -> str:
    """A file's SHA-256. `step` is called now and then."""
    step()
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def provider_of(box: Path) -> str | None:
    """The provider that a box is for, as it says itself; None where it is no box."""
    try:
        with tarfile.open(box) as archive:
            for entry in archive:
                if entry.name.removeprefix("./") == "metadata.json":
                    content = archive.extractfile(entry)
                    told = json.load(content) if content else None
                    provider = told.get("provider") if isinstance(told, dict) else None
                    return provider if provider in PROVIDERS else None
    except (OSError, tarfile.TarError, ValueError, EOFError):
        return None
    return None


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()
