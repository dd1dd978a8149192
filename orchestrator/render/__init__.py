"""A lab as a directory that works alone: `cd DIR && vagrant up`. The same bytes
on every machine and in every directory."""

from orchestrator.render.content import files
from orchestrator.render.folder import MARK, check, write
from orchestrator.render.names import copy, machine_name, network_name, prefix

__all__ = ["MARK", "check", "copy", "files", "machine_name", "network_name", "prefix", "write"]
