"""The verbs. Events go out while they work, results come back; nothing is printed here."""

from orchestrator.engine.instances import Status, down, remove_orphans, running, status, verify
from orchestrator.engine.making import DryRun, Up, dry_run, up
from orchestrator.engine.power import halt, start
from orchestrator.engine.proof import Options

__all__ = [
    "DryRun", "Options", "Status", "Up",
    "down", "dry_run", "halt", "remove_orphans", "running", "start", "status", "up", "verify",
]  # fmt: skip
