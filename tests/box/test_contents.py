"""What a box is made of, piece by piece: our files, the manifest, the initial RAM disk, the OVF, the archive."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.box import disk, initramfs, manifest, ovf, pack, system
from orchestrator.errors import LabError

OVF = "{http://schemas.dmtf.org/ovf/envelope/1}"
RASD = "{http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData}"
VBOX = "{http://www.virtualbox.org/ovf/machine}"


def entries(content: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {entry.name: entry for entry in archive}


def test_our_files_have_their_modes() -> None:
    found = entries(system.archive("1.0.0", 1))
    assert found["etc/sudoers.d/vagrant"].mode == 0o440
    assert found["usr/lib/labctl-box/boot"].mode == 0o755
    assert found["usr/lib/labctl-box/adapters"].mode == 0o644
    assert found["etc/labctl/boot.d"].isdir()
    assert {(entry.uid, entry.gid, entry.mtime) for entry in found.values()} == {(0, 0, 1)}


def test_our_scripts_are_shell() -> None:
    scripts = [
        path for path in system.FILES.rglob("*") if path.is_file() and path.read_bytes().startswith(b"#!/bin/sh")
    ]
    assert len(scripts) > 6
    for script in [*scripts, system.HERE / "customise.sh"]:
        subprocess.run(["sh", "-n", script], check=True)


def test_a_manifest_tells_every_difference(tmp_path: Path) -> None:
    def told(change: str) -> str:
        path = tmp_path / "system.tar"
        with tarfile.open(path, "w") as archive:
            file = tarfile.TarInfo("./etc/a file")
            file.mode, file.uid, file.mtime = 0o600 if change == "mode" else 0o644, 7 if change == "owner" else 0, 5
            content = b"other" if change == "content" else b"words"
            file.size = len(content)
            archive.addfile(file, io.BytesIO(content))
            link = tarfile.TarInfo("./etc/link")
            link.type, link.linkname = tarfile.SYMTYPE, "/other" if change == "link" else "/etc"
            archive.addfile(link)
        return manifest.of(path)

    plain = told("")
    assert plain == (f"/etc/a\\040file 0644 0:0 {hashlib.sha256(b'words').hexdigest()}\n/etc/link 0644 0:0 -> /etc\n")
    changed = [told(change) for change in ("mode", "owner", "content", "link")]
    assert len({plain, *changed}) == 5


def test_no_module_before_what_it_needs() -> None:
    needs = dict(
        initramfs._needs("kernel/b.ko: kernel/c.ko kernel/d-e.ko\nkernel/c.ko: kernel/d-e.ko\nkernel/d-e.ko:\n")
    )
    assert initramfs.load_order(["b", "d_e"], needs) == ["kernel/d-e.ko", "kernel/c.ko", "kernel/b.ko"]
    with pytest.raises(LabError):
        initramfs.load_order(["z"], needs)


def test_a_cpio_archive_is_read_by_others(tmp_path: Path) -> None:
    archive = tmp_path / "archive.cpio"
    archive.write_bytes(initramfs.cpio({"bin/tool": b"12345", "init": b"#!"}, ["dev"]))
    busybox_or_bsdtar = subprocess.run(["bsdtar", "-tvf", archive], capture_output=True, text=True)
    assert busybox_or_bsdtar.returncode == 0, busybox_or_bsdtar.stderr
    names = [line.split()[-1] for line in busybox_or_bsdtar.stdout.splitlines()]
    assert names == ["bin", "dev", "bin/tool", "init"]


def test_the_ovf_says_what_it_should() -> None:
    root = ElementTree.fromstring(ovf.ovf('a "box" & more', disk.SIZE))
    one = root.find(f"{OVF}DiskSection/{OVF}Disk")
    image = root.find(f".//{OVF}Image") if root.find(f".//{OVF}Image") is not None else root.find(f".//{VBOX}Image")
    assert one is not None
    assert one.get(f"{OVF}capacity") == str(disk.SIZE)
    assert image is not None
    assert image.get("uuid") == "{" + str(one.get(f"{VBOX}uuid")) + "}"
    items = root.findall(f".//{OVF}Item")
    kinds = [item.findtext(f"{RASD}ResourceType") for item in items]
    assert kinds == ["3", "4", "5", "17", "10"]
    for item in items:
        tags = [child.tag for child in item]
        assert tags == sorted(tags)
    system_ = root.find(f"{OVF}VirtualSystem")
    assert system_ is not None
    assert system_.get(f"{OVF}id") == 'a "box" & more'


def test_an_archive_is_the_same_again(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"disk" * 1000)
    files: dict[str, bytes | Path] = {"metadata.json": b'{"provider": "libvirt"}', "box.img": image}
    for name in ("one", "two"):
        pack.write(files, tmp_path / name, 5, 6)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert pack.provider_of(tmp_path / "one") == "libvirt"
    assert pack.provider_of(image) is None
