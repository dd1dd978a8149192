"""The initial RAM disk: one busybox, the few modules that lead to the disk, and a script that goes on from there.

Debian's own starts udev and looks for much that this machine does not have; that takes longer than all the rest.
"""

from __future__ import annotations

import gzip
import posixpath
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator.errors import LabError

MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "ata_piix", "sd_mod", "crc32c_generic", "ext4")
"""What the machine needs to find its disk, on either hypervisor, and its network adapters."""

OVERLAYS = (
    "vxlan", "bridge", "veth", "ip_gre", "gre", "geneve", "ipip", "sit", "8021q", "dummy", "wireguard", "esp4",
    "sch_netem", "openvswitch", "nf_tables", "tun", "macvlan", "ip6_gre", "sch_tbf", "sch_htb", "act_mirred", "cls_u32",
    "nft_ct", "br_netfilter", "vrf", "bonding", "xfrm_user", "nf_conntrack", "mpls_router", "team", "ipvlan",
)  # fmt: skip
"""What labs need of the kernel; a box without one of them is refused."""

INIT = """\
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs -o nosuid,mode=755 dev /dev
$b mount -t proc -o nosuid,nodev,noexec proc /proc
for module in $($b cat /modules); do $b insmod /lib/$module.ko; done
tries=0
until disk=$($b findfs LABEL=labctl-root 2>/dev/null); do
  tries=$((tries + 1))
  [ $tries -lt 300 ] || { echo 'no disk has a file system called labctl-root'; exec $b sh; }
  $b sleep 0.1
done
$b mount -t ext4 -o noatime $disk /root
$b mount -o move /dev /root/dev
$b mount -o move /proc /root/proc
exec $b switch_root /root /sbin/init
"""


class Boot:
    """What a machine starts with, read from the box's archive: the kernel, and what its modules need of each other."""

    def __init__(self, archive: Path) -> None:
        self._files: dict[str, bytes] = {}
        with tarfile.open(archive) as opened:
            for entry in opened:
                name = posixpath.normpath(entry.name)
                wanted = name.startswith(("boot/vmlinuz-", "usr/lib/modules/")) or name == "usr/bin/busybox"
                if wanted and entry.isfile():
                    content = opened.extractfile(entry)
                    assert content is not None
                    self._files[name] = content.read()
        kernels = [name for name in self._files if name.startswith("boot/vmlinuz-")]
        if len(kernels) != 1:
            raise LabError(f"the box has {len(kernels)} kernels; it should have one")
        self.kernel = self._files[kernels[0]]
        self._folder = "usr/lib/modules/" + kernels[0].removeprefix("boot/vmlinuz-")
        needs = self._files[f"{self._folder}/modules.dep"].decode()
        builtin = self._files[f"{self._folder}/modules.builtin"].decode().split()
        self._needs = dict(_needs(needs))
        self._builtin = {module_name(path) for path in builtin}

    def missing(self, names: Iterable[str]) -> list[str]:
        """Which of these modules the kernel has neither as a file nor built in."""
        return [name for name in names if name not in self._needs and name not in self._builtin]

    def initramfs(self) -> bytes:
        """The initial RAM disk, compressed; the same bytes for the same box."""
        order = load_order([name for name in MODULES if name not in self._builtin], self._needs)
        files = {f"lib/{module_name(path)}.ko": self._files[f"{self._folder}/{path}"] for path in order}
        files["modules"] = "".join(f"{module_name(path)}\n" for path in order).encode()
        files["bin/busybox"] = self._files["usr/bin/busybox"]
        files["init"] = INIT.encode()
        return gzip.compress(cpio(files, ("dev", "proc", "root")), 9, mtime=0)


def module_name(path: str) -> str:
    """A module's name as modprobe has it: kernel/net/ipv4/ip_gre.ko is ip_gre."""
    return posixpath.basename(path).partition(".ko")[0].replace("-", "_")


def _needs(text: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    """modules.dep: each module's path, and those of all that it needs, the last of them to be loaded first."""
    for line in text.splitlines():
        path, _, needed = line.partition(":")
        yield module_name(path), (path, *needed.split())


def load_order(names: Iterable[str], needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The paths of these modules and of all that they need, none before what it needs."""
    order: list[str] = []
    for name in names:
        if name not in needs:
            raise LabError(f"the box's kernel has no module {name}")
        order += [path for path in reversed(needs[name]) if path not in order]
    return order


def cpio(files: Mapping[str, bytes], folders: Iterable[str]) -> bytes:
    """An archive as the kernel unpacks it ("newc"): everything root's and of 1970."""
    every = {parent.as_posix() for name in files for parent in Path(name).parents} | set(folders)
    entries = [(name, 0o040755, b"") for name in sorted(every - {"."})]
    entries += [(name, 0o100755, files[name]) for name in sorted(files)]
    entries.append(("TRAILER!!!", 0, b""))
    parts = []
    for number, (name, mode, content) in enumerate(entries, 1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        parts += [header, bytes(-len(header) % 4), content, bytes(-len(content) % 4)]
    return b"".join(parts)
