"""Pages in a real browser: Chromium as the host has it, offline, with everything written down that it does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
DESKTOP, PHONE, NARROW = (1280, 800), (390, 844), (360, 640)
Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Opened:
    """A page that is open. `requests`: what was asked for beside the page; `errors`: of scripts and on the console."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def ask(self, script: str, argument: object = None) -> Any:
        """What a JavaScript function says of the page."""
        return self.page.evaluate(script, argument)

    def unfold(self) -> None:
        """Opens everything that can be opened."""
        self.ask("() => document.querySelectorAll('details').forEach(each => each.open = true)")


Browse = Callable[..., Opened]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.fail("there is no Chromium to look at pages with; ./setup.sh --test installs it")
    with sync_playwright() as playwright:
        # Chromium's sandbox does not work for root, nor on every host; what it shows here is our own.
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium: Browser) -> Iterator[Browse]:
    """Opens a file: `browse(path, size=PHONE, scheme="dark")`."""
    contexts: list[BrowserContext] = []

    def open_page(path: Path, size: tuple[int, int] = DESKTOP, scheme: Scheme = "light") -> Opened:
        width, height = size
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, reduced_motion="reduce"
        )
        contexts.append(context)
        opened = Opened(context.new_page())
        url = path.resolve().as_uri()
        opened.page.on("console", lambda said: opened.errors.append(f"{said.type}: {said.text}"))
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.on("request", lambda asked: opened.requests.extend([asked.url] * (asked.url != url)))
        opened.page.goto(url)
        return opened

    yield open_page
    for context in contexts:
        context.close()


def too_faint(opened: Opened, least: float = 4.5) -> tuple[list[str], int]:
    """Texts with less contrast than `least` (WCAG 2.2, 1.4.3), by their computed colours; how many were looked at."""
    found = opened.ask(_CONTRAST)
    return [f"{each['ratio']:.2f} {each['text']}" for each in found if each["ratio"] < least], len(found)


_CONTRAST = """() => {
  const parse = colour => {
    const numbers = colour.match(/[\\d.]+/g).map(Number);
    if (!/^rgba?\\(/.test(colour)) throw new Error('unknown colour ' + colour);
    return numbers.length === 4 ? numbers : [...numbers, 1];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = colour => {
    const [r, g, b] = colour.map(value => value / 255)
      .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = element => {
    const layers = [];
    for (let each = element; each; each = each.parentElement)
      layers.push(parse(getComputedStyle(each).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const beneath = text => {
    text.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
    const at = text.getBoundingClientRect();
    const stack = document.elementsFromPoint(at.x + at.width / 2, at.y + at.height / 2);
    const shape = stack.find(each => each.tagName === 'rect' && getComputedStyle(each).fill !== 'none');
    if (!shape) throw new Error('nothing is drawn below ' + text.textContent);
    return parse(getComputedStyle(shape).fill);
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), element = walk.currentNode.parentElement;
    if (!text || ['STYLE', 'TITLE', 'DESC'].includes(element.tagName.toUpperCase())) continue;
    if (element.closest('.unseen') || !element.checkVisibility({contentVisibilityAuto: true})) continue;
    const drawn = element instanceof SVGElement, style = getComputedStyle(element);
    const background = drawn ? beneath(element) : behind(element);
    const colour = over(parse(drawn ? style.fill : style.color), background);
    found.push({text: text.slice(0, 60), ratio: ratio(colour, background)});
  }
  return found;
}"""
