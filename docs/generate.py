"""The pages that are made from the product itself, so that they cannot differ from it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from docs import commands, guide, keys
from orchestrator import graph, labfile
from orchestrator.model import Lab

HERE = Path(__file__).resolve().parent


def write(folder: Path, labs: list[Path]) -> None:
    """Fills `folder`, which Sphinx reads: the pages of docs/, the references, and a page for each lab file."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "labs").mkdir(parents=True)
    for page in HERE.glob("*.md"):
        shutil.copyfile(page, folder / page.name)
    (folder / "commands.md").write_text(commands.page())
    (folder / "labfile.md").write_text(keys.page((HERE / "every-key.yml").read_text()))
    for source in labs:
        _write_lab(source, folder / "labs")
    (folder / "labs" / "index.md").write_text(_contents([labfile.load(source) for source in labs]))


def _write_lab(source: Path, folder: Path) -> None:
    lab = labfile.load(source)
    written = source.with_name("guide.md")
    text = guide.transformed(written.read_text(), lab.name) if written.exists() else ""
    walk = f"$ labctl guide {lab.name}\n" if text else ""
    (folder / f"{lab.name}.svg").write_text(graph.svg(lab))
    (folder / f"{lab.name}.md").write_text(_lab_page(lab, source.read_text(), walk, text))


def _lab_page(lab: Lab, source: str, walk: str, text: str) -> str:
    return f"""\
# {lab.name}: {lab.title}

````{{container}} picture
```{{image}} {lab.name}.svg
:alt: {_described(lab)}
```
````

## The lab file

```yaml
{source.strip()}
```

## Bringing it up

```console
{walk}$ labctl up {lab.name}
$ labctl explain {lab.name}
$ labctl down {lab.name}
```

{text}"""


def _described(lab: Lab) -> str:
    """What the picture says to those who do not see it."""
    found = re.search("<desc[^>]*>(.*?)</desc>", graph.svg(lab), re.DOTALL)
    return found[1] if found else lab.title


def _contents(labs: list[Lab]) -> str:
    rows = "\n".join(f"| [{lab.name}]({lab.name}.md) | {len(lab.boxes)} | {lab.title} |" for lab in labs)
    names = "\n".join(lab.name for lab in labs)
    return f"""\
# Labs

These come with labctl; `labctl list` lists them, too.

| lab | boxes | what it shows |
| --- | --- | --- |
{rows}

```{{toctree}}
:hidden:

{names}
```
"""
