"""What Vagrant printed → what labctl says. A recording, a test; its head has the answer.

`recorded/made_*.txt` are made from Vagrant's own message templates, because the failure cannot be produced at will; all
others are what a real Vagrant printed. `GOLDEN=write` writes the answers anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.errors import Exit
from orchestrator.providers.vagrant.failures import KNOWN, Failure, explain
from tests.vagrant.recordings import FAILED, head, lines, path

VERSIONS = {"kernel": "6.12.1", "virtualbox": "7.2.4"}
"""Of a host whose KVM and VirtualBox cannot be used together."""


def told(failure: Failure) -> list[str]:
    """The answer as a recording's head has it."""
    cause = failure.cause.replace("\n", "\\n")
    retry = "yes" if failure.retry else "no"
    return [f"# failure: {failure.name or '-'}", f"# cause: {cause}", f"# hint: {failure.hint}", f"# retry: {retry}"]


@pytest.mark.parametrize("name", FAILED)
def test_recording(name: str) -> None:
    failure = explain("up", "boxA", lines(name), "/tmp/log", versions=VERSIONS)
    if os.environ.get("GOLDEN") == "write":
        _write(path(name), told(failure))
    assert head(name) == told(failure)


def _write(file: Path, answer: list[str]) -> None:
    old = tuple(line.partition(": ")[0] for line in answer)
    kept = [line for line in file.read_text().splitlines() if not line.startswith(old)]
    file.write_text("\n".join([*kept[:2], *answer, *kept[2:]]) + "\n")


def test_every_row_of_the_table_has_a_recording() -> None:
    shown = {head(name)[0].removeprefix("# failure: ") for name in FAILED}
    assert {known.name for known in KNOWN} - shown == set()


def test_the_names_of_the_table_are_distinct() -> None:
    names = [known.name for known in KNOWN]
    assert len(names) == len(set(names))


def test_an_error_says_where_why_and_what_mends_it() -> None:
    error = explain("up", "boxA", lines("libvirt_not_running"), "/tmp/log").error()
    assert str(error) == "boxA, up: libvirt's daemon does not run"
    assert error.hint.startswith("sudo systemctl start libvirtd")
    assert error.hint.endswith("all that was said: /tmp/log")
    assert error.code == Exit.HOST


def test_what_is_not_known_is_told_as_it_is() -> None:
    failure = explain("up", "boxA", lines("made_unknown"), "/tmp/log")
    assert failure.name == ""
    assert failure.cause.startswith("The guest operating system of the machine could not be detected!\n")
    assert failure.error().hint == "all that was said: /tmp/log"


def test_of_several_boxes_each_gets_its_own() -> None:
    recorded = lines("batch_two_boxes")
    assert explain("up", "boxA", recorded).cause == "Vagrant exited after cleanup due to external interrupt."
    assert explain("up", "boxB", recorded).name == "box_registry"
    assert explain("up", "", recorded).name == "box_registry"


def test_the_holder_of_a_lock_is_shown() -> None:
    failure = explain("halt", "boxA", lines("machine_action_locked"), holder=30799)
    assert failure.cause == "another Vagrant works on this machine: process 30799"
    assert "30799" in failure.hint
    assert failure.retry


@pytest.mark.parametrize(
    ("virtualbox", "kernel", "advice"),
    [
        ("7.2.4", "6.12.1", "VirtualBox 7.2.10 or later; or, until the next boot"),
        ("7.2.4_Ubuntur1", "6.14.0-12-generic", "kvm.enable_virt_at_load=0"),
        ("7.2.10", "6.12.1", "end what uses KVM"),
        ("7.3.0", "7.2.13", "end what uses KVM"),
        ("7.0.20", "6.1.0-30-amd64", "end what uses KVM"),
        ("", "6.12.1", "kvm.enable_virt_at_load=0"),
    ],
)
def test_advice_about_kvm_depends_on_both_versions(virtualbox: str, kernel: str, advice: str) -> None:
    versions = {"virtualbox": virtualbox, "kernel": kernel}
    for name in ("made_kvm_clash_amd", "made_kvm_clash_intel"):
        assert advice in explain("up", "boxA", lines(name), versions=versions).hint


def test_no_advice_that_breaks_a_new_virtualbox() -> None:
    versions = {"virtualbox": "7.2.22_Debianr175245", "kernel": "7.2.13"}
    assert "enable_virt_at_load=0" not in explain("up", "boxA", lines("made_kvm_clash_amd"), versions=versions).hint
    hint = explain("up", "boxA", lines("made_kvm_off_at_load"), versions=versions).hint
    assert hint.startswith("boot without kvm.enable_virt_at_load=0")


def test_a_name_that_was_said_is_quoted_in_a_command() -> None:
    said = "A VirtualBox machine with the name 'a; rm -rf ~' already exists."
    failure = explain("up", "boxA", [f"1,,error-exit,Vagrant::Errors::VMNameExists,{said}"])
    assert "VBoxManage unregistervm 'a; rm -rf ~' --delete" in failure.hint


def test_nothing_said_at_all() -> None:
    assert explain("up", "boxA", []).cause == "Vagrant failed, and did not say why"
    assert explain("up", "boxA", ["Killed"]).cause == "Killed"


def test_a_virtualbox_that_is_just_starting_is_asked_again() -> None:
    failure = explain("up", "boxA", ["VBoxManage: error: Failed to create the VirtualBox object!"])
    assert (failure.name, failure.retry) == ("object_not_found", True)
