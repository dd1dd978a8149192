"""What is in the directory: pure, a lab in, bytes out."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import plan
from orchestrator.labfile import shared
from orchestrator.model import Lab, Machine
from orchestrator.render import literals

if TYPE_CHECKING:
    from jinja2 import Environment

CATALOGUE = "box.json"
SUMS = "SHA256SUMS"


def files(lab: Lab) -> dict[str, bytes]:
    """The files of the lab's directory: path in it → content, always in the same order."""
    catalogue = CATALOGUE if lab.machine.url else None
    values = {
        "lab": lab,
        "catalogue": catalogue,
        "own": lab.machine.image == Machine().image,
        "hosts": plan.hosts(lab),
        "desired": {box.name: plan.desired(lab, box) for box in lab.boxes},
    }
    made = {
        "Vagrantfile": _rendered("Vagrantfile.j2", values),
        "README.md": _rendered("rendered.md.j2", values),
        "inventory.yml": _rendered("inventory.yml.j2", values),
        "playbook.yml": (shared("templates") / "playbook.yml").read_bytes(),
        **({catalogue: _catalogue(lab.machine)} if catalogue else {}),
        **_roles(shared("roles")),
    }
    return {**made, SUMS: _sums(made)}


def _rendered(template: str, values: dict[str, Any]) -> bytes:
    return _environment().get_template(template).render(values).encode()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([shared("templates"), shared("templates").parent]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_literal,
    )
    for each in (literals.ruby, literals.yaml, literals.markdown, literals.verbatim, literals.bare_mac, literals.slot):
        environment.filters[each.__name__] = each
    return environment


def _literal(value: object) -> object:
    """Lets only literals into a file: a template that forgets its filter fails, instead of writing code."""
    from jinja2 import Undefined

    if isinstance(value, literals.Literal | Undefined):  # an undefined one raises on its own, with its name
        return value
    raise TypeError(f"{value!r} is written without a filter")


def _catalogue(machine: Machine) -> bytes:
    """Vagrant's catalogue of the one box file: the only way to have a version and a checked SHA-256 from a URL."""
    providers = [
        {"name": name, "url": machine.url, "checksum_type": "sha256", "checksum": machine.sha256}
        for name in ("virtualbox", "libvirt")
    ]
    listed = {"name": machine.image, "versions": [{"version": machine.version, "providers": providers}]}
    return json.dumps(listed, indent=2).encode() + b"\n"


def _roles(folder: Path) -> dict[str, bytes]:
    """Every file of every role, byte for byte; a link is the file that it leads to."""
    found = sorted(path for path in folder.glob("*/**/*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"roles/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in found}


def _sums(made: dict[str, bytes]) -> bytes:
    """As sha256sum writes and checks it."""
    return "".join(f"{sha256(content).hexdigest()}  {path}\n" for path, content in sorted(made.items())).encode()
