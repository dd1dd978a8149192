"""How fast labctl is: whole processes, medians, and ratios against a hand-written script measured in the same run.

    .venv/bin/python benchmarks/run.py [--boxes 3,10,50,200] [--runs N] [--json]

(a) a script of `ip -batch` that makes the same boxes with the same VXLAN and pings once; (b) `labctl up --no-verify`,
and its `down`; (c) `labctl up` with every check; and, as root where it is installed, mininet: as many hosts on one
switch, one ping, teardown, in a network namespace of its own. Nothing here touches the host's network.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
LABCTL = [sys.executable, "-I", str(Path(sys.executable).with_name("labctl"))]
NAME = f"bench{os.getpid()}"


def lab_file(boxes: int) -> str:
    """A lab file like lab10's, with any number of boxes up to 65,000."""
    members = [
        (f"box{n}", f"172.20.{n // 250}.{n % 250 + 1}", f"172.21.{n // 250}.{n % 250 + 1}") for n in range(boxes)
    ]
    return json.dumps(  # JSON is YAML
        {
            "name": "bench",
            "title": f"{boxes} boxes on one group",
            "networks": {"underlay": {"subnet": "172.20.0.0/16"}},
            "boxes": {box: {"addresses": {"underlay": outer}} for box, outer, _ in members},
            "overlays": {
                "vxlan0": {
                    "kind": "vxlan",
                    "vni": 100,
                    "group": "239.255.0.1",
                    "ttl": 5,
                    "subnet": "172.21.0.0/16",
                    "members": {box: {"address": inner} for box, _, inner in members},
                }
            },
        },
        indent=1,
    )


def by_hand(boxes: int) -> str:
    """The shell script that a person who knows `ip -batch` would write for the same lab."""
    names = [f"box{n}" for n in range(boxes)]
    switch = [f"netns add {name}" for name in names] + ["link add sw0 up type bridge mcast_snooping 0"]
    switch += [f"link add p{n} master sw0 up type veth peer name enp0s8 netns {name}" for n, name in enumerate(names)]
    lines = ["set -e", "mount -t tmpfs none /run", "ip -batch - <<E", *switch, "E"]
    for n, name in enumerate(names):
        host = f"{n // 250}.{n % 250 + 1}/16"
        lines += [
            f"ip -n {name} -batch - <<E", "link set lo up", f"addr add 172.20.{host} dev enp0s8", "link set enp0s8 up",
            "link add vxlan0 type vxlan id 100 group 239.255.0.1 ttl 5 dstport 4789 dev enp0s8",
            f"addr add 172.21.{host} dev vxlan0", "link set vxlan0 up", "E",
        ]  # fmt: skip
    return "\n".join([*lines, "ip netns exec box0 ping -q -c1 -w9 -i0.01 172.21.0.2 >/dev/null", ""])


def timed(argv: list[str], **options: object) -> float:
    """Seconds that a whole process takes; it must succeed."""
    began = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds


class Subjects:
    """What is measured, for one number of boxes."""

    def __init__(self, boxes: int, folder: Path) -> None:
        self.boxes = boxes
        self.lab, self.script = folder / "lab.yml", folder / "by-hand.sh"
        self.lab.write_text(lab_file(boxes))
        self.script.write_text(by_hand(boxes))

    def hand(self) -> float:
        """(a)"""
        unshare = [
            "unshare",
            "--user",
            "--map-root-user",
            "--net",
            "--mount",
            "--uts",
            "--pid",
            "--fork",
            "--kill-child",
        ]
        return timed([*unshare, "sh", str(self.script)])

    def up(self) -> float:
        """(b)"""
        return timed([*LABCTL, "up", str(self.lab), "--name", NAME, "--no-verify"])

    def up_proven(self) -> float:
        """(c)"""
        return timed([*LABCTL, "up", str(self.lab), "--name", NAME])

    def down(self) -> float:
        """The end of (b) and (c)."""
        return timed([*LABCTL, "down", NAME])

    def mininet(self) -> float:
        """As many hosts on one Linux bridge, one ping, teardown; no overlay."""
        return timed(["unshare", "--net", "/usr/bin/python3", str(HERE / "peer_mininet.py"), str(self.boxes)])


def measure(boxes: int, runs: int) -> dict[str, float]:
    """Medians in seconds, each subject in turn in each round, so that a slow moment of the machine hits all alike."""
    with tempfile.TemporaryDirectory() as name:
        subjects = Subjects(boxes, Path(name))
        rounds: dict[str, list[float]] = {}
        plan: list[tuple[str, Callable[[], float]]] = [
            ("by hand", subjects.hand),
            ("up --no-verify", subjects.up),
            ("down", subjects.down),
            ("up, proven", subjects.up_proven),
            ("", subjects.down),
        ]
        if os.geteuid() == 0 and Path("/usr/lib/python3/dist-packages/mininet").exists() and shutil.which("brctl"):
            plan.append(("mininet", subjects.mininet))
        for number in range(runs + 1):
            for label, subject in plan:
                seconds = subject()
                if number and label:  # the first round warms the caches
                    rounds.setdefault(label, []).append(seconds)
                time.sleep(
                    0.2 + boxes / 50
                )  # the kernel goes on freeing namespaces, and whoever comes next waits for it
        return {label: statistics.median(values) for label, values in rounds.items()}


def main() -> None:
    """Prints the table, and the growth per box."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", default="3,10,50,200")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = [int(size) for size in options.boxes.split(",")]
    results = {size: measure(size, options.runs) for size in sizes}
    if options.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{platform.machine()}, {os.cpu_count()} processors, Linux {platform.release()}; medians of {options.runs}\n")
    labels = list(results[sizes[0]])
    print("boxes".ljust(8) + "".join(label.rjust(20) for label in labels))
    for size, row in results.items():
        cells = [f"{row[label] * 1000:.0f} ms {row[label] / row['by hand']:6.2f}" for label in labels]
        print(str(size).ljust(8) + "".join(cell.rjust(20) for cell in cells))
    for low, high in ((10, 200), (10, 50), (50, 200)):
        if low in results and high in results:
            growth = {label: (results[high][label] - results[low][label]) / (high - low) for label in labels}
            cells = [f"{growth[label] * 1000:.2f} ms {growth[label] / growth['by hand']:6.2f}" for label in labels]
            print(f"{low} to {high}".ljust(8) + "".join(cell.rjust(20) for cell in cells) + "  a box")


if __name__ == "__main__":
    main()
