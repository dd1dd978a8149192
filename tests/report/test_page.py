"""The page of `verify --html` as its readers meet it: desktop, phone, paper; eye, keyboard and screen reader."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.browser import DESKTOP, NARROW, PHONE, Browse, Opened, Scheme, too_faint
from tests.report.conftest import Written

SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def all_in_view(opened: Opened, selector: str) -> bool:
    box = opened.page.locator(selector).first.bounding_box()
    size = opened.page.viewport_size
    assert box is not None
    assert size is not None
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    return box["x"] >= 0 and box["y"] >= 0 and right <= size["width"] and bottom <= size["height"]


def test_the_browser_sees_what_a_page_must_not_do(browse: Browse, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='http://192.0.2.1/x.png'><script>nothing()</script><p style='color:#999'>faint</p>")
    opened = browse(bad)
    assert opened.requests == ["http://192.0.2.1/x.png"]
    assert any("nothing is not defined" in error for error in opened.errors)
    assert too_faint(opened) == (["2.85 faint"], 1)


def test_no_script_no_error_no_request(browse: Browse, written: Written) -> None:
    opened = browse(written.path)
    opened.unfold()
    opened.page.wait_for_load_state("networkidle")
    assert (opened.requests, opened.errors) == ([], [])
    assert opened.ask("() => document.scripts.length") == 0
    policy = opened.page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_outcome_and_its_cause_are_seen_first(browse: Browse, written: Written, size: tuple[int, int]) -> None:
    opened = browse(written.path, size)
    count, failed = len(written.report.results), written.report.count("failed")
    outcome = f"{failed} of {count} checks failed" if written.first else f"all {count} checks passed"
    assert opened.page.inner_text("h1") == f"{written.lab.name}: {outcome}"
    assert all_in_view(opened, "h1")
    first = opened.page.locator(".red")
    assert first.count() == failed
    if written.first:
        assert first.first.get_attribute("data-check") == written.first
        for part in ("summary", "dl", "figcaption"):
            assert all_in_view(opened, f".red {part}"), part


def test_every_check_is_there_once_and_has_its_evidence(browse: Browse, written: Written) -> None:
    opened = browse(written.path)
    opened.unfold()
    found = opened.ask("() => [...document.querySelectorAll('[data-check]')].map(each => [each.dataset.check, "
                       "each.dataset.status, each.querySelectorAll('figure').length])")  # fmt: skip
    assert Counter(map(tuple, found)) == Counter((r.id, r.status, len(r.evidence)) for r in written.report.results)
    for result in written.report.results[:3]:
        check = opened.page.locator(f"[data-check='{result.id}']")
        assert result.evidence[0].command in check.inner_text()
        assert result.saw in check.inner_text()


def test_failures_are_open_and_the_rest_is_not(browse: Browse, written: Written) -> None:
    opened = browse(written.path)
    state = opened.ask("() => [...document.querySelectorAll('[data-check]')].map(e => [e.dataset.status, e.open])")
    assert set(map(tuple, state)) == {("passed", False)} | ({("failed", True)} if written.first else set())


def test_the_matrix_is_what_the_pings_said(browse: Browse, written: Written) -> None:
    seen = browse(written.path).ask(_CELLS)
    results = {result.id: result.status for result in written.report.results}
    signs = {"passed": "✓ passed", "failed": "✗ failed"}
    address = {box.name: box.interfaces[0].address.ip for box in written.lab.boxes}
    (overlay,), (network,) = written.lab.overlays, written.lab.networks
    titles = {
        f"Underlay {network.name} {network.subnet}": [f"underlay/reach/{address[box]}" for box in address],
        f"Overlay {overlay.name} VNI {overlay.vni}": [f"{overlay.name}/ping/{box}" for box in address],
    }
    expected = []
    for title, asked in titles.items():
        for me in address:
            for peer, what in zip(address, asked, strict=True):
                status = results.get(f"{me}/{what}")
                link = f"{me}/{what}" if status == "failed" else None
                expected.append([title, me, peer, "· itself" if status is None else signs[status], link])
    assert seen == expected


_CELLS = """() => [...document.querySelectorAll('.matrix')].flatMap(table => {
  const words = element => element.innerText.trim().replace(/\\s+/g, ' ');
  const heads = [...table.querySelectorAll('thead th')].slice(1).map(each => each.innerText.split('\\n')[0]);
  const target = cell => document.querySelector(cell.querySelector('a')?.getAttribute('href') ?? 'none')?.dataset.check;
  return [...table.querySelectorAll('tbody tr')].flatMap(row => [...row.querySelectorAll('td')].map((cell, index) =>
    [words(table.caption), words(row.querySelector('th')), heads[index], words(cell), target(cell) ?? null]));
})"""


def test_a_screen_reader_finds_its_way(browse: Browse, written: Written) -> None:
    opened = browse(written.path)
    assert opened.ask("() => document.documentElement.lang") == "en"
    assert opened.ask("() => ['header', 'main', 'footer', 'nav', 'h1'].map(e => document.querySelectorAll(e).length)") \
        == [1, 1, 1, 1, 1]  # fmt: skip
    assert opened.ask("() => [...document.querySelectorAll('th:not([aria-hidden])')].every(each => each.scope)")
    assert opened.ask("() => [...document.querySelectorAll('[tabindex=\"0\"]')].every(each => each.ariaLabel)")
    assert opened.ask("() => [...document.querySelectorAll('[id]')].length === new Set("
                      "[...document.querySelectorAll('[id]')].map(each => each.id)).size")  # fmt: skip
    assert opened.ask("() => [...document.links].filter(a => !document.querySelector(a.getAttribute('href'))).length") \
        == 0  # fmt: skip


def test_the_keyboard_reaches_and_opens_everything(browse: Browse, written: Written) -> None:
    opened = browse(written.path)
    keyboard = opened.page.keyboard
    keyboard.press("Tab")
    assert opened.ask("() => document.activeElement.innerText") == "Skip to the content"
    assert all_in_view(opened, ".skip")
    closed = "() => document.activeElement.matches('section:has(#checks) details:not([open]) > summary')"
    seen = []
    while not opened.ask(closed):
        keyboard.press("Tab")
        seen.append(opened.ask("() => document.activeElement.tagName"))
        assert opened.ask("() => { const s = getComputedStyle(document.activeElement);"
                          " return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 }"), seen  # fmt: skip
        assert len(seen) < 300, "no summary is reached"
    keyboard.press("Enter")
    assert opened.ask("() => document.activeElement.parentElement.open")
    keyboard.press("Enter")
    assert not opened.ask("() => document.activeElement.parentElement.open")
    assert {"A", "DIV"} <= set(seen), "links, and what scrolls"
    if written.first:
        assert "SUMMARY" in seen, "the failures' own"


def test_the_page_never_scrolls_sideways(browse: Browse, written: Written) -> None:
    opened = browse(written.path, NARROW)
    for _ in range(2):
        assert opened.ask("() => document.documentElement.scrollWidth") == NARROW[0]
        assert opened.ask(_CUT) == []
        opened.unfold()


_CUT = """() => [...document.querySelectorAll('body *')].filter(each => each.checkVisibility()
  && !each.closest('.wide, .unseen, .skip')
  && each.getBoundingClientRect().right > innerWidth).map(each => each.outerHTML)"""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_has_contrast(browse: Browse, written: Written, scheme: Scheme) -> None:
    opened = browse(written.path, scheme=scheme)
    opened.unfold()
    faint, count = too_faint(opened)
    assert faint == []
    assert count > 5 * len(written.report.results)
    (red,) = re.findall(r"\d+", opened.ask("() => getComputedStyle(document.body).backgroundColor"))[:1]
    assert (int(red) > 200) == (scheme == "light")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_paper_is_white_and_shows_what_failed(browse: Browse, written: Written, scheme: Scheme) -> None:
    opened = browse(written.path, scheme=scheme)
    opened.ask("() => document.querySelectorAll('details').forEach(each => each.open = false)")
    opened.page.emulate_media(media="print", color_scheme=scheme)
    assert opened.ask("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.ask("() => getComputedStyle(document.querySelector('.paper')).fill") == "rgb(251, 252, 254)"
    evidence = opened.page.locator(".red pre")
    assert evidence.count() >= written.report.count("failed")
    assert all(each.is_visible() for each in evidence.all())
    assert opened.ask("() => [...document.querySelectorAll('.red pre')].every(e => e.scrollHeight <= e.clientHeight)")
    assert opened.page.locator(".checks summary").first.is_visible()
    faint, _ = too_faint(opened)
    assert faint == []
    assert opened.page.pdf().startswith(b"%PDF-")
