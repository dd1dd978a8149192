"""The grammar of the command line. Every option is an environment variable too: LABCTL_ and the option's name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from orchestrator import __version__
from orchestrator.errors import Exit

_EPILOG = """\
exit status: 0 good; 1 a check failed; 2 usage or lab file; 3 the host cannot do it; 4 a step failed;
5 a check could not run, or none ran; 70 a bug of labctl's; 130 interrupted. `exec` and `ssh` return the
command's own, and 125 where labctl itself failed. Every option is also an environment variable:
--provider is LABCTL_PROVIDER, --json is LABCTL_JSON=1."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong on one line, and where help is."""

    def error(self, message: str) -> NoReturn:
        self.exit(
            self.get_default("failure") or Exit.USAGE, f"{self.prog}: {message}\n  {self.prog} --help tells more\n"
        )


def build(arguments: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser, of the one command that `arguments` name, or of all where they name none: help and completion.

    What it parses has `run` (see `_VERBS`), and `failure` where all failures have one exit status.
    """
    named = next((word for word in arguments or () if not word.startswith("-")), None)
    parser = _Parser(
        prog="labctl",
        description="Reproducible multi-box labs for overlay networks.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"labctl {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every command that is run")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=_Parser, prog="labctl"
    )

    heads = {name.split()[0] for name in _VERBS}
    groups: dict[str, Any] = {}
    for name, (run, words, options) in _VERBS.items():
        head, _, tail = name.partition(" ")
        if named is not None and named.split()[0] in heads and head != named.split()[0]:
            continue
        if tail and head not in groups:
            group = commands.add_parser(head, help=_GROUPS[head], description=_sentence(_GROUPS[head]))
            groups[head] = group.add_subparsers(
                title="commands", metavar="COMMAND", required=True, parser_class=_Parser
            )
        adder = groups[head] if tail else commands
        sub: _Parser = adder.add_parser(tail or head, help=words, description=_sentence(words))
        sub.set_defaults(run=run, failure=Exit.COMMAND if name in ("ssh", "exec") else 0)
        sub.add_argument("-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        for option in options.split():
            _OPTIONS[option](sub)
        if named is not None:
            _from_environment(sub)
    return parser


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers a shell that asks for completions, and ends there."""
    import argcomplete

    argcomplete.autocomplete(parser)


_VERBS = {
    "list": ("list_labs", "list the labs that come with labctl, and what of them is up", "json"),
    "show": ("show", "show one lab with its picture", "lab json"),
    "validate": ("validate", "check a lab file, and tell every problem at once", "file json"),
    "up": (
        "living.up",
        "make a lab, configure it and prove that it works",
        "lab as-name provider converge bare dry-run no-verify on-failure boot-timeout workers trust deadline json",
    ),
    "halt": ("living.halt", "turn a lab's boxes off; start turns them on again", "name json"),
    "start": (
        "living.start",
        "turn a lab's boxes on again, and prove that all is there",
        "name no-verify boot-timeout workers trust deadline json",
    ),
    "status": ("status", "show every lab of this user, or one", "json any-name"),
    "verify": ("verify", "check a lab that is up", "name trust deadline json junit html"),
    "ssh": ("ssh", "open a shell in a box, as its root", "name box"),
    "exec": ("execute", "run a command in a box, as its root", "name box command"),
    "explain": ("explain", "show the commands by hand, and why each argument is there", "lab any-box json"),
    "graph": ("graph", "draw a lab: a tree on the terminal, or SVG", "lab svg"),
    "render": (
        "rendering.render_lab",
        "write a lab as a directory that works alone, with Vagrant and without labctl",
        "lab render-to as-name render-check json",
    ),
    "break": (
        "breaking.break_lab",
        "break something in a lab on purpose; up mends it",
        "name fault fault-box random seed reveal json",
    ),
    "diagnose": ("diagnosing.diagnose", "tell the most likely cause of what fails in a lab", "name deadline json"),
    "guide": (
        "guiding.guide",
        "walk through a lab step by step; what its commands print is compared",
        "guided as-name check restart guide-trust json",
    ),
    "hint": ("hinting.show", "help with what fails in a lab, a little more each time", "name deadline json"),
    "trace": (
        "tracing.trace",
        "ping from one box to another, and show what every box saw of it",
        "name source target overlay pings keep trace-deadline pcap trace-html json",
    ),
    "capture": (
        "tracing.capture",
        "capture at a device of a box: to a file, to a pipe, or decoded",
        "name box device to frames for decode hex json",
    ),
    "doctor": ("doctor", "show what this host can run, what is missing and what mends it", "json"),
    "schema": ("schema", "print the JSON Schema of the lab file", ""),
    "down": ("living.down", "remove a lab; nothing is left", "any-name all orphans json"),
    "box build": (
        "boxes.build",
        "build a small Debian box from Debian's packages, and give it to Vagrant",
        "box-provider mirror snapshot lock shelf again json",
    ),
    "box list": ("boxes.list_boxes", "list labctl's own boxes, and which of them Vagrant has", "shelf json"),
    "box import": (
        "boxes.import_boxes",
        "take boxes that were built elsewhere, and check them",
        "box-files shelf json",
    ),
    "box verify": ("boxes.verify", "hold boxes and manifests to the hashes in their catalogue", "shelf json"),
    "box lock": ("boxes.lock", "choose the packages of the box anew", "mirror snapshot lock json"),
    "completion": ("completion", "print the completion script for a shell", "shell"),
}
"""Each command's function, in `verbs` or the module before its dot; what it does; its arguments, in order."""

_GROUPS = {"box": "a small box of labctl's own, for VirtualBox and libvirt"}
"""What commands of two words have in common, by their first."""


def _add(*names: str, complete: str = "", **keywords: Any) -> Callable[[_Parser], None]:
    """Adds an argument; `complete` names what a shell may offer for it, see verbs.offers."""

    def add(parser: _Parser) -> None:
        action = parser.add_argument(*names, **keywords)
        if complete:
            action.completer = lambda prefix, parsed_args, **_: _offers(complete, parsed_args)  # type: ignore[attr-defined]

    return add


def _offers(kind: str, options: argparse.Namespace) -> list[str]:
    from orchestrator.cli import verbs

    return verbs.offers(kind, options)


def _flag(option: str, words: str) -> Callable[[_Parser], None]:
    return _add(f"--{option}", action="store_true", help=words)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0, 3600 at most")
    return value


def _number(most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {most}")
        return int(text)

    return number


def _one_of(*words: str) -> Callable[[str], str]:
    def word(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(words)}")
        return text

    return word


_UP_NAME = "the name of a lab that is up"
_OPTIONS: dict[str, Callable[[_Parser], None]] = {
    "lab": _add("lab", metavar="LAB", help="a lab's name, or a path to a lab file", complete="labs"),
    "guided": _add("lab", metavar="LAB", help="a lab with a guide.md: its name, or a path", complete="labs"),
    "check": _flag("check", "run every command without asking, from the beginning, and stop where one differs"),
    "restart": _flag("restart", "from the beginning, with the lab made anew"),
    "file": _add("lab", metavar="FILE", help="a lab file"),
    "name": _add("name", metavar="LAB", help=_UP_NAME, complete="names"),
    "any-name": _add("name", nargs="?", metavar="LAB", help=_UP_NAME, complete="names"),
    "box": _add("box", metavar="BOX", help="the name of a box", complete="boxes"),
    "any-box": _add("box", nargs="?", metavar="BOX", help="only this box", complete="boxes"),
    "command": _add("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …", help="what to run"),
    "fault": _add("fault", nargs="?", metavar="FAULT", help="what; without it, all there is", complete="faults"),
    "fault-box": _add("--box", metavar="BOX", help="where; without it, the first that can", complete="boxes"),
    "random": _flag("random", "choose a fault and a box, and do not tell"),
    "seed": _add("--seed", type=int, metavar="N", help="for --random: the same choice for the same number"),
    "reveal": _flag("reveal", "tell what was broken"),
    "source": _add("source", metavar="A", help="the box that pings", complete="boxes"),
    "target": _add("target", metavar="B", help="the box that is pinged", complete="boxes"),
    "overlay": _add("--overlay", metavar="NAME", help="which overlay; without it, the first that both boxes are on"),
    "pings": _add("--count", type=_number(10), default=1, metavar="N", help="pings, one after the other (1)"),
    "keep": _flag("keep", "do not empty first what the boxes have learned"),
    "trace-deadline": _add(
        "--deadline", type=_seconds, default=2.0, metavar="SECONDS", help="how long a ping may wait for its answer (2)"
    ),
    "pcap": _add("--pcap", metavar="FILE", help="write all that was captured there as pcapng, for Wireshark"),
    "trace-html": _add("--html", metavar="FILE", help="write the conversation as one page of HTML, too"),
    "device": _add("-i", "--device", metavar="DEV", help="where; without it, the box's first underlay adapter"),
    "to": _add("--to", metavar="FILE", help="write pcap there; without it, to stdout, if that is no terminal"),
    "render-to": _add("--to", metavar="DIR", help="the directory: a new one, an empty one, or one rendered before"),
    "render-check": _flag("check", "write nothing; name each file that differs, and exit with 1 if one does"),
    "frames": _add("--count", type=_number(100_000), default=10_000, metavar="N", help="frames at most (10000)"),
    "for": _add("--seconds", type=_seconds, default=60.0, metavar="S", help="how long at most (60)"),
    "decode": _flag("decode", "print a line for each frame, as on a terminal"),
    "hex": _flag("hex", "as --decode, with each frame's bytes in hexadecimal and ASCII"),
    "shell": _add("shell", choices=("bash", "zsh", "fish")),
    "json": _flag("json", "print JSON"),
    "dry-run": _flag("dry-run", "print the commands that would be run, and touch nothing"),
    "bare": _flag("bare", "leave the overlay to the learner: boxes and underlay alone"),
    "no-verify": _flag("no-verify", "do not check the lab"),
    "trust": _flag("trust", "also run the test_*.py beside the lab file: somebody's Python, on your host"),
    "guide-trust": _flag("trust", "also where the guide is not labctl's own: its commands run as root in the boxes"),
    "all": _flag("all", "every lab of this user"),
    "orphans": _flag("orphans", "the virtual machines that a killed labctl has left; doctor shows them"),
    "as-name": _add("--name", metavar="NAME", help="call this copy so; copies do not know of each other"),
    "provider": _add(
        "--provider", default="auto", metavar="NAME", help="auto, netns, virtualbox or libvirt", complete="providers"
    ),
    "converge": _add(
        "--converge",
        type=_one_of("auto", "direct", "ansible"),
        default="auto",
        metavar="HOW",
        help="how boxes are configured: direct, ansible, or auto: what suits the provider",
    ),
    "boot-timeout": _add(
        "--boot-timeout", type=_number(100_000), metavar="SECONDS", help="how long a virtual machine may take to boot"
    ),
    "workers": _add("--workers", type=_number(64), metavar="N", help="virtual machines that are made at once (2)"),
    "on-failure": _add(
        "--on-failure",
        type=_one_of("destroy", "keep"),
        default="destroy",
        metavar="HOW",
        help="what becomes of a virtual machine that could not be finished: destroy (the default) or keep",
    ),
    "box-provider": _add(
        "--provider", dest="providers", default="all", choices=("virtualbox", "libvirt", "all"), help="for which (all)"
    ),
    "mirror": _add("--mirror", metavar="URL", help="a Debian mirror; without it, the one of this machine's APT"),
    "snapshot": _add(
        "--snapshot",
        metavar="DATE",
        help="the mirror is a snapshot archive: its folder of this date (20260801T000000Z)",
    ),
    "lock": _add("--lock", metavar="FILE", help="the lock file; without it, labctl's own"),
    "shelf": _add(
        "--to", dest="shelf", metavar="DIR", help="the folder of boxes, such as a USB stick; not for Vagrant"
    ),
    "again": _flag("again", "build even what is there already of the same lock"),
    "box-files": _add("files", nargs="+", metavar="FILE", help="a box; the catalogue is beside it"),
    "junit": _add("--junit", metavar="FILE", help="write the results as JUnit XML, too"),
    "html": _add("--html", metavar="FILE", help="write the results as one page of HTML, too"),
    "svg": _add("--svg", metavar="FILE", help="write an SVG picture there; - is stdout"),
    "deadline": _add(
        "--deadline",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long a check may try before it has failed (10)",
    ),
}


def _from_environment(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        value = os.environ.get("LABCTL_" + action.dest.upper()) if action.option_strings else None
        if value is None or action.dest in ("help", "all", "orphans"):  # nobody takes down everything by a variable
            continue
        flag = isinstance(action, argparse._StoreTrueAction)
        if flag and value.lower() not in ("0", "1", "false", "true", "no", "yes", ""):
            parser.error(f"LABCTL_{action.dest.upper()} is {value!r}; it takes 1 or 0")
        parser.set_defaults(**{action.dest: value.lower() in ("1", "true", "yes") if flag else value})
