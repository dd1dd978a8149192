"""`python -m orchestrator.cli`."""

from orchestrator.cli import run

run()
