"""Vagrant's machine-readable lines, as values."""

from __future__ import annotations

import pytest

from orchestrator.providers.vagrant import output
from orchestrator.providers.vagrant.output import STRAY, Event
from tests.vagrant.recordings import NAMES, lines, status


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("12,boxA,state,running", Event(12, "boxA", "state", ("running",))),
        ("12,,ui,info,a%!(VAGRANT_COMMA) b\\nc\\rd", Event(12, "", "ui", ("info", "a, b\nc\rd"))),
        ("12,boxA,action,up,start\r\n", Event(12, "boxA", "action", ("up", "start"))),
        ("12,,metadata", Event(12, "", "metadata", ())),
        ("12,,ui,info,", Event(12, "", "ui", ("info", ""))),
        ("/usr/lib/x.rb:7:in `create': no", Event(0, "", STRAY, ("/usr/lib/x.rb:7:in `create': no",))),
        ("12,boxA", Event(0, "", STRAY, ("12,boxA",))),
        ("1,2,3,4", Event(0, "", STRAY, ("1,2,3,4",))),
        ("\x1b[0m", Event(0, "", STRAY, ("\x1b[0m",))),
    ],
)  # fmt: skip
def test_event(line: str, event: Event) -> None:
    assert output.event(line) == event


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_recording_is_lost(name: str) -> None:
    recorded = lines(name)
    assert len(list(output.events(recorded))) == len(recorded)
    assert [line for line in recorded if line in output.stray(recorded)] == output.stray(recorded)
    said = [text for text in recorded if ",error-exit," in text]
    assert len(output.errors(recorded)) == len(said)


def test_states() -> None:
    assert output.states(lines("libvirt_status_not_created")) == {"boxA": "not_created", "boxB": "not_created"}
    assert output.states(lines("libvirt_status_shutoff")) == {"boxA": "shutoff", "boxB": "not_created"}
    assert output.states(["a warning of Ruby's", "1,boxA,state,running", ""]) == {"boxA": "running"}


def test_errors() -> None:
    (error,) = output.errors(lines("machine_action_locked"))
    assert error.kind == "MachineActionLockedError"
    assert error.message.startswith("An action 'halt' was attempted on the machine 'boxA',\nbut another process")


def test_progress_of_a_box() -> None:
    words = [words for line in lines("libvirt_kvm_up") if (words := output.progress(line))]
    assert words == [
        "uploading the box into libvirt's storage", "making the disk", "making the machine", "booting",
        "removing the machine",
    ]  # fmt: skip


def test_progress_of_a_box_that_is_added() -> None:
    assert status("box_add") == 0
    words = [words for line in lines("box_add") if (words := output.progress(line))]
    assert words == [
        "reading the box's catalogue", "adding the box to Vagrant", "unpacking the box", "comparing the box's checksum",
        "the box is added",
    ]  # fmt: skip


def test_progress_on_virtualbox() -> None:
    assert status("virtualbox_up") == 0
    words = [words for line in lines("virtualbox_up") if (words := output.progress(line))]
    assert words == [
        "making the master of linked clones", "importing the box", "cloning the master", "setting the MAC of NAT",
        "naming the machine", "preparing adapters", "forwarding ports", "setting up the machine", "booting",
        "waiting for SSH", "giving it a key of its own", "giving it a key of its own", "up", "setting the host name",
    ]  # fmt: skip


def test_what_is_said_has_no_prefix() -> None:
    said = output.said(output.event("12,boxA,ui,detail,    boxA: \\n    boxA: Vagrant insecure key detected."))
    assert said == output.Said("boxA", "detail", "Vagrant insecure key detected.")


def test_no_news() -> None:
    assert output.progress("12,boxA,action,up,start") is None
    assert output.progress("12,boxA,ui,info,==> boxA:  -- Cpus:              1") is None
    assert output.progress("Booting VM...") is None
