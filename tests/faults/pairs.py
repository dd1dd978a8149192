"""How well `diagnose` does with two faults at once, in two boxes of lab10: `make pairs`.

The pairs are drawn by a seed. Its first answer is right if it is the cause of either; the second figure counts the
pairs of which it found both.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from orchestrator import faults, labfile
from orchestrator.faults import FAULTS, Fault, Site
from tests.conftest import CHECKOUT, Caller
from tests.faults import matrix

Struck = list[tuple[Fault, Site]]


def draw(seed: int, count: int) -> list[Struck]:
    """Pairs of different faults in different boxes."""
    lab, random = labfile.load(matrix.LABS["lab10"]), Random(seed)
    every = [(fault, site) for fault in FAULTS.values() for site in faults.places(lab, "netns", fault)]
    pairs: list[Struck] = []
    while len(pairs) < count:
        one, other = random.sample(every, 2)
        if one[0] is not other[0] and one[1].vtep.box != other[1].vtep.box:
            pairs.append([one, other])
    return pairs


def main() -> None:
    """Prints each pair that was not told right, and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    options = parser.parse_args()
    first = both = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(matrix.AT_ONCE) as pool:
        caller = Caller(os.getuid(), os.getgid(), Path(folder), CHECKOUT, (CHECKOUT,), sys.executable)
        pairs = draw(options.seed, options.count)
        runs = [pool.submit(matrix.run, caller, "lab10", f"pair{n}", pair) for n, pair in enumerate(pairs)]
        for pair, run in zip(pairs, runs, strict=True):
            seen, causes = run.result(), [matrix.cause(*one) for one in pair]
            all_found = set(causes) <= set(seen.findings)
            good = bool(seen.findings) and seen.findings[0] in causes
            first, both = first + good, both + all_found
            if not (good and all_found) or seen.after:
                names = " and ".join(f"{fault.name} ({site.vtep.box})" for fault, site in pair)
                print(f"{'first wrong' if not good else 'one only'}: {names}: {list(seen.findings)}; up: {seen.after}")
    print(f"seed {options.seed}: first answer right in {first} of {len(pairs)}, both found in {both}")


if __name__ == "__main__":
    main()
