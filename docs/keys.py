"""The reference of the lab file, from its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from docs.markdown import escaped
from orchestrator import labfile

Schema = dict[str, Any]
_TYPES = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "mapping"}
_TOP = "Lab"


def page(example: str) -> str:
    """Markdown with a section for each kind of mapping. `example`: a lab file that has every key."""
    whole = labfile.schema()
    found = examples(yaml.safe_load(example), _TOP, whole)
    parts = [_START, *(part for name, each in sections(whole).items() for part in _section(name, each, found))]
    return "\n".join([*parts, _END.format(example=example.strip())])


def sections(whole: Schema) -> dict[str, Schema]:
    """The schema of the whole file, and those that it is put together from."""
    return {_TOP: whole, **whole["$defs"]}


def examples(written: Any, name: str, whole: Schema) -> dict[tuple[str, str], Any]:
    """The first value of each key of each section in a lab file."""
    found: dict[tuple[str, str], Any] = {}
    for key, schema in sections(whole)[name]["properties"].items():
        if key not in written:
            continue
        found[name, key] = written[key]
        inner = _reference(schema)
        each_of = [written[key]] if "$ref" in schema else written[key].values() if inner else ()
        for each in each_of:
            found = examples(each, inner, whole) | found
    return found


def _section(name: str, schema: Schema, found: dict[tuple[str, str], Any]) -> Iterator[str]:
    yield f"## {name}\n\n{escaped(schema['description'])}\n"
    for key, value in schema["properties"].items():
        need = "required" if key in schema.get("required", ()) else "optional"
        yield f"[`{key}`]{{#{name.lower()}-{key.replace('_', '-')}}} ({_type(value)}, {need})"
        yield from (f": {line}\n" for line in _about(key, value, found[name, key]))


def _about(key: str, schema: Schema, example: Any) -> Iterator[str]:
    if "description" in schema:
        yield escaped(schema["description"])
    yield f"Allowed: {_allowed(schema)}."
    if "default" in schema:
        yield f"Default: `{_flow(schema['default'])}`."
    inner = _reference(schema)
    if "$ref" in schema:
        example = "{…}"
    elif inner:
        example = {next(iter(example)): "{…}"}
    yield f"Example: `{_flow({key: example})[1:-1]}`."


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return _TYPES["object"]
    return _TYPES[schema["type"]] if "type" in schema else "one of a list"


def _allowed(schema: Schema) -> str:
    if "enum" in schema:
        return " or ".join(f"`{_flow(each)}`" for each in schema["enum"])
    if "$ref" in schema:
        return f"a [{_reference(schema)}](#{_reference(schema).lower()})"
    if schema.get("type") == "object":
        inner = _reference(schema)
        value = f"a [{inner}](#{inner.lower()})" if inner else _allowed(schema["additionalProperties"])
        few, many = schema.get("minProperties", 0), schema["maxProperties"]
        return f"{few} to {many} entries; key: {_allowed(schema['propertyNames'])}; value: {value}"
    if "minimum" in schema:
        return f"{schema['minimum']} to {schema['maximum']}"
    return "`true` or `false`" if schema.get("type") == "boolean" else escaped(schema["title"])


def _reference(schema: Schema) -> str:
    values = schema.get("additionalProperties")
    named = values if isinstance(values, dict) else schema
    return str(named.get("$ref", "")).rpartition("/")[2]


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


_START = """\
# The lab file

A lab is a YAML file. `labctl validate FILE` tells every mistake with its place, and `labctl schema` prints the JSON
Schema that this page is made from. With this first line, an editor that knows JSON Schema completes and checks keys:

```yaml
# yaml-language-server: $schema=../lab.schema.json
```
"""

_END = """\
## Every key at once

```yaml
{example}
```
"""
