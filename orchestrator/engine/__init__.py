"""The verbs. Events go out while they work, results come back; nothing is printed here."""

from orchestrator.engine.instances import Status, down, running, status, verify
from orchestrator.engine.making import DryRun, Up, dry_run, up
from orchestrator.engine.proof import Options

__all__ = ["DryRun", "Options", "Status", "Up", "down", "dry_run", "running", "status", "up", "verify"]
