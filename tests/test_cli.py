"""The command line as a person and a script meet it: exit status, streams, environment, completion."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.conftest import Caller

NAME = f"cli{os.getpid()}"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["up"], 2, "the following arguments are required: LAB"),
        (["upp", "lab10"], 2, "invalid choice: 'upp'"),
        (["up", "lab11"], 2, "lab10"),
        (["up", "lab9", "--provider", "cloud"], 2, "unknown provider 'cloud'"),
        (["up", "lab9", "--name", "../x"], 2, "is no name for a lab"),
        (["up", "lab9", "--deadline", "-1"], 2, "not a number of seconds"),
        (["verify", "../x"], 2, "is no name of a lab"),
        (["verify", "nothing"], 2, "nothing is not up"),
        (["status", "nothing"], 2, "nothing is not up"),
        (["down"], 2, "name one lab, or say --all"),
        (["down", "nothing"], 0, "nothing to do"),
        (["explain", "lab9", "boxZ"], 2, "has no box 'boxZ'"),
        (["validate", "/dev/zero"], 2, "a lab file is a regular file"),
        (["graph", "lab9", "--svg", "/nowhere/x.svg"], 2, "cannot write the picture"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_says_what_is_wrong(ordinary_user: Caller, arguments: list[str], status: int, words: str) -> None:
    answer = ordinary_user.labctl(*arguments)
    assert (answer.returncode, words in answer.stderr) == (status, True), answer.stderr
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("variables", "status", "words"),
    [
        ({"LABCTL_PROVIDER": "cloud"}, 2, "unknown provider 'cloud'"),
        ({"LABCTL_DRY_RUN": "1"}, 0, "ip link add"),
        ({"LABCTL_DRY_RUN": "maybe"}, 2, "LABCTL_DRY_RUN is 'maybe'"),
        ({"LABCTL_DRY_RUN": "1", "LABCTL_JSON": "yes"}, 0, '"steps"'),
        ({"LABCTL_DRY_RUN": "1", "LABCTL_DEADLINE": "soon"}, 2, "argument --deadline"),
        ({"LABCTL_DRY_RUN": "1", "LABCTL_NAME": "copy", "LABCTL_JSON": "1"}, 0, '"name": "copy"'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_options_are_environment_variables(
    ordinary_user: Caller, variables: dict[str, str], status: int, words: str
) -> None:
    answer = ordinary_user.labctl("up", "lab9", env=variables)
    assert answer.returncode == status, answer.stderr
    assert words in answer.stdout + answer.stderr


def test_a_reader_that_goes_is_no_error(ordinary_user: Caller) -> None:
    process = ordinary_user.popen("explain", "lab10", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("labctl dow", {"down"}),
        ("labctl up lab", {"lab9", "lab10"}),
        ("labctl explain lab10 box", {"boxA", "boxB", "boxC"}),
        (f"labctl ssh {NAME} box", {"boxA", "boxB"}),
        ("labctl down cl", {NAME}),
    ],
)
def test_completion_offers_what_there_is(ordinary_user: Caller, line: str, offered: set[str]) -> None:
    ordinary_user.labctl("up", "lab9", "--name", NAME, "--no-verify", check=True)
    variables = {
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(ordinary_user.home / "offers"), "IFS": "\v",
        "COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9",
    }  # fmt: skip
    ordinary_user.labctl(env=variables)
    text = ordinary_user.run(["cat", str(ordinary_user.home / "offers")]).stdout
    ordinary_user.labctl("down", NAME, check=True)
    assert {word.strip() for word in text.split("\v")} == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(ordinary_user: Caller, shell: str) -> None:
    assert "labctl" in ordinary_user.labctl("completion", shell, check=True).stdout


def test_an_older_kernel_s_way_to_read_only_protects_as_well(ordinary_user: Caller) -> None:
    """mount_setattr(2) came with Linux 5.12; without it each mount is remounted by itself."""
    code = (
        "import errno, sys; from orchestrator import cli; from orchestrator.providers.netns import kernel\n"
        "def missing(target): raise OSError(errno.ENOSYS, 'not implemented')\n"
        "kernel.read_only = missing; sys.exit(cli.main(sys.argv[1:]))"
    )
    ordinary_user.python("-c", code, "up", "lab9", "--name", NAME, "--no-verify", check=True)
    for place in ("/usr", "/etc", "/home", "/dev", ordinary_user.state):
        touch = ordinary_user.labctl("exec", NAME, "boxA", "--", "touch", f"{place}/labctl-test")
        assert touch.returncode == 1, place
    ordinary_user.labctl("down", NAME, check=True)


@pytest.mark.parametrize("stream", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_error(ordinary_user: Caller, stream: str) -> None:
    answer = ordinary_user.run(["sh", "-c", f'"$@" {stream}', "-", *ordinary_user.command("list")])
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_full_stdout_is_said(ordinary_user: Caller) -> None:
    answer = ordinary_user.run(["sh", "-c", '"$@" >/dev/full', "-", *ordinary_user.command("list")])
    assert (answer.returncode, answer.stderr) == (4, "labctl: cannot write to stdout: No space left on device\n")


def test_a_state_folder_that_cannot_be_is_said(ordinary_user: Caller) -> None:
    elsewhere = {"XDG_STATE_HOME": "/dev/null"}
    assert ordinary_user.labctl("status", env=elsewhere).returncode == 0
    answer = ordinary_user.labctl("up", "lab9", env=elsewhere)
    assert answer.returncode == 3
    assert "set XDG_STATE_HOME to a folder that can be written" in answer.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_a_command_in_a_box_goes_when_labctl_is_killed(ordinary_user: Caller, number: signal.Signals) -> None:
    ordinary_user.labctl("up", "lab9", "--name", NAME, "--no-verify", check=True)
    command = ("exec", NAME, "boxA", "--", "sh", "-c", "echo; exec sleep 98765")
    with ordinary_user.popen(*command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it runs
        process.send_signal(number)
        assert process.stdout.read() == ""  # end-of-file: nobody holds the pipe any more
    ordinary_user.labctl("down", NAME, check=True)


def test_a_relative_lab_file_is_kept_absolute(ordinary_user: Caller) -> None:
    """What is up belongs to one file, wherever the next command is given."""
    text = (ordinary_user.root / "labs" / "lab9" / "lab.yml").read_text()
    for name in ("one", "two"):
        ordinary_user.run(["mkdir", "-p", f"{ordinary_user.home}/{name}"]).check_returncode()
        ordinary_user.run(["tee", f"{ordinary_user.home}/{name}/my.yml"], input=text).check_returncode()
    up = ("up", "my.yml", "--name", NAME, "--no-verify")
    ordinary_user.labctl(*up, cwd=ordinary_user.home / "one", check=True)
    refused = ordinary_user.labctl(*up, cwd=ordinary_user.home / "two")
    assert (refused.returncode, "from another file" in refused.stderr) == (2, True)
    assert ordinary_user.labctl(*up, cwd=ordinary_user.home / "one").returncode == 0
    ordinary_user.labctl("down", NAME, check=True)
