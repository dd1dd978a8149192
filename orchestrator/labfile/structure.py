"""From plain data to the types of `schema`. In one step where the file is sound; else part by part, with a problem for
each part that is not, and FAULTY in its place: so that one typo neither hides another nor brings nonsense along."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from orchestrator.labfile.problem import listed, nearest, printable, shown, suggestion
from orchestrator.labfile.schema import LabFile
from orchestrator.labfile.tree import FAULTY, Document, Path


def convert(document: Document) -> LabFile:
    """The file as written. Where it has problems, these are in the document, and parts of the LabFile are FAULTY."""
    try:
        written = msgspec.convert(document.data, LabFile)
    except msgspec.ValidationError as error:
        return _repaired(document, str(error))
    overlays: dict[str, Any] = document.data["overlays"]
    # msgspec does not ask for the tag of a union of one; the schema does
    return written if all("kind" in overlay for overlay in overlays.values()) else _repaired(document, "")


def _repaired(document: Document, reason: str) -> LabFile:
    from msgspec import inspect

    written: LabFile = _Walk(document, inspect).value(inspect.type_info(LabFile), document.data, (), {})
    if not document.problems:
        document.at((), reason)
    return written


class _Walk:
    """Goes through data along its type, reports what does not fit, and returns the value with FAULTY for that."""

    def __init__(self, document: Document, inspect: Any) -> None:
        self.document, self.inspect = document, inspect

    def value(self, kind: Any, value: Any, path: Path, words: dict[str, Any]) -> Any:
        """words: the title and examples that the type's Meta gives."""
        i = self.inspect
        if value is FAULTY:
            return FAULTY
        if isinstance(kind, i.Metadata):
            return self.value(kind.type, value, path, words | (kind.extra_json_schema or {}))
        if isinstance(kind, i.UnionType):  # of structs that a tag tells apart
            return self.tagged(kind.types, value, path)
        if isinstance(kind, i.StructType):
            return self.tagged([kind], value, path) if kind.tag_field else self.struct(kind, value, path)
        if isinstance(kind, i.DictType):
            return self.mapping(kind, value, path)
        return self.scalar(kind, value, path, words)

    def wrong(self, path: Path, what: str, hint: str = "", *, key: bool = False) -> Any:
        self.document.at(path, what, hint, key=key)
        return FAULTY

    def suggest(self, word: str, words: Iterable[str]) -> str:
        return suggestion(word, words, close=self.document.few)

    def group(self, value: Any, path: Path, hint: str) -> bool:
        if isinstance(value, dict):
            return True
        self.wrong(path, f"{_last(path) if path else 'the file'} is {shown(value)}, not a group of keys", hint)
        return False

    def tagged(self, kinds: Any, value: Any, path: Path) -> Any:
        by_tag = {kind.tag: kind for kind in kinds}
        tag_field = kinds[0].tag_field
        if not self.group(value, path, f"it needs {tag_field}: {listed(by_tag)}"):
            return FAULTY
        written = _respelled(value, [tag_field, *_fields(kinds[0])]).get(tag_field, tag_field)
        tag = value.get(written)
        if tag is FAULTY:
            return FAULTY
        if written not in value:
            self.wrong(path, f"{tag_field} is missing", f"allowed: {listed(by_tag)}", key=True)
        elif not isinstance(tag, str) or tag not in by_tag:
            self.wrong((*path, written), f"{tag_field} {shown(tag)} is not known", self.suggest(str(tag), by_tag))
        elif len(by_tag) > 1:
            return self.struct(by_tag[tag], value, path)
        return self.struct(kinds[0], value, path) if len(by_tag) == 1 else FAULTY

    def struct(self, kind: Any, value: Any, path: Path) -> Any:
        names = [kind.tag_field, *_fields(kind)] if kind.tag_field else _fields(kind)
        if not self.group(value, path, f"allowed here: {listed(names)}"):
            return FAULTY
        respelled = _respelled(value, names)
        for key in value:
            if key not in names:
                self.wrong((*path, key), f"unknown key {shown(key)}", self.suggest(key, names), key=True)
        given: dict[str, Any] = {}
        for field in kind.fields:
            key = respelled.get(field.name, field.name)
            if key in value:
                given[field.name] = self.value(field.type, value[key], (*path, key), {})
            elif field.required:
                given[field.name] = self.wrong(path, f"{field.name} is missing", _purpose(field.type), key=True)
        return kind.cls(**given)

    def mapping(self, kind: Any, value: Any, path: Path) -> Any:
        if not self.group(value, path, "each entry is a line `name: …`"):
            return FAULTY
        low, high = kind.min_length or 0, kind.max_length
        if not low <= len(value) <= (len(value) if high is None else high):
            self.wrong(path, f"{_last(path)} holds {len(value)}", f"allowed: {low} to {high} entries", key=True)
        if low and not value:
            return FAULTY
        made = {}
        for key, each in value.items():
            self.key(kind.key_type, key, (*path, key))
            made[key] = self.value(kind.value_type, each, (*path, key), {})
        return made

    def key(self, kind: Any, key: str, path: Path) -> None:
        pattern, words = kind.type.pattern, kind.extra_json_schema
        if not re.search(pattern, key):
            self.wrong(path, f"{shown(key)} is not allowed here", _wanted(words), key=True)

    def scalar(self, kind: Any, value: Any, path: Path, words: dict[str, Any]) -> Any:
        i = self.inspect
        if isinstance(kind, i.StrType):
            return self.text(kind, value, path, words)
        if isinstance(kind, i.IntType):
            sound = type(value) is int and kind.ge <= value <= kind.le
            wanted = f"allowed: a whole number from {kind.ge} to {kind.le}, in plain digits"
        elif isinstance(kind, i.BoolType):
            sound, wanted = isinstance(value, bool), "allowed: true, false"
        else:
            sound, wanted = isinstance(value, str) and value in kind.values, f"allowed: {listed(kind.values)}"
        return value if sound else self.wrong(path, f"{_last(path)} is {shown(value)}", wanted)

    def text(self, kind: Any, value: Any, path: Path, words: dict[str, Any]) -> Any:
        if isinstance(value, int):
            return self.wrong(path, f"{_last(path)} is {shown(value)}, not text", f"quote it; {_wanted(words)}")
        if not isinstance(value, str) or (kind.pattern and not re.search(kind.pattern, value)):
            return self.wrong(path, f"{_last(path)} is {shown(value)}", _wanted(words))
        if not (kind.min_length or 0) <= len(value) <= (kind.max_length or len(value)):
            return self.wrong(path, f"{_last(path)} has {len(value)} characters", _wanted(words))
        return value


def _last(path: Path) -> str:
    return printable(str(path[-1]))


def _fields(kind: Any) -> list[str]:
    return [field.name for field in kind.fields]


def _respelled(value: dict[str, Any], names: list[str]) -> dict[str, str]:
    """For each of `names` that is not written, the unknown key that was probably meant to be it."""
    absent = [name for name in names if name not in value]
    strays = [key for key in value if key not in names][:20] if absent else []
    return {near: key for key in strays if (near := nearest(key, absent))}


def _purpose(kind: Any) -> str:
    description = (getattr(kind, "extra_json_schema", None) or {}).get("description", "")
    return str(description).rstrip(".")


def _wanted(words: dict[str, Any]) -> str:
    examples = words.get("examples")
    return f"allowed: {words.get('title', 'text')}" + (f"; such as {examples[0]}" if examples else "")
