"""Every page in a real browser, one after the other: axe-core, what moves, what it weighs.

The pages are those of the application's address map, so that a new one is walked by itself.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Page

from tests.journeys.filled import ASKED, OTHERS
from tests.server import ROOT, Installation
from webapp import create_app
from webapp.config import Settings

AXE = ROOT / "node_modules/axe-core/axe.min.js"
#: no pages of ours
LEFT_OUT = ("/api/", "/docs", "/redoc", "/settings/organization/logo", "/static/", "/ws/")
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
#: the page has found its socket, and drawn what came with it
SETTLED = """
() => document.querySelector("[data-live-dot]:not(.live)") === null
  && new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))
"""
WATCHES = """
window.shifts = { sum: 0, of: [] };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    window.shifts.sum += entry.value;
    for (const { node } of entry.sources)
      window.shifts.of.push((node?.outerHTML ?? node?.textContent ?? "gone").slice(0, 150));
  }
}).observe({ type: "layout-shift", buffered: true });
"""
FINDS = """
async (options) => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], ...options });
  const grave = ["serious", "critical"], also = ["empty-table-header", "heading-order"];
  return violations.filter(({ id, impact }) => grave.includes(impact) || also.includes(id)).map(
    ({ id, nodes }) => `${id}: ` + nodes.slice(0, 3).map(({ html, any }) =>
      html.slice(0, 160) + (any[0] ? ` (${any[0].message})` : "")).join(" | "));
}
"""
#: text that does not show whole and has no sign of it: an ellipsis, a fade, a shadow at an edge
CUTS = """
() => {
  const cut = [], edge = document.documentElement.clientWidth;
  const note = (why, element) =>
    cut.push(`${why}: ${element.outerHTML.replace(/\\s+/g, " ").slice(0, 160)}`);
  const isFaded = ({ maskImage, backgroundImage }) =>
    maskImage !== "none" || backgroundImage.includes("gradient");
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const place = element.getBoundingClientRect();
    if (element instanceof SVGTextElement) {
      const within = element.ownerSVGElement.getBoundingClientRect();
      if (place.left < within.left - 1 || place.right > within.right + 1) note("drawn", element);
      continue;
    }
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element;
    if (!(element instanceof HTMLElement) || clientWidth <= 1) continue;
    const style = getComputedStyle(element);
    // How wide a placeholder would be cannot be asked.
    if (element.matches("input:not([type=checkbox], [type=radio], [type=file]), select"))
      if (style.textOverflow !== "ellipsis") note("field", element);
    if (!element.innerText?.trim() || element.matches("select, textarea, option")) continue;
    const isWide = style.overflowX !== "visible" && scrollWidth > clientWidth + 1;
    const isHigh = style.overflowY !== "visible" && scrollHeight > clientHeight + 1;
    if (isWide && style.textOverflow !== "ellipsis" && !isFaded(style)) note("wide", element);
    const isClamped = style.webkitLineClamp !== "none";  // its last line ends with an ellipsis
    if (isHigh && !isClamped && !isFaded(style)) note("high", element);
    const isText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!isText || (place.left >= -1 && place.right <= edge + 1)) continue;
    for (let around = element; ; around = around.parentElement)
      if (!around) { note("beyond", element); break; }
      else if (getComputedStyle(around).overflowX !== "visible" && around !== document.body
        && around !== document.documentElement) break;
  }
  return cut;
}
"""
#: words, unless they are very long, and times that go on in the next line
BROKEN = """
() => {
  const broken = [], range = document.createRange();
  const hasLines = () =>
    new Set([...range.getClientRects()].map(({ y }) => Math.round(y))).size > 1;
  for (const time of document.querySelectorAll("time")) {
    range.selectNodeContents(time);
    const isSeen = time.checkVisibility({ visibilityProperty: true });
    if (isSeen && hasLines()) broken.push(time.outerHTML);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { currentNode: text } = texts, around = text.parentElement;
    if (around.closest("svg, textarea, select, .visually-hidden")) continue;
    if (!around.checkVisibility({ visibilityProperty: true })) continue;
    for (const { 0: token, index: start } of text.data.matchAll(/\\S+/g))
      for (const { 0: word, index } of token.matchAll(/[\\p{L}\\p{N}]+/gu)) {
        range.setStart(text, start + index);
        range.setEnd(text, start + index + word.length);
        if (token.length < 30 && hasLines()) broken.push(`${word} of ${around.outerHTML}`);
      }
  }
  return broken.map((found) => found.replace(/\\s+/g, " ").slice(0, 160));
}
"""
#: what stays the same from page to page
FRAME = """
() => ({
  heading: document.querySelector("h1").innerText,
  tabs: document.querySelector("nav.tabs:has([aria-current])")?.ariaLabel ?? "",
  width: Math.max(...[...document.querySelectorAll("main > *")].map((part) => part.offsetWidth)),
  isLiveInCrumbs: document.querySelector(".crumbs [data-live-dot]") !== null,
})
"""
SCRIPTS = """
() => performance.getEntriesByType("resource").map(({ name }) => name)
  .filter((name) => new URL(name).pathname.endsWith(".js"))
