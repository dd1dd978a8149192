"""Running labs for the tests of traces, and the trace of one."""

from __future__ import annotations

from orchestrator.connections import Connection
from orchestrator.engine import tracing
from orchestrator.model import Lab
from orchestrator.trace.model import Event, Trace
from tests.verify.conftest import Running, running

__all__ = ["Running", "running"]


def follow(lab: Lab, connection: Connection, source: str = "boxA", target: str = "boxB", **more: object) -> Trace:
    """A trace in a lab that is not committed, and has no name that labctl knows."""
    options = {"emit": lambda event: None, "deadline": 5.0, **more}
    return tracing.conduct(lab, "netns", connection, source, target, **options)[0]  # type: ignore[arg-type]


def carried(trace: Trace) -> list[Event]:
    """The events of the overlay, in order."""
    return [event for event in trace.events if event.network == trace.overlay]


def fates(event: Event) -> dict[str, str]:
    """Box → how far the frame came there."""
    return {arrival.box: arrival.fate for arrival in event.arrivals}


def must(connection: Connection, box: str, *commands: str) -> None:
    """Runs commands in a box, each of which has to succeed."""
    for command in commands:
        result = connection.run(box, command.split())
        assert result.returncode == 0, f"{command}: {result.stderr}"
