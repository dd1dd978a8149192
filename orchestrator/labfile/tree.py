"""YAML to plain data with places. Bounded before anything is built, and nothing in it is ever executed.

Scalars are what YAML 1.2's core schema makes of them (section 10.3), as editors read them: `yes`, `1:30`, dates and
`4_789` are text. So are numbers that are not whole or not in plain digits, for nothing in a lab file is one. Parser
events instead of PyYAML's nodes: its C composer recurses without a limit, and its constructor silently keeps the last
of two equal keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from orchestrator.labfile.problem import LabFileError, Problem, listed, printable, shown

DEPTH, ALIASES, NODES = 20, 100, 200_000
"""The most levels, aliases, and nodes with every alias written out. 64 overlays that join 1000 boxes are 192,000."""

INTEGER = re.compile("[-+]?(0|[1-9][0-9]{0,17})")
WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True,
         "false": False, "False": False, "FALSE": False}  # fmt: skip

FAULTY: Any = type("Faulty", (), {"__repr__": lambda self: "FAULTY", "__deepcopy__": lambda self, memo: self})()
"""Stands for a value that has been reported, so that it is not reported again as something else."""

Path = tuple[Any, ...]
"""Keys, from the top of the file to a value."""


class Document:
    """A lab file as plain data, with the place of each part and the problems found so far."""

    def __init__(self, name: str) -> None:
        self.name, self.problems = name, list[Problem]()
        self.data: Any = None
        self._marks: dict[int, tuple[Any, dict[Any, tuple[Any, Any]]]] = {}

    @property
    def few(self) -> bool:
        """Whether the problems are so few that a person reads each: beyond, looking for similar names is given up."""
        return len(self.problems) < 100

    def mark(self, container: Any, marks: dict[Any, tuple[Any, Any]]) -> None:
        """Remembers where each entry of `container` has its key and its value; keeps it alive, as its id is the key."""
        self._marks[id(container)] = container, marks

    def problem(self, where: Any, what: str, hint: str = "") -> None:
        """Notes a problem at one of the parser's marks."""
        self.problems.append(Problem(self.name, where.line + 1, where.column + 1, what, hint))

    def at(self, path: Path, what: str, hint: str = "", *, key: bool = False) -> None:
        """Notes a problem at the value at `path`, or at its key; where nothing is written, at what would hold it."""
        line, column = self._place(path, key)
        self.problems.append(Problem(self.name, line, column, what, hint))

    def _place(self, path: Path, key: bool) -> tuple[int, int]:
        value, place = self.data, (1, 1)
        for depth, step in enumerate(path):
            marks = self._marks.get(id(value), (None, {}))[1].get(step)
            if marks is None:
                break
            mark = marks[0 if key or depth < len(path) - 1 else 1]
            value, place = value[step], (mark.line + 1, mark.column + 1)
        return place


def parse(text: str, name: str) -> Document:
    """The text as data. Problems that leave the rest readable are in the Document; LabFileError is for the others."""
    document = Document(name)
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        _Builder(document, iter(yaml.parse(text, Loader=loader))).build()
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        document.problem(mark, *_syntax(error, tab="\t" in "".join(text.splitlines()[mark.line : mark.line + 1])))
        raise LabFileError(document.problems) from None
    except yaml.YAMLError as error:
        document.at((), printable(str(error)))
        raise LabFileError(document.problems) from None
    return document


def _syntax(error: yaml.MarkedYAMLError, *, tab: bool) -> tuple[str, str]:
    hint = "every key needs a colon and a space, and the same indentation as its neighbours"
    return printable(
        f"not YAML: {error.problem or error.context}"
    ), "indent with spaces, not with tabs" if tab else hint


def _tag(tag: str) -> str:
    return printable(tag.replace("tag:yaml.org,2002:", "!!"))


