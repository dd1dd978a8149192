"""The pictures: what they say, that they say it the same way every time, and that no name breaks them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator import graph
from orchestrator.graph import words
from orchestrator.graph.layout import LARGE, SMALL
from orchestrator.model import Lab
from tests import sample_labs as samples

SVG = "{http://www.w3.org/2000/svg}"
LABS = {
    **{name: make() for name, make in samples.EVERY.items()},
    **{f"boxes{count}": samples.lab10(count) for count in (1, 2, 10, 50, 200)},
}
every = pytest.mark.parametrize("lab", LABS.values(), ids=LABS.keys())


@pytest.mark.parametrize("name", ["lab9", "lab10"])
def test_tree_is_as_agreed(name: str) -> None:
    samples.golden(f"{name}.tree.txt", graph.tree(LABS[name]) + "\n")


@pytest.mark.parametrize("name", ["lab9", "lab10"])
def test_svg_is_as_agreed(name: str) -> None:
    samples.golden(f"{name}.svg", graph.svg(LABS[name]))


@pytest.mark.parametrize("name", ["lab9", "lab10", "two", "routed", "boxes200"])
def test_tree_fits_a_terminal(name: str) -> None:
    assert max(map(len, graph.tree(LABS[name]).splitlines())) <= 100


def test_tree_of_a_large_lab_ends_in_a_count() -> None:
    tree = graph.tree(LABS["boxes200"])
    assert tree.count("… and 180 more boxes (--json has all)") == 2
    assert len(tree.splitlines()) < 50


def test_tree_of_21_boxes_counts_one() -> None:
    assert graph.tree(samples.lab10(21)).count("… and 1 more box (--json has all)") == 2


@every
def test_tree_in_colour_says_the_same(lab: Lab) -> None:
    coloured = graph.tree(lab, colour=True)
    assert "\033[" in coloured
    assert re.sub(r"\033\[\d*m", "", coloured) == graph.tree(lab)


@every
def test_tree_has_no_control_characters(lab: Lab) -> None:
    assert all(letter.isprintable() or letter == "\n" for letter in graph.tree(lab))


@pytest.mark.parametrize("name", ["lab9", "lab10", "two", "routed", "boxes10"])
@pytest.mark.parametrize("kind", ["tree", "svg"])
def test_picture_shows_every_fact(name: str, kind: str) -> None:
    lab = LABS[name]
    picture = graph.tree(lab) if kind == "tree" else texts_of(graph.svg(lab))
    facts = [lab.name, lab.title]
    facts += [fact for network in lab.networks for fact in (network.name, str(network.subnet), f"MTU {network.mtu}")]
    for box in lab.boxes:
        facts += [box.name, *(fact for adapter in box.interfaces for fact in (adapter.name, str(adapter.address)))]
    for overlay in lab.overlays:
        facts += [overlay.name, f"VNI {overlay.vni}", f"UDP {overlay.port}", f"MTU {overlay.mtu}"]
        facts += [f"group {overlay.group}", f"TTL {overlay.ttl}"] if overlay.group else []
        facts += [str(vtep.address) for vtep in overlay.vteps]
        facts += [f"remote {vtep.remote}" for vtep in overlay.vteps if vtep.remote]
    assert [fact for fact in facts if fact not in picture] == []


@every
def test_svg_is_one_self_contained_accessible_document(lab: Lab) -> None:
    document = graph.svg(lab)
    root = ElementTree.fromstring(document)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == words.clean(f"{lab.name}: {lab.title}")
    assert words.clean(lab.boxes[0].name) in root.findtext(f"{SVG}desc", "")
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "desc", "style", "g", "rect", "circle", "path", "text"
    }  # fmt: skip
    assert not {name for element in root.iter() for name in element.attrib if name.startswith("on") or "href" in name}
    assert re.findall(r"https?:[^\"]*", document) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"url\(|@import|@font-face", root.findtext(f"{SVG}style", ""))
    assert "prefers-color-scheme:dark" in root.findtext(f"{SVG}style", "")


@every
def test_svg_classes_are_all_in_the_style_sheet(lab: Lab) -> None:
    root = ElementTree.fromstring(graph.svg(lab))
    known = set(re.findall(r"\.([a-z]+\d?)", root.findtext(f"{SVG}style", "")))
    used = {name for element in root.iter() for name in element.get("class", "").split()}
    assert used - known <= {"bar"}


@every
def test_svg_texts_neither_meet_nor_leave_the_picture(lab: Lab) -> None:
    root = ElementTree.fromstring(graph.svg(lab))
    width, height = map(float, root.get("viewBox", "").split()[2:])
    boxes = [bounds(element) for element in root.iter(f"{SVG}text")]
    assert all(x >= 0 and y >= 0 and right <= width and bottom <= height for x, y, right, bottom in boxes)
    if len(boxes) < 1000:
        assert [(a, b) for a, b in combinations(boxes, 2) if meet(a, b)] == []


@every
def test_svg_badges_and_devices_hold_their_text(lab: Lab) -> None:
    root = ElementTree.fromstring(graph.svg(lab))
    cards = [rectangle(element) for element in root.iter(f"{SVG}rect") if element.get("class") == "card"]
    outside = []
    for layer in root.iter(f"{SVG}g"):
        holders: list[tuple[float, float, float, float]] = []
        for element in layer:
            if element.tag == f"{SVG}rect":
                holders = [rectangle(element)]
            elif element.tag == f"{SVG}text" and "centre" in element.get("class", ""):
                own = holders if "mono ink" in element.get("class", "") else cards
                if not any(inside(bounds(element), holder) for holder in own):
                    outside.append(element.text)
    assert outside == []


def test_svg_is_the_same_bytes_in_every_process() -> None:
    code = "import sample_labs, sys; from orchestrator import graph; sys.stdout.write(graph.svg(sample_labs.two()))"
    here = Path(__file__).parent
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{here}:{here.parent}"}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        found.add(done.stdout)
    assert found == {graph.svg(samples.two()).encode()}


def test_svg_tells_overlays_apart_without_colour() -> None:
    root = ElementTree.fromstring(graph.svg(samples.two()))
    wires = [element.get("class", "").split() for element in root.iter(f"{SVG}path")]
    dashes = {look: {names[2] for names in wires if names[1] == look} for look in ("o0", "o1")}
    assert dashes == {"o0": {"d0"}, "o1": {"d1"}}


def texts_of(document: str) -> str:
    return "\n".join(element.text or "" for element in ElementTree.fromstring(document).iter(f"{SVG}text"))


def rectangle(element: ElementTree.Element) -> tuple[float, float, float, float]:
    x, y, width, height = (float(element.get(key, "0")) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def bounds(element: ElementTree.Element) -> tuple[float, float, float, float]:
    """What the text covers in DejaVu Sans Mono, the widest of the fonts that the style sheet names (1233 of 2048)."""
    names = element.get("class", "").split()
    size = 28 if "lab" in names else LARGE if "name" in names else SMALL
    wide = sum(1.0 if letter == "\N{REPLACEMENT CHARACTER}" else 0.6025 for letter in element.text or "") * size
    x, y = float(element.get("x", "0")), float(element.get("y", "0"))
    left = x - wide / 2 if "centre" in names else x
    return left, y - 0.8 * size, left + wide, y + 0.2 * size


def meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def inside(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]
