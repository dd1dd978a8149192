"""The rules for virtual machines: what they are made from is the same bytes tomorrow, or the file does not say it."""

from __future__ import annotations

from msgspec import UNSET

from orchestrator.labfile.facts import Facts
from orchestrator.labfile.problem import printable
from orchestrator.labfile.tree import FAULTY, Document
from orchestrator.model import Machine

PLACE = ("machine",)


def check(document: Document, facts: Facts) -> None:
    """Reports an image without a version, and a url or sha256 without the other."""
    machine = facts.written.machine
    if machine is UNSET or machine is FAULTY:
        return
    if machine.version is UNSET and machine.image is not FAULTY and machine.image != Machine().image:
        hint = "say which, `version:`, so that it is the same one tomorrow"
        document.at((*PLACE, "image"), f"{printable(machine.image)} has no version", hint)
    if machine.sha256 is UNSET and machine.url is not UNSET:
        hint = "say what the file's bytes hash to, as sha256sum FILE prints it"
        document.at((*PLACE, "url"), "url needs sha256", hint, key=True)
    if machine.url is UNSET and machine.sha256 is not UNSET:
        hint = "say where the file is, `url:`, or remove it; a box of a registry has its hash there"
        document.at((*PLACE, "sha256"), "sha256 needs url", hint, key=True)
