"""The page, written and opened."""

import json
import pathlib

from completion.evaluation.report import page
from tests.browser import Browser


def written(results: dict, folder: pathlib.Path) -> str:
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    return page.write(folder).as_uri()


def opened(browser: Browser, address: str, *, width: int = 1280, dark: bool = False) -> None:
    browser.look(width=width, dark=dark)
    # An address that differs in its last part alone would load nothing.
    browser.open("about:blank")
    browser.open(address)


def focused(browser: Browser) -> str:
    return browser.run("return document.activeElement.id")


def unfold(browser: Browser) -> None:
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def found(browser: Browser) -> str:
    return browser.text("#found")
