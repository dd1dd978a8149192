"""Runs labctl and kills it at its N-th point: after each process it starts, each that has ended, and each step.

Usage: python -m tests.netns.killed N ARGUMENT…  Exits as labctl does where there is no N-th point.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator import cli, store
from orchestrator.console import Console
from orchestrator.providers.netns.holder import Holder


def main() -> int:
    left = int(sys.argv[1])
    owner = os.getpid()

    def point() -> None:
        nonlocal left
        if os.getpid() == owner:  # not in what labctl forked: that must end by itself
            left -= 1
            if left == 0:
                os.kill(owner, signal.SIGKILL)

    def then_point(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            result = function(*arguments, **options)
            point()
            return result

        return wrapped

    subprocess.Popen.__init__ = then_point(subprocess.Popen.__init__)  # type: ignore[method-assign]
    subprocess.Popen.communicate = then_point(subprocess.Popen.communicate)  # type: ignore[method-assign]
    os.fork = then_point(os.fork)
    Path.replace = then_point(Path.replace)  # type: ignore[method-assign]
    Holder.commit = then_point(Holder.commit)  # type: ignore[method-assign]
    Holder.end = then_point(Holder.end)  # type: ignore[method-assign]
    Console.event = then_point(Console.event)  # type: ignore[method-assign]
    store.forget = then_point(store.forget)
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
