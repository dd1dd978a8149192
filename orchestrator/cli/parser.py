"""The grammar of the command line. Every option is an environment variable too: LABCTL_ and the option's name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, NoReturn

from orchestrator import __version__
from orchestrator.cli import verbs
from orchestrator.errors import Exit

_EPILOG = """\
exit status: 0 good; 1 a check failed; 2 usage or lab file; 3 the host cannot do it; 4 a step failed;
5 a check could not run, or none ran; 70 a bug of labctl's; 130 interrupted. `exec` and `ssh` return the
command's own, and 125 where labctl itself failed. Every option is also an environment variable:
--provider is LABCTL_PROVIDER, --json is LABCTL_JSON=1."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong on one line, and where help is."""

    def error(self, message: str) -> NoReturn:
        self.exit(Exit.USAGE, f"{self.prog}: {message}\n  {self.prog} --help tells more\n")


def build() -> argparse.ArgumentParser:
    """The whole parser; a parsed command has `run`, and `failure` where its own failures have one exit status."""
    parser = _Parser(
        prog="labctl",
        description="Reproducible multi-box labs for overlay networks.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"labctl {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every command that is run")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    def verb(name: str, run: Callable[..., int], words: str, *options: str, failure: int = 0) -> _Parser:
        sub: _Parser = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        sub.set_defaults(run=run, failure=failure)
        sub.add_argument("-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        for option in options:
            _OPTIONS[option](sub)
        return sub

    verb("list", verbs.list_labs, "list the labs that come with labctl, and what of them is up", "json")
    _lab(verb("show", verbs.show, "show one lab with its picture", "json"))
    file = verb("validate", verbs.validate, "check a lab file, and tell every problem at once", "json")
    _complete(file.add_argument("lab", metavar="FILE", help="a lab file"), "files")
    _lab(verb("up", verbs.up, "make a lab, configure it and prove that it works", *_UP))
    verb("status", verbs.status, "show every lab of this user, or one", "json", "any-name")
    checks = verb("verify", verbs.verify, "check a lab that is up", "name", "trust", "deadline", "json")
    checks.add_argument("--junit", metavar="FILE", help="write the results as JUnit XML, too")
    shell = verb("ssh", verbs.ssh, "open a shell in a box", "name", "box", failure=Exit.COMMAND)
    shell.epilog = "In a box one is root. Nothing there can touch the host."
    run = verb("exec", verbs.execute, "run a command in a box", "name", "box", failure=Exit.COMMAND)
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …", help="what to run, as root")
    told = _lab(verb("explain", verbs.explain, "show the commands by hand, and why each argument is there", "json"))
    _complete(told.add_argument("box", nargs="?", metavar="BOX", help="only this box"), "boxes")
    picture = _lab(verb("graph", verbs.graph, "draw a lab: a tree on the terminal, or SVG"))
    picture.add_argument("--svg", metavar="FILE", help="write an SVG picture there; - is stdout")
    verb("doctor", verbs.doctor, "show what this host can run, what is missing and what mends it", "json")
    verb("schema", verbs.schema, "print the JSON Schema of the lab file")
    gone = verb("down", verbs.down, "remove a lab; nothing is left", "any-name", "json")
    gone.add_argument("--all", action="store_true", help="every lab of this user")
    words = verb("completion", verbs.completion, "print the completion script for a shell")
    words.add_argument("shell", choices=("bash", "zsh", "fish"))
    for sub in commands.choices.values():
        _from_environment(sub)
    return parser


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers a shell that asks for completions, and ends there; does nothing otherwise."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)


_UP = ("as-name", "provider", "dry-run", "no-verify", "trust", "deadline", "json")


def _lab(parser: _Parser) -> _Parser:
    words = "a lab's name, or a path to a lab file"
    _complete(parser.add_argument("lab", metavar="LAB", help=words), "labs")
    return parser


def _provider(parser: _Parser) -> None:
    parser.add_argument("--provider", default="auto", help="auto (the default) or netns", metavar="NAME")


def _flag(option: str, words: str) -> Callable[[_Parser], Any]:
    return lambda parser: parser.add_argument(f"--{option}", action="store_true", help=words)


def _deadline(parser: _Parser) -> None:
    words = "how long a check may try before it has failed (10)"
    parser.add_argument("--deadline", type=_seconds, default=10.0, metavar="SECONDS", help=words)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 0 to 3600")
    return value


def _name(parser: _Parser) -> None:
    _complete(parser.add_argument("name", metavar="LAB", help="the name of a lab that is up"), "names")


def _any_name(parser: _Parser) -> None:
    _complete(parser.add_argument("name", nargs="?", metavar="LAB", help="the name of a lab that is up"), "names")


def _as_name(parser: _Parser) -> None:
    parser.add_argument("--name", metavar="NAME", help="call this copy so; copies do not know of each other")


def _box(parser: _Parser) -> None:
    _complete(parser.add_argument("box", metavar="BOX", help="the name of a box"), "boxes")


_OPTIONS: dict[str, Callable[[_Parser], Any]] = {
    "json": _flag("json", "print JSON"),
    "dry-run": _flag("dry-run", "print the commands that would be run, and touch nothing"),
    "no-verify": _flag("no-verify", "do not check the lab"),
    "trust": _flag("trust", "also run the test_*.py beside the lab file: somebody's Python, on your host"),
    "provider": _provider,
    "deadline": _deadline,
    "name": _name,
    "any-name": _any_name,
    "as-name": _as_name,
    "box": _box,
}


def _complete(action: argparse.Action, kind: str) -> None:
    """Names what a shell may offer here; looked up by argcomplete alone, when a user presses the tab key."""

    def offers(prefix: str, parsed_args: argparse.Namespace, **_: object) -> list[str]:
        return verbs.offers(kind, parsed_args)

    if kind != "files":
        action.completer = offers  # type: ignore[attr-defined]


def _from_environment(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        value = os.environ.get("LABCTL_" + action.dest.upper()) if action.option_strings else None
        if value is None or action.dest == "help":
            continue
        flag = isinstance(action, argparse._StoreTrueAction)
        if flag and value.lower() not in ("0", "1", "false", "true", "no", "yes", ""):
            parser.error(f"LABCTL_{action.dest.upper()} is {value!r}; it takes 1 or 0")
        parser.set_defaults(**{action.dest: value.lower() in ("1", "true", "yes") if flag else value})
