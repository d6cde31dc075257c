"""Photograph pages at desk and phone width, light and dark, and report what a picture hides.

    python -m tests.screens http://127.0.0.1:8000 / /agents --email E --password P --to shots

The exit status is 1 where a page logged a console error or scrolls sideways.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS = (1440, 390)
THEMES = ("light", "dark")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> int:
    """Take the pictures; 1 where a page logged an error or is wider than its window."""
    options = _options()
    options.to.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        for theme in THEMES:
            for width in WIDTHS:
                problems += _shoot(browser, options, theme, width)
        browser.close()
    print("\n".join(problems) or "No console errors, nothing scrolls sideways.")
    return 1 if problems else 0


def _shoot(browser: Browser, options: argparse.Namespace, theme: str, width: int) -> list[str]:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda line: _note(line.type, line.text, page, problems))
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
    if options.email:
        page.goto(f"{options.base}/sign-in")
        page.fill("input[name=email]", options.email)
        page.fill("input[name=password]", options.password)
        page.click("main button:not([type=button])")
    for path in options.paths:
        page.goto(options.base + path)
        page.wait_for_timeout(options.wait)
        excess = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if excess > 0:
            problems.append(f"{path} at {width}: {excess} px too wide")
        name = re.sub(r"\W+", "-", path).strip("-") or "overview"
        page.screenshot(path=options.to / f"{name}-{width}-{theme}.png", full_page=True)
    context.close()
    return problems


def _note(kind: str, text: str, page: Page, problems: list[str]) -> None:
    if kind == "error":
        problems.append(f"{page.url}: {text}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("base", help="address of the running program")
    parser.add_argument("paths", nargs="+", help="paths to photograph")
    parser.add_argument("--email", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--to", type=Path, default=Path("screens"))
    parser.add_argument("--wait", type=int, default=700, help="milliseconds for live parts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
