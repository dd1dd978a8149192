"""The disk: two partitions, /boot (FAT, with syslinux) and the root (ext4). Nothing is mounted; nobody has to be root.

MBR | 1 MB: FAT 16, 64 MB: ldlinux.sys, the kernel, the initial RAM disk | ext4, labctl-root, the rest
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import NamedTuple

from orchestrator import command
from orchestrator.box.system import PATH, in_namespace

_MB = 1 << 20
_BOOT_AT, _BOOT_SIZE, SIZE = 1 * _MB, 64 * _MB, 4096 * _MB
_ROOT_AT = _BOOT_AT + _BOOT_SIZE
LABEL = "labctl-root"
_UUID = "6c616263-746c-4b6f-8f78-6465622d3132"
MBR = Path("/usr/lib/syslinux/mbr/mbr.bin")
NEEDS = {
    "mmdebstrap": "mmdebstrap", "sfdisk": "fdisk", "mkfs.vfat": "dosfstools", "mcopy": "mtools", "syslinux": "syslinux",
    "mke2fs": "e2fsprogs", "qemu-img": "qemu-utils", "dpkg-deb": "dpkg",
}  # fmt: skip
"""Programs that a build needs, and Debian's packages of them."""

KERNEL_LINE = (
    "console=tty0 console=ttyS0,115200 quiet loglevel=3 mitigations=off nokaslr audit=0 cryptomgr.notests"
    " random.trust_cpu=on no_timer_check rootfstype=ext4"
)
SYSLINUX = "DEFAULT labctl\nPROMPT 0\nTIMEOUT 0\nLABEL labctl\nKERNEL vmlinuz\nINITRD initrd\nAPPEND "


class Start(NamedTuple):
    """What a machine starts with: the kernel, its initial RAM disk, and its command line."""

    kernel: bytes
    initramfs: bytes
    line: str = KERNEL_LINE


def make(archive: Path, start: Start, target: Path, work: Path) -> None:
    """Writes the raw disk `target` with the file system in `archive`; `work` is a folder of ours."""
    fat = work / "boot.fat"
    _boot(start, fat, work)
    with target.open("wb") as disk:
        disk.truncate(SIZE)
    table = f"label: dos\nlabel-id: 0x6c616263\nstart={_BOOT_AT // 512}, size={_BOOT_SIZE // 512}, type=e, bootable\n"
    table += f"start={_ROOT_AT // 512}, type=83\n"
    _run(["sfdisk", "--quiet", str(target)], "the disk cannot be divided", stdin=table)
    _root(archive, target, work)
    with target.open("r+b") as disk:
        disk.write(MBR.read_bytes()[:440])
        disk.seek(_BOOT_AT)
        disk.write(fat.read_bytes())
    fat.unlink()


def _boot(start: Start, fat: Path, work: Path) -> None:
    for name, content in (
        ("vmlinuz", start.kernel),
        ("initrd", start.initramfs),
        ("syslinux.cfg", (SYSLINUX + start.line + "\n").encode()),
    ):
        (work / name).write_bytes(content)
    with fat.open("wb") as made:
        made.truncate(_BOOT_SIZE)
    _run(["mkfs.vfat", "-F", "16", "-i", "6c616263", "-n", "BOOT", str(fat)], "/boot cannot be made")
    _run(["syslinux", "--install", str(fat)], "the boot loader cannot be installed")
    for name in ("vmlinuz", "initrd", "syslinux.cfg"):
        _run(["mcopy", "-i", str(fat), str(work / name), f"::{name}"], "/boot cannot be filled")


def _root(archive: Path, disk: Path, work: Path) -> None:
    """Unpacks with the right owners, which an ordinary user can only in a namespace; there, too, it is taken away."""
    tree, quoted = shlex.quote(str(work / "tree")), shlex.quote
    options = f"-q -F -t ext4 -m 0 -L {LABEL} -U {_UUID} -O ^orphan_file,^metadata_csum_seed"
    options += f" -E offset={_ROOT_AT},hash_seed={_UUID},lazy_itable_init=1,lazy_journal_init=1"
    script = (
        f"set -e; mkdir {tree}; trap 'rm -rf {tree}' EXIT;"
        f" tar --extract --preserve-permissions --numeric-owner --file {quoted(str(archive))} --directory {tree}"
        f" --exclude './dev/*' --exclude './boot/vmlinuz-*';"
        f" mke2fs {options} -d {tree} {quoted(str(disk))} {(SIZE - _ROOT_AT) // 1024}k"
    )
    _run([*in_namespace(), "sh", "-c", script], "the root file system cannot be made")


def convert(disk: Path, target: Path, form: str) -> None:
    """Writes the disk as qcow2 (libvirt) or as a VMDK for an OVF (VirtualBox)."""
    options = ["-o", "subformat=streamOptimized,adapter_type=ide"] if form == "vmdk" else []
    words = ["qemu-img", "convert", "-q", "-f", "raw", "-O", form, *options, str(disk), str(target)]
    _run(words, f"the disk cannot be written as {form}")


def _run(argv: list[str], what: str, stdin: str | None = None) -> None:
    environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1", "PATH": PATH}
    command.require(command.Running(argv, stdin=stdin, environment=environment).wait(1800), what)
