"""How fast the box boots: from power-on to the SSH banner, against a stock Debian, in the same run under one emulator.

    .venv/bin/python benchmarks/boot.py [--runs N] [--to DIR] [--mirror URL] [--json]

Stock is what debootstrap makes by default (systemd, ifupdown, dhclient) with the same kernel, its own initial RAM disk
and openssh-server; its host keys are made already, while the box makes its own at every first boot, which each of these
is. Both are built where DIR (build/boot) has them not yet. QEMU without KVM, user-mode network on loopback only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

from orchestrator.box import build, disk, lock, mirror, shelf, system
from orchestrator.events import Event

CHECKOUT = Path(__file__).resolve().parent.parent
STOCK = "linux-image-cloud-amd64,openssh-server"
LINE = f"root=LABEL={disk.LABEL} ro quiet console=ttyS0"
NETWORK = "printf 'allow-hotplug ens3\\niface ens3 inet dhcp\\n' > \"$1/etc/network/interfaces.d/nat\""
FSTAB = f"echo 'LABEL={disk.LABEL} / ext4 errors=remount-ro 0 1' > \"$1/etc/fstab\""
LIMIT = 600.0


def say(event: Event) -> None:
    """Progress."""
    print(*event, flush=True)


def our_image(folder: Path, source: build.Source) -> Path:
    """The disk in our box for libvirt."""
    (entry,) = build.build(["libvirt"], lock.read(), source, folder, say)
    with tarfile.open(folder / entry.file) as box:
        content = box.extractfile("box.img")
        assert content is not None
        with (folder / "box.img").open("wb") as image:
            shutil.copyfileobj(content, image)
    return folder / "box.img"


def stock_image(folder: Path, source: build.Source) -> Path:
    """The disk of a stock Debian."""
    image = folder / "stock.img"
    if image.exists():
        return image
    print("building the stock Debian", flush=True)
    with build.working() as work:
        archive = work / "stock.tar"
        words = ["mmdebstrap", f"--mode={system.mode()}", "--variant=important", "--format=tar", f"--include={STOCK}"]
        words += [f"--customize-hook={hook}" for hook in (NETWORK, FSTAB)]
        words += [lock.read().suite, str(archive), mirror.choose(source.mirror, source.snapshot)]
        subprocess.run(words, check=True, env={**os.environ, "TMPDIR": str(work), "PATH": system.PATH})
        parts: dict[str, bytes] = {}
        with tarfile.open(archive) as opened:
            for entry in opened:
                for name in ("vmlinuz", "initrd.img"):
                    if entry.isfile() and entry.name.startswith(f"./boot/{name}-"):
                        content = opened.extractfile(entry)
                        assert content is not None
                        parts[name] = content.read()
        disk.make(archive, disk.Start(parts["vmlinuz"], parts["initrd.img"], LINE), work / "raw", work)
        disk.convert(work / "raw", image, "qcow2")
    return image


def boot(image: Path) -> float:
    """Seconds from power-on to the SSH server's first word, on a copy that has never run."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as probe:
        copy = Path(name, "disk")
        make = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(image.resolve()), str(copy)]
        subprocess.run(make, check=True)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        words = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-smp", "1", "-m", "512", "-display", "none"]
        words += ["-drive", f"file={copy},if=virtio", "-device", "virtio-net-pci,netdev=nat,addr=03"]
        words += ["-netdev", f"user,id=nat,hostfwd=tcp:127.0.0.1:{port}-:22", "-serial", "null"]
        began = time.monotonic()
        machine = subprocess.Popen(words)
        try:
            while time.monotonic() - began < LIMIT:
                if banner(port):
                    return time.monotonic() - began
                time.sleep(0.05)
            raise SystemExit(f"{image.name} did not answer in {LIMIT:g} s")
        finally:
            machine.kill()
            machine.wait()


def banner(port: int) -> bool:
    """Whether an SSH server answers. QEMU takes every connection, and drops those that nobody answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def main() -> None:
    """Prints both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--to", type=Path, default=CHECKOUT / "build" / "boot")
    parser.add_argument("--mirror")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder, source = options.to.absolute(), build.Source(options.mirror)
    folder.mkdir(parents=True, exist_ok=True)
    images = {"box": our_image(folder, source), "stock": stock_image(folder, source)}
    seconds: dict[str, list[float]] = {name: [] for name in images}
    for _ in range(options.runs):
        for name, image in images.items():  # in turn, so that a slow moment of the machine hits both
            seconds[name].append(boot(image))
            print(f"{name:5} {seconds[name][-1]:6.1f} s", flush=True)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = medians["box"] / medians["stock"]
    if options.json:
        print(
            json.dumps({"box": lock.read().version, "seconds": seconds, "medians": medians, "ratio": ratio}, indent=2)
        )
        return
    version = lock.read().version
    print(f"\n{platform.machine()}, {os.cpu_count()} processors, QEMU without KVM; medians of {options.runs}")
    print(f"{shelf.NAME} {version} {medians['box']:.1f} s, stock Debian {medians['stock']:.1f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
