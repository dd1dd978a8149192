"""The command reference, from the parser of the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from docs.markdown import escaped
from orchestrator.cli import parser
from orchestrator.errors import Exit

_FORMAT = argparse.HelpFormatter("labctl", width=80)

_START = """\
# Commands

stdout is data, stderr is progress. `--json` has [documented shapes](json.md).

Every option but `--help`, `--version` and `down`'s `--all` and `--orphans` can be given as an environment variable,
too. A variable of an option without a value takes 1 or 0. What the command line says goes first.
"""


def page() -> str:
    """Markdown with a section for every command."""
    whole = parser.build()
    return "\n".join([_START, *_general(whole), *_exit_status(whole), *_sections(whole)])


def commands(whole: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, by the command's name, which may have two words."""
    found: dict[str, argparse.ArgumentParser] = {}
    for name, command in _choices(whole).items():
        found |= {f"{name} {each}": own for each, own in _choices(command).items()} or {name: command}
    return found


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def variable(action: argparse.Action) -> str:
    """The environment variable that stands for an option; "" where there is none."""
    if not action.option_strings or action.dest in ("help", "version", "all", "orphans"):
        return ""
    return f"LABCTL_{action.dest.upper()}"


def _general(whole: argparse.ArgumentParser) -> Iterator[str]:
    yield "## Options of every command\n"
    yield from _listed([each for each in whole._actions if each.option_strings])


def _exit_status(whole: argparse.ArgumentParser) -> Iterator[str]:
    told = " ".join((whole.epilog or "").split())
    words = dict(re.findall(r"(\d+) ([^;.]+)", told))
    yield "## Exit status\n\n| status | meaning |\n| --- | --- |"
    for status in Exit:
        yield f"| {status.value} | {escaped(words[str(status.value)].strip())} |"
    yield "\n`exec` and `ssh` return the status of the command that ran in the box.\n"


def _sections(whole: argparse.ArgumentParser) -> Iterator[str]:
    for name, command in commands(whole).items():
        yield f"## {name}\n\n{escaped(command.description or '')}\n"
        yield f"```text\n{_usage(command)}\n```\n"
        shown = [each for each in command._actions if each.help is not argparse.SUPPRESS and each.dest != "help"]
        yield from _listed(shown)
        if command.get_default("failure"):
            own = command.get_default("failure").value
            yield f"Exit status: that of the command in the box; {own} where labctl itself failed.\n"


def _usage(command: argparse.ArgumentParser) -> str:
    formatter = argparse.HelpFormatter(command.prog, width=80)
    formatter.add_usage(command.usage, command._actions, command._mutually_exclusive_groups, prefix="")
    return formatter.format_help().strip()


def _listed(actions: list[argparse.Action]) -> Iterator[str]:
    """A list of definitions, which a phone shows better than a table."""
    for action in actions:
        words = escaped((action.help or "") % vars(action))
        choices = "one of " + ", ".join(f"`{each}`" for each in action.choices) if action.choices else ""
        stands = f"variable: `{variable(action)}`" if variable(action) else ""
        yield f"`{_FORMAT._format_action_invocation(action)}`"
        yield f": {'; '.join(filter(None, (words, choices, stands)))}\n"
