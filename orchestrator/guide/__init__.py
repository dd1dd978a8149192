"""Guides: a lab's guide.md, read as text, commands with the output that they must have, and exercises. Pure."""

from orchestrator.guide.compare import Difference, difference
from orchestrator.guide.model import Command, Exercise, Guide, Prose, Step
from orchestrator.guide.source import read

__all__ = ["Command", "Difference", "Exercise", "Guide", "Prose", "Step", "difference", "read"]
