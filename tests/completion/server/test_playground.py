"""The page, in a real browser: what is suggested stands in grey, and keys take it or leave it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.browser import ENTER, ESCAPE, TAB, Browser, chromium
from tests.completion.server.conftest import served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def code(browser: Browser, text: str) -> None:
    """Puts text before the cursor, all but its last character at once, and types that."""
    browser.run("const c = document.getElementById('code'); c.value = arguments[0];"
                "c.setSelectionRange(c.value.length, c.value.length); c.focus()", text[:-1])  # fmt: skip
    browser.type("#code", text[-1])


def ghost(browser: Browser, *, seconds: float = 5) -> str:
    return browser.wait(lambda: browser.text("#ghost"), seconds=seconds)


def a_ghost(browser: Browser) -> tuple[str, str]:
    """Some text to which something is suggested, and what."""
    for text in (
        "import os\nx = ",
        "class A:\n    def path(self, na",
        "def f(a):\n    return ",
        "self.",
        "x",
        "import ",
    ):
        code(browser, text)
        try:
            return text, ghost(browser, seconds=2)
        except AssertionError:
            continue
    raise AssertionError("the random model suggests nothing that is shown")


def test_ghost_text_is_taken_dismissed_and_typed_past(browser, server, count, tmp_path):
    browser.open(server)
    browser.wait(lambda: browser.text("#model") == "random")
    before = [count(f'code_t5_suggestions_total{{event="{kind}",source="page"}}') for kind in ("shown", "accepted")]
    text, suggestion = a_ghost(browser)
    assert browser.text("#before") == text, "the grey text begins at the cursor"
    assert browser.text("#time").endswith(" ms")

    browser.type("#code", suggestion[0])
    if len(suggestion) > 1:
        assert browser.text("#ghost") == suggestion[1:], "what is typed of it stays typed, the rest stays grey"
    browser.run("document.getElementById('code').value = ''")
    text, suggestion = a_ghost(browser)
    browser.type("#code", TAB)
    assert browser.value("#code") == text + suggestion
    assert f"{len(suggestion)} of " in browser.text("#saved")

    text, suggestion = a_ghost(browser)
    browser.type("#code", ESCAPE)
    assert browser.text("#ghost") == ""
    assert browser.value("#code") == text
    after = [count(f'code_t5_suggestions_total{{event="{kind}",source="page"}}') for kind in ("shown", "accepted")]
    assert after[0] >= before[0] + 3
    assert after[1] == before[1] + 1
    browser.screenshot(tmp_path / "page.png")


def test_a_new_line_is_indented(browser, server):
    browser.open(server)
    code(browser, "def f(a):")
    browser.type("#code", ENTER + "x")
    assert browser.value("#code") == "def f(a):\n    x"


def test_an_error_is_told_on_the_page(browser, model):
    with served("--model", str(model), "--no_usage", token="secret") as (_, address):
        browser.open(address)
        browser.wait(lambda: "asks for its token" in browser.text("#error"))
        assert browser.run("return document.getElementById('token').classList.contains('shown')")
        browser.type("#token input", "secret\t")
        browser.wait(lambda: browser.text("#model"))
        assert browser.text("#error") == ""
        assert httpx.get(f"{address}/").status_code == 200
