"""The documentation site, as `make docs` makes it: complete, whole, and read from a folder without a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from docs import commands, guide, keys
from orchestrator import labfile
from orchestrator.cli import parser
from orchestrator.errors import Exit
from tests.browser import DESKTOP, PHONE, Browse, Scheme, browse, chromium, too_faint

__all__ = ["browse", "chromium"]

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = (
    "index",
    "commands",
    "labfile",
    "teachers",
    "faults",
    "virtualbox",
    "json",
    "search",
    "labs/index",
    "labs/lab10",
    "labs/sample",
)
GUIDE = """\
# The sample

It is like [lab10](../lab10/guide.md), and [its output](../../docs/json.md) too.

## Look around

```console
boxA# ip -br address show vxlan0
vxlan0  UNKNOWN  192.168.60.4/24
$ labctl status
…
```

````exercise wrong-vni boxB
boxA does not reach boxB. What does this say?

```console
boxA# bridge fdb show dev vxlan0
```
````

```console solution
boxB# ip -d link show vxlan0
… vxlan id 101 …
```
"""


class Read(HTMLParser):
    """What a page has: the ids, and what it refers to as (tag, address)."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.references: list[tuple[str, str]] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            if name in ("href", "src") and value is not None:
                self.references.append((tag, value))


def build(folder: Path) -> Path:
    """The site with all labs, and one more that has a guide."""
    sample = folder / "labs" / "sample" / "lab.yml"
    sample.parent.mkdir(parents=True)
    sample.write_text(labfile.find("lab10").read_text().replace("name: lab10", "name: sample"))
    sample.with_name("guide.md").write_text(GUIDE)
    (folder / "source").mkdir()
    sphinx = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--conf-dir", "docs"]
    options = ["--doctree-dir", str(folder / "doctrees"), "--define", f"more_labs={sample}"]
    answer = subprocess.run(
        [*sphinx, *options, str(folder / "source"), str(folder / "site")],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stdout + answer.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site."""
    return build(tmp_path_factory.mktemp("docs"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Read]:
    """Every page of the site."""
    return {path: Read(path) for path in site.rglob("*.html")}


def section(site: Path, page: str, anchor: str) -> str:
    """The HTML of the section that has this id."""
    text = (site / page).read_text()
    assert f'<section id="{anchor}"' in text, f"{page} has no section {anchor}"
    return text.partition(f'<section id="{anchor}"')[2].partition("</section>")[0]


def test_has_all_its_pages(site: Path, pages: dict[Path, Read]) -> None:
    made = {path.relative_to(site).with_suffix("").as_posix() for path in pages}
    assert made == {*PAGES, *(f"labs/{path.parent.name}" for path in labfile.shipped())}


def test_no_link_is_dead(site: Path, pages: dict[Path, Read]) -> None:
    dead: list[str] = []
    for path, page in pages.items():
        for tag, address in page.references:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https") and tag == "a":
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            there = not parts.scheme and not parts.netloc and target.is_file() and target.is_relative_to(site)
            anchored = not parts.fragment or (target in pages and unquote(parts.fragment) in pages[target].ids)
            if not (there and anchored):
                dead.append(f"{path.relative_to(site)}: {address}")
    assert dead == []
    assert sum(len(page.references) for page in pages.values()) > 100


def test_the_same_twice(site: Path, tmp_path: Path) -> None:
    again = build(tmp_path)
    first, second = (
        {each.relative_to(top): each for top in [folder] for each in folder.rglob("*")} for folder in (site, again)
    )
    assert first.keys() == second.keys()
    files = [name for name, path in first.items() if path.is_file()]
    assert [name for name in files if first[name].read_bytes() != second[name].read_bytes()] == []


@pytest.mark.parametrize("command", parser._VERBS)
def test_the_reference_has_every_command_and_its_arguments(site: Path, command: str) -> None:
    text = section(site, "commands.html", command.replace(" ", "-"))
    plain = re.sub(r"<[^>]*>", "", text)
    for action in commands.commands(parser.build())[command]._actions:
        if action.help == "==SUPPRESS==" or action.dest == "help":
            continue
        words = [*action.option_strings, *([commands.variable(action)] if commands.variable(action) else [])]
        assert [word for word in words if word not in plain] == []
        assert " ".join((action.help or "")[:20].split("<")[0].split("`")[0].split()) in plain
    assert f"labctl {command}" in plain


@pytest.mark.parametrize("command", parser._VERBS)
def test_every_variable_works(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    actions = commands.commands(parser.build([command]))[command]._actions
    named = {action.dest: commands.variable(action) for action in actions if commands.variable(action)}
    for variable in named.values():
        monkeypatch.setenv(variable, "1")
    for action in commands.commands(parser.build([command]))[command]._actions:
        assert (action.default in (True, "1")) == (action.dest in named), action.dest


def test_the_reference_has_every_exit_status(site: Path) -> None:
    text = section(site, "commands.html", "exit-status")
    rows = re.findall(r"<td><p>(\d+)</p></td>\s*<td><p>([^<]+)</p></td>", text)
    assert [int(status) for status, _ in rows] == [status.value for status in Exit]


def test_the_reference_has_every_key(pages: dict[Path, Read], site: Path) -> None:
    schema = labfile.schema()
    wanted = {f"lab-{key}" for key in schema["properties"]}
    for name, each in schema["$defs"].items():
        wanted |= {f"{name.lower()}-{key.replace('_', '-')}" for key in each["properties"]}
    assert wanted - pages[site / "labfile.html"].ids == set()
    text = (site / "labfile.html").read_text()
    assert text.count("Allowed: ") == text.count("Example: ") == len(wanted) > 20


def test_the_example_of_every_key_is_a_good_lab() -> None:
    example = CHECKOUT / "docs" / "every-key.yml"
    assert len(labfile.load(example).overlays) == 3
    assert keys.page(example.read_text()).endswith(f"```yaml\n{example.read_text().strip()}\n```\n")


def test_a_lab_has_its_picture_and_its_file(browse: Browse, site: Path) -> None:
    opened = browse(site / "labs" / "lab10.html")
    assert opened.page.inner_text("h1").startswith("lab10: ")
    picture = opened.page.locator(".picture img")
    assert "boxA" in (picture.get_attribute("alt") or "")
    assert opened.ask("() => document.querySelector('.picture img').naturalWidth") > 500
    assert labfile.find("lab10").read_text().strip() in opened.page.inner_text(".highlight-yaml")


def test_a_guide_keeps_its_secrets(browse: Browse, site: Path) -> None:
    for path in (site / "labs" / "sample.html", site / "searchindex.js"):
        assert "wrong-vni boxB" not in path.read_text()
    assert "wrong-vni" not in (site / "labs" / "sample.html").read_text()
    page = browse(site / "labs" / "sample.html").page
    exercise = page.locator(".admonition.exercise")
    assert exercise.locator(".admonition-title").inner_text() == "Exercise"
    assert "labctl guide sample sets it up." in exercise.inner_text()
    assert exercise.locator(".highlight-console").count() == 1
    solution = page.locator("details.solution")
    assert solution.get_attribute("open") is None
    assert not solution.locator("pre").is_visible()
    solution.locator("summary").click()
    assert "vxlan id 101" in solution.locator("pre").inner_text()
    assert page.locator("h1").count() == 1
    assert page.locator("article a[href='lab10.html']").count() == 1
    assert page.locator(".gp", has_text="boxA#").count() == 2


def test_only_fences_are_read_as_such() -> None:
    text = "~~~exercise no-ttl boxA\n```\na\n~~\n```\n~~~~\nb [x](../lab9/guide.md)\n```yaml\n# no title\n```\n"
    made = guide.transformed(text, "sample")
    assert "no-ttl" not in made
    assert made.startswith("~~~~{admonition} Exercise\n")
    assert made.endswith("~~~~\nb [x](lab9.md)\n```yaml\n# no title\n```\n")


@pytest.mark.parametrize("written", sorted((CHECKOUT / "labs").glob("*/guide.md")), ids=lambda path: path.parent.name)
def test_no_page_of_a_lab_tells_the_fault_of_an_exercise(pages: dict[Path, Read], site: Path, written: Path) -> None:
    exercises = re.findall(r"^ {0,3}[`~]{3,} *exercise +(\S+)", written.read_text(), re.MULTILINE)
    text = (site / "labs" / f"{written.parent.name}.html").read_text()
    assert text.count("admonition-title") == text.count('<details class="solution">') == len(exercises)
    assert [fault for fault in exercises if fault in text] == []
    assert "guide" in pages[site / "labs" / f"{written.parent.name}.html"].ids


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_quiet_and_fits_a_phone(browse: Browse, site: Path, name: str) -> None:
    for scheme in ("light", "dark"):
        opened = browse(site / f"{name}.html", PHONE, scheme)
        opened.unfold()
        opened.page.wait_for_load_state("networkidle")
        assert [each for each in opened.requests if not each.startswith(f"{site.as_uri()}/")] == []
        assert opened.errors == []
        assert opened.ask("() => document.documentElement.scrollWidth") <= PHONE[0]


def test_light_and_dark(browse: Browse, site: Path) -> None:
    colour = "() => getComputedStyle(document.body).backgroundColor"
    light, dark = (browse(site / "index.html", DESKTOP, scheme).ask(colour) for scheme in ("light", "dark"))
    assert sum(map(int, re.findall(r"\d+", light))) > 700
    assert sum(map(int, re.findall(r"\d+", dark))) < 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [name for name in PAGES if name != "search"])
def test_texts_stand_out(browse: Browse, site: Path, name: str, scheme: Scheme) -> None:
    faint, looked_at = too_faint(browse(site / f"{name}.html", DESKTOP, scheme))
    assert faint == []
    assert looked_at > 20


def test_the_search_works_from_a_folder(browse: Browse, site: Path) -> None:
    opened = browse(site / "search.html")
    opened.page.goto(f"{(site / 'search.html').as_uri()}?q=forwarding")
    found = opened.page.locator("#search-results li a")
    found.first.wait_for()
    assert any("labfile.html" in (each.get_attribute("href") or "") for each in found.all())
    assert opened.errors == []
    assert [each for each in opened.requests if not each.startswith(f"{site.as_uri()}/")] == []


def test_make_docs_says_where_it_is() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("there is no make")
    answer = subprocess.run([make, "help"], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60)
    assert re.search(r"^docs +make the documentation: build/docs/index.html$", answer.stdout, re.MULTILINE)