"""


@dataclass
class Visit:
    """What was met on one page."""

    path: str
    #: by width and theme: rule and elements
    findings: dict[str, list[str]] = field(default_factory=dict)
    #: by width: cumulative layout shift without a hand on the page, and whose
    shifts: dict[int, tuple[float, list[str]]] = field(default_factory=dict)
    #: by width: what is cut without a sign
    cuts: dict[int, list[str]] = field(default_factory=dict)
    #: by width: what is broken
    broken: dict[int, list[str]] = field(default_factory=dict)
    #: at a desk: heading, name of the tabs, width of the content in pixels
    frame: dict[str, Any] = field(default_factory=dict)
    html_bytes: int = 0
    #: of all scripts, compressed
    script_bytes: int = 0
    #: pixels that the page is wider than a phone
    excess: int = 0


def list_pages(installation: Installation, things: Mapping[str, str]) -> Iterator[str]:
    """The addresses that may be pages, with `things` filled in; without those that need more."""
    app = create_app(Settings.from_environment(installation.environment))
    for rule in sorted(app.url_map.iter_rules(), key=str):
        if "GET" not in (rule.methods or ()) or rule.rule.startswith(LEFT_OUT):
            continue
        known = things
        if "taxonomy" in things and rule.rule.startswith("/taxonomies/"):
            known = {**things, "version": things["taxonomy"]}
        names = [part[1:-1].split(":")[-1] for part in rule.rule.split("/") if part[:1] == "<"]
        if known and not known.keys() >= set(names):
            raise AssertionError(f"{rule.rule}: `fill` of filled.py has none of its things.")
        if not known and names:
            continue
        parts = [
            known[part[1:-1].split(":")[-1]] if part[:1] == "<" else part
            for part in rule.rule.split("/")
        ]
        yield "/".join(parts) + ASKED.get(rule.rule, "")
    if things:
        yield from OTHERS


def is_page(page: Page, address: str) -> bool:
    """Whether there is a whole page: no download, no part of a page."""
    answer = page.request.get(address)
    return answer.headers["content-type"].startswith("text/html") and "<html" in answer.text()


def visit(page: Page, url: str, path: str, *, is_phone_too: bool = True) -> Visit:
    """Look at one page at a desk and, where asked for, loaded on a phone, in both themes."""
    met = Visit(path)
    for size in (DESK, PHONE) if is_phone_too else (DESK,):
        page.set_viewport_size(size)  # type: ignore[arg-type]  # it is a size
        page.emulate_media(color_scheme="light")
        answer = page.goto(url + path)
        assert answer is not None
        page.wait_for_function(SETTLED)
        width = size["width"]
        found: dict[str, Any] = page.evaluate("window.shifts")
        met.shifts[width] = found["sum"], found["of"]
        met.cuts[width], met.broken[width] = page.evaluate(CUTS), page.evaluate(BROKEN)
        page.evaluate(read_axe())
        met.findings[f"{width} light"] = page.evaluate(FINDS, {})
        page.emulate_media(color_scheme="dark")
        met.findings[f"{width} dark"] = page.evaluate(FINDS, {})
        if size is DESK:
            met.frame = page.evaluate(FRAME)
            met.html_bytes = len(answer.body())
            met.script_bytes = sum(compressed(name) for name in set(page.evaluate(SCRIPTS)))
    if not is_phone_too:
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # it is a size
        width = PHONE["width"]
        met.cuts[width], met.broken[width] = page.evaluate(CUTS), page.evaluate(BROKEN)
    met.excess = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return met


def look_at(page: Page) -> list[str]:
    """What is wrong with a page as it is now, on a phone and at a desk."""
    found: list[str] = []
    for size in (PHONE, DESK):
        page.set_viewport_size(size)  # type: ignore[arg-type]  # it is a size
        found += page.evaluate(CUTS) + page.evaluate(BROKEN)
    page.evaluate(read_axe())
    return found + page.evaluate(FINDS, {})


@cache
def read_axe() -> str:
    """The source of axe-core."""
    assert AXE.exists(), "The walk needs axe-core: make node_modules/.installed."
    return AXE.read_text()


@cache
def compressed(address: str) -> int:
    """Bytes of a script as a server that compresses sends it."""
    with urlopen(address) as answer:
        return len(gzip.compress(answer.read()))
