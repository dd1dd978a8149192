"""A lab's guide as a part of its page: exercises do not tell their fault, and solutions are folded."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token


def transformed(text: str, name: str) -> str:
    """The guide of the lab `name`, for Sphinx. The page has a title, so the guide's own becomes a section's.

    Fences are found as `labctl guide` finds them.
    """
    lines = text.splitlines()
    made: list[str] = []
    end = 0
    for fence in MarkdownIt().parse(text):
        if fence.type == "fence" and fence.level == 0 and fence.map:
            first, last = fence.map
            made += [*(_prose(line, name) for line in lines[end:first]), *(_special(fence, name) or lines[first:last])]
            end = last
    return "\n".join([*made, *(_prose(line, name) for line in lines[end:]), ""])


def _special(fence: Token, name: str) -> list[str]:
    """What an exercise or a solution becomes; nothing for other fences."""
    kind, *rest = fence.info.split() or [""]
    if kind == "exercise":
        around = fence.markup[0] * (len(fence.markup) + 1)  # the body may have fences of its own
        start = [f"{around}{{admonition}} Exercise", ":class: tip exercise", ""]
        return [*start, fence.content, f"`labctl guide {name}` sets it up.", around]
    if kind == "console" and "solution" in rest:
        start = ['<details class="solution">', "<summary>Solution</summary>", ""]
        return [*start, f"{fence.markup}console", fence.content.rstrip("\n"), fence.markup, "", "</details>"]
    return []


def _prose(line: str, name: str) -> str:
    """A line outside of fences: links to other guides and to docs/ lead to their pages."""
    if line.startswith("# "):
        return f"## Guide\n\n`labctl guide {name}` walks through it. By hand, begin with `labctl up {name} --bare`.\n"
    line = re.sub(r"\]\(\.\./([a-z0-9-]+)/(?:guide\.md|lab\.yml)", r"](\1.md", line)
    return re.sub(r"\]\(\.\./\.\./docs/", "](../", line)