class _Builder:
    """Makes data of one document's events."""

    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self.document, self.events = document, events
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.nodes = self.aliases = 0

    def build(self) -> None:
        documents = 0
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.refuse(event, "a second document", "a lab file is one document: remove the '---'")
                self.document.data = self.node(next(self.events), 0)
        if not documents or self.document.data is None:
            self.document.at((), "empty", "a lab file begins with `name:`; see labs/lab10/lab.yml")
            raise LabFileError(self.document.problems)

    def refuse(self, event: Any, what: str, hint: str) -> None:
        """Ends the reading: what follows cannot be trusted."""
        self.document.problem(event.start_mark, what, hint)
        raise LabFileError(self.document.problems)

    def node(self, event: Any, depth: int) -> Any:
        """The value that begins with `event`."""
        self.count(event, 1)
        if isinstance(event, AliasEvent):
            return self.alias(event)
        if depth > DEPTH:
            self.refuse(event, f"more than {DEPTH} levels", "a lab file has six")
        before, value = self.nodes, None
        if isinstance(event, ScalarEvent):
            value = self.scalar(event)
        elif isinstance(event, MappingStartEvent):
            value = self.mapping(depth)
        elif isinstance(event, SequenceStartEvent):
            value = self.sequence(depth)
        if event.tag is not None:
            self.document.problem(event.start_mark, f"tag {_tag(event.tag)}", "tags are not allowed: remove it")
            value = FAULTY
        if event.anchor is not None:
            self.anchors[event.anchor] = value, self.nodes - before + 1
        return value

    def count(self, event: Any, more: int) -> None:
        self.nodes += more
        if self.nodes > NODES:
            self.refuse(event, f"more than {NODES} values, with every alias written out", "use fewer aliases")

    def alias(self, event: Any) -> Any:
        self.aliases += 1
        if self.aliases > ALIASES:
            self.refuse(event, f"more than {ALIASES} aliases", "write the values out")
        if event.anchor not in self.anchors:
            self.refuse(event, f"alias *{printable(event.anchor)}: no such anchor ends before it",
                        f"anchors before this: {listed(self.anchors) or 'none'}")  # fmt: skip
        value, size = self.anchors[event.anchor]
        self.count(event, size)
        return value

    def scalar(self, event: Any) -> Any:
        text: str = event.value
        if not text.isprintable():
            self.document.problem(event.start_mark, f"{shown(text)} holds a character that cannot be printed",
                                  "letters, digits, signs and plain spaces are allowed, on one line")  # fmt: skip
            return FAULTY
        return _resolve(text) if event.implicit[0] else text

    def sequence(self, depth: int) -> list[Any]:
        return [self.node(event, depth + 1) for event in self.until(SequenceEndEvent)]

    def mapping(self, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        marks: dict[Any, tuple[Any, Any]] = {}
        for event in self.until(MappingEndEvent):
            key = self.node(event, depth + 1)
            value_event = next(self.events)
            value = self.node(value_event, depth + 1)
            if self.sound(key, event, marks):
                made[key] = value
                marks[key] = event.start_mark, value_event.start_mark
        self.document.mark(made, marks)
        return made

    def until(self, end: type[Event]) -> Iterator[Any]:
        pull: Callable[[], Any] = self.events.__next__
        while not isinstance(event := pull(), end):
            yield event

    def sound(self, key: Any, event: Any, marks: dict[Any, tuple[Any, Any]]) -> bool:
        """Whether `key` is text that this mapping has not had yet."""
        if key is FAULTY:
            return False
        if not isinstance(key, str):
            self.document.problem(event.start_mark, f"{shown(key)} is no key", "a key is text; quote a number")
            return False
        if key == "<<" and event.implicit[0]:
            self.document.problem(event.start_mark, "merge key <<", "not in YAML 1.2: write the keys out")
            return False
        if key in marks:
            first = marks[key][0].line + 1
            self.document.problem(event.start_mark, f"{printable(key)} is here twice", f"first in line {first}")
            return False
        return True


def _resolve(text: str) -> Any:
    """A plain scalar's value: nothing, a truth value, a whole number, or text."""
    if text in WORDS:
        return WORDS[text]
    return int(text) if INTEGER.fullmatch(text) else text
