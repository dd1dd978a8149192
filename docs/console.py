"""The colours of terminal sessions: prompts are `$`, `#`, and a box's name with `#`."""

from __future__ import annotations

from typing import ClassVar

from pygments.lexer import RegexLexer
from pygments.token import Generic, Text


class Console(RegexLexer):
    """What follows a prompt is a command, all other lines are output."""

    name = "Terminal session"
    aliases: ClassVar = ["console"]
    tokens: ClassVar = {
        "root": [(r"^([A-Za-z][\w-]*# |[$#] )", Generic.Prompt, "command"), (r".*\n", Generic.Output)],
        "command": [(r".*\n", Text, "#pop")],
    }
