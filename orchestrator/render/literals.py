"""Values as data: what each language reads as the very same text or number, and never as code."""

from __future__ import annotations

import re
from typing import Any


class Literal(str):
    """Text that is safe where it stands; only the filters here make it."""

    __slots__ = ()


def ruby(value: object) -> Literal:
    """A Ruby literal. In single quotes Ruby knows two escapes and no interpolation; what cannot be seen, a line's end
    among it, is a number in a string beside (Ruby joins adjacent strings), for Ruby changes or ends at some of these.

    >>> print(ruby("#{1} isn't"))
    '#{1} isn\\'t'
    """
    if value is None:
        return Literal("nil")
    if type(value) is int:
        return Literal(value)
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} has no Ruby literal here")
    value.encode()  # a lone surrogate has no place in UTF-8
    return Literal(" ".join(map(_ruby, _runs(value))) or "''")


def _runs(text: str) -> list[str]:
    """The text in pieces that are printable as a whole, or not at all."""
    pieces: list[str] = []
    for letter in text:
        if pieces and pieces[-1][-1].isprintable() == letter.isprintable():
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces


def _ruby(piece: str) -> str:
    if piece.isprintable():
        return "'" + piece.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return '"' + "".join(f"\\u{{{ord(letter):x}}}" for letter in piece) + '"'


def yaml(value: object, indent: int = 0) -> Literal:
    """YAML in block style, or one scalar. Ansible takes text with braces for a template, so that there must be none."""
    from yaml import SafeDumper, dump

    class Dumper(SafeDumper):
        """Writes a value again where it comes again, instead of an alias."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    _refuse_braces(value)
    text = dump(value, Dumper=Dumper, sort_keys=False, width=10_000).removesuffix("\n").removesuffix("\n...")
    return Literal("\n".join(" " * indent + line for line in text.split("\n")))


def _refuse_braces(value: object) -> None:
    if isinstance(value, dict):
        _refuse_braces([*value, *value.values()])
    elif isinstance(value, list):
        for each in value:
            _refuse_braces(each)
    elif isinstance(value, str) and "{" in value:
        raise ValueError(f"{value!r} would be a template for Ansible")


def markdown(value: object) -> Literal:
    """Text in Markdown, in one line and with nothing in it that Markdown or HTML would act on."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
    return Literal(re.sub(r"([\\`*_{}\[\]<>()#+!|&~$])", r"\\\1", shown))


def verbatim(value: str) -> Literal:
    """A name, as it is: only letters, digits and '-'."""
    if not re.fullmatch("[A-Za-z0-9-]+", value):
        raise ValueError(f"{value!r} is no name")
    return Literal(value)


def bare_mac(mac: str) -> str:
    """A MAC as VirtualBox and vagrant-libvirt both read it: twelve digits."""
    return mac.replace(":", "")


def slot(device: str) -> str:
    """The PCI slot, on bus 0, that gives an adapter its name: enp0s8 is in slot 8 (systemd.net-naming-scheme(7))."""
    found = re.fullmatch("enp0s([0-9]{1,2})", device)
    if not found:
        raise ValueError(f"{device!r} is no adapter on PCI bus 0")
    return f"0x{int(found[1]):02x}"
