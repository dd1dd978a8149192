"""Time to a verified lab10 on libvirt, by stage, against the original way: sequential `vagrant up`, and then a playbook
a box with one shell line a step. The same box, host and lab; one run of each, in turn.

    tests/vm/host.sh .venv/bin/python benchmarks/libvirt.py [--runs N]
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from orchestrator import labfile, render
from orchestrator.model import Lab

CHECKOUT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("LABCTL_VM_CACHE") or CHECKOUT / "build" / "vm")
ENVIRONMENT = {
    "HOME": str(CACHE),
    "LANG": "C.UTF-8",
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONPATH": str(CHECKOUT),
    "LABCTL_BOOT_TIMEOUT": "900",
    "LABCTL_DEADLINE": "60",
    "LABCTL_LIBVIRT_DRIVER": "qemu",
    "LABCTL_PROVIDER": "libvirt",
    "VAGRANT_HOME": str(CACHE / "vagrant"),
    "XDG_DATA_HOME": str(CACHE / "data"),
}
Stages = dict[str, float]


def main() -> None:
    """Prints what each way took, by stage, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    runs = parser.parse_args().runs
    lab = labfile.load(labfile.find("lab10"))
    ways: dict[str, list[Stages]] = {"labctl": [], "original": []}
    for _ in range(runs):
        ways["labctl"].append(by_labctl())
        ways["original"].append(by_hand(lab))
    for way, took in ways.items():
        stages = {stage: statistics.median(run[stage] for run in took) for stage in took[0]}
        print(f"{way:9} {sum(stages.values()):6.1f} s  " + ", ".join(f"{s} {v:.1f}" for s, v in stages.items()))
    totals = {way: statistics.median(sum(run.values()) for run in took) for way, took in ways.items()}
    print(f"ratio     {totals['labctl'] / totals['original']:6.2f}")


def run(argv: list[str], folder: Path = CHECKOUT, **more: str) -> str:
    """What a program printed; it has to succeed."""
    done = subprocess.run(
        argv, cwd=folder, env={**ENVIRONMENT, **more}, text=True, capture_output=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise SystemExit(f"{shlex.join(argv)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def labctl(*words: str, **more: str) -> str:
    """What labctl printed."""
    return run([sys.executable, "-P", "-m", "orchestrator.cli", *words], CHECKOUT, **more)


def by_labctl() -> Stages:
    """The stages of `labctl up`, as it tells them itself; its own start is the rest."""
    with tempfile.TemporaryDirectory() as state:
        started = time.monotonic()
        made: dict[str, Any] = json.loads(labctl("up", "lab10", "--json", XDG_STATE_HOME=state))
        seconds = time.monotonic() - started
        labctl("down", "lab10", XDG_STATE_HOME=state)
    stages: Stages = made["seconds"]
    return {**stages, "start": seconds - sum(stages.values())}


def by_hand(lab: Lab) -> Stages:
    """The same machines one after the other, a playbook for each, and one ping: nothing else is verified."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        render.write(lab, folder)
        stages: Stages = {}
        try:
            stages["create"] = timed(["vagrant", "up", "--provider=libvirt", "--no-provision", "--no-parallel"], folder)
            stages["configure"] = sum(timed(configure(lab, folder, box.name), folder) for box in lab.boxes)
            ping = "ping -c 1 -W 30 -I vxlan0 " + str(lab.overlays[0].vteps[1].address.ip)
            stages["verify"] = timed(["vagrant", "ssh", lab.boxes[0].name, "-c", ping], folder)
        finally:
            run(["vagrant", "destroy", "--force"], folder)
    return stages


def timed(argv: list[str], folder: Path) -> float:
    """Seconds that a program took."""
    started = time.monotonic()
    run(argv, folder)
    return time.monotonic() - started


def configure(lab: Lab, folder: Path, box: str) -> list[str]:
    """A playbook of one shell line a step, and the command that runs it."""
    interface = lab.box(box).interfaces[0]
    overlay, vtep = next(lab.vteps(box))
    steps = [
        f"ip addr add {interface.address} dev {interface.name}",
        f"ip link set {interface.name} up",
        f"ip link add vxlan0 type vxlan id {overlay.vni} group {overlay.group} ttl {overlay.ttl} "
        f"dstport {overlay.port} dev {interface.name}",
        f"ip addr add {vtep.address} dev vxlan0",
        "ip link set vxlan0 up",
    ]
    tasks = [{"name": step.split(" dev")[0], "ansible.builtin.shell": step} for step in steps]
    (folder / f"{box}.yml").write_text(json.dumps([{"hosts": "all", "become": True, "tasks": tasks}]))
    config = folder / f"{box}.ssh"
    config.write_text(run(["vagrant", "ssh-config", box], folder))
    return ["ansible-playbook", "-i", f"{box},", f"--ssh-common-args=-F {config}", f"{box}.yml"]


if __name__ == "__main__":
    main()
