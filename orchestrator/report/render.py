"""Templates of ours, values of anybody's: everything is escaped, and what would not be seen is made visible."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from orchestrator.labfile.places import shared

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, values: object) -> str:
    """The text of a template in templates/, with the attributes of `values` as its variable `page`."""
    return _environment().get_template(template).render(page=values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(shared("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["duration"] = duration
    return environment


def _shown(value: Any) -> Any:
    """Every value on its way into a page; markup of ours stays as it is."""
    return visible(value) if type(value) is str else value


def visible(text: str) -> str:
    """`text` with every letter that does not show, line ends and tabs apart, as its number: ⟨U+001B⟩."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(letter: str) -> str:
    return letter if letter.isprintable() or letter in "\n\t" else f"⟨U+{ord(letter):04X}⟩"


def duration(seconds: float) -> str:
    """A time in the unit that suits it, with two or three digits."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.2f} ms"
