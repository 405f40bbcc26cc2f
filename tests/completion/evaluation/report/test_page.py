"""The page, in a real browser: read, and worked by keys."""

import copy
import importlib.util
import json
import pathlib
from urllib.parse import quote

import pytest

from completion.evaluation.report import markdown
from tests.browser import ENTER, ESCAPE, TAB, Browser
from tests.completion.evaluation.report import some_results
from tests.completion.evaluation.report.opened_page import focused, found, opened, unfold, written
from tests.completion.evaluation.report.test_markdown import rows

LOOKS = [(1280, False), (1280, True), (375, False), (375, True)]


def anchor(example: dict) -> str:
    return "example-" + quote(example["id"], safe="-_.!~*'()")


def tab_to(browser: Browser, what: str) -> None:
    """Presses Tab until a condition of the focused element `e` holds."""
    for _ in range(300):
        browser.press(TAB)
        if browser.run(f"const e = document.activeElement; return {what}"):
            return
    raise AssertionError(f"no Tab leads to {what}")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_axe_finds_nothing_to_mend(browser, address, width, dark):
    axe = importlib.util.find_spec("axe_core_python")
    if axe is None:
        pytest.skip("needs axe-core-python")
    (script,) = pathlib.Path(axe.origin).parent.rglob("axe.min.js")
    opened(browser, address, width=width, dark=dark)
    unfold(browser)
    browser.run(script.read_text(encoding="utf-8") + "\nwindow.axe = axe")
    look = """return axe.run(arguments[0], {resultTypes: ["violations"]}).then((found) => found.violations.flatMap(
        (one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 200)} ${node.failureSummary}`)))"""
    assert browser.run(look, "html") == []
    browser.press("?")
    assert browser.run(look, "#keys") == []
    browser.press(ESCAPE)
    # It does look, and at these colours.
    browser.run("document.querySelector('.lead').style.color = arguments[0]", "#444" if dark else "#aaa")
    (told,) = browser.run(look, ".lead")
    assert told.startswith("color-contrast")


@pytest.mark.parametrize("width", [375, 1280])
def test_tables_scroll_in_their_box_and_never_the_page(browser, address, width):
    opened(browser, address, width=width)
    unfold(browser)
    assert browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert (
        browser.run("""
        const width = document.documentElement.clientWidth;
        return [...document.querySelectorAll("body *")]
            .filter((one) => !one.closest(".scroll, pre, nav, .hidden, dialog"))
            .filter((one) => one.getBoundingClientRect().right > width + .5)
            .map((one) => one.outerHTML.slice(0, 80))""")
        == []
    )
    wider = browser.run(
        "return [...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length"
    )
    assert (wider > 5) == (width == 375)


def test_keys_go_from_example_to_example(browser, address, results):
    examples = results["examples"]
    opened(browser, address)
    browser.press("j")
    assert focused(browser) == anchor(examples[0])
    browser.press("jjk")
    assert focused(browser) == anchor(examples[1])
    assert browser.run("return location.hash") == "#" + anchor(examples[1])
    browser.press("j" * 19)
    assert focused(browser) == anchor(examples[20])
    assert found(browser) == "21 to 40 of 60 examples"
    browser.press("k")
    assert (focused(browser), found(browser)) == (anchor(examples[19]), "1 to 20 of 60 examples")
    browser.press("k" * 30)
    assert focused(browser) == anchor(examples[0]), "there is nothing before the first"
    assert browser.run("return document.activeElement.getBoundingClientRect().top") >= 40, "not under the navigation"

    browser.press("?")
    assert browser.run("return document.getElementById('keys').open")
    browser.press("j")
    tab_to(browser, "e.id === 'keys-on'")
    browser.press(" " + ESCAPE)
    assert not browser.run("return document.getElementById('keys').open")
    assert focused(browser) == anchor(examples[0])
    browser.press("j")
    assert focused(browser) == anchor(examples[0]), "keys that are off do nothing"


def test_keys_sort_a_table(browser, address, results):
    symbols = results["suites"][1]["symbols"]
    opened(browser, address)
    first = "return [...document.querySelectorAll('.sortable tbody th')].map((one) => one.textContent)"
    heads = "return [...document.querySelectorAll('.sortable thead th')].map((one) => one.getAttribute('aria-sort'))"
    assert browser.run(first) == [one["symbol"] for one in sorted(symbols, key=lambda one: -one["cases"])]
    assert browser.run(heads)[:3] == [None, "descending", None]
    tab_to(browser, "e.tagName === 'BUTTON' && e.textContent === 'Symbol'")
    browser.press(ENTER)
    assert browser.run(first) == sorted(one["symbol"] for one in symbols)
    assert browser.run(heads)[:3] == ["ascending", None, None]
    browser.press(ENTER)
    assert browser.run(first) == sorted((one["symbol"] for one in symbols), reverse=True)
    assert browser.run(heads)[:3] == ["descending", None, None]
    columns = browser.run("return document.querySelectorAll('.sortable thead th').length")
    assert columns == 3 + 3 * 4
    for _ in range(columns - 1):
        browser.press(TAB + ENTER)
    assert browser.run(heads) == [None] * (columns - 1) + ["descending"]
    highest = sorted(symbols, key=lambda one: -one["providers"]["n-gram"]["top_10"])
    assert browser.run(first) == [one["symbol"] for one in highest]


def test_keys_filter(browser, address, results):
    examples = results["examples"]
    right = [one for one in examples if one["answers"]["model"]["rank"] == 1]
    opened(browser, address)
    browser.press("/")
    assert focused(browser) == "search"
    browser.press("DeCiMaL(")
    matching = [
        one
        for one in examples
        if "decimal(" in json.dumps([one["prompt"], one["expected"], one["suffix"], one["answers"], one["id"]]).lower()
    ]
    assert 0 < len(matching) < 20
    browser.wait(lambda: found(browser) == f"1 to {len(matching)} of {len(matching)} examples, 60 in all")
    browser.press(ENTER)
    assert focused(browser) == anchor(matching[0])
    browser.press("j" * 30)
    assert focused(browser) == anchor(matching[-1])

    browser.press("/" + "\ue003" * 8)
    browser.wait(lambda: found(browser) == "1 to 20 of 60 examples")
    tab_to(browser, "e.tagName === 'SELECT' && e.parentElement.textContent.startsWith('model')")
    browser.press("r")
    assert found(browser).endswith(f" of {len(right)} examples, 60 in all")
    tab_to(browser, "e.tagName === 'SELECT' && e.parentElement.textContent.startsWith('n-gram')")
    browser.press("not")
    both = [one for one in right if one["answers"]["n-gram"]["rank"] != 1]
    assert found(browser).endswith(f" of {len(both)} examples, 60 in all")
    tab_to(browser, "e.tagName === 'SUMMARY'")
    browser.press(ENTER)
    tab_to(browser, "e.tagName === 'SELECT' && e.parentElement.textContent.startsWith('place')")
    browser.press("ins")
    three = [one for one in both if one["slices"].get("place") == "inside_line"]
    assert 0 < len(three) < len(both)
    assert found(browser).endswith(f" of {len(three)} examples, 60 in all")
    tab_to(browser, "e.type === 'reset'")
    browser.press(ENTER)
    browser.wait(lambda: found(browser) == "1 to 20 of 60 examples")
    browser.press("/nowhere to be found")
    browser.wait(lambda: found(browser) == "None of 60 examples")
    browser.press(ESCAPE + "j")
    assert focused(browser) == ""


def test_tab_reaches_everything_and_the_focus_is_seen(browser, address):
    opened(browser, address)
    unfold(browser)
    wanted = browser.run("""
        window.reached = [];
        window.unseen = [];
        addEventListener("focusin", (event) => {
            reached.push(event.target);
            const {outlineStyle} = getComputedStyle(event.target);
            if (outlineStyle === "none") unseen.push(event.target.outerHTML.slice(0, 90));
        });
        window.wanted = [...document.querySelectorAll("a, button, input, select, summary, .scroll, pre")]
            .filter((one) => !one.closest("dialog") && !one.disabled);
        return wanted.length""")
    assert wanted > 100
    browser.press(TAB * (wanted + 5))
    assert (
        browser.run("return wanted.filter((one) => !reached.includes(one)).map((one) => one.outerHTML.slice(0, 90))")
        == []
    )
    assert browser.run("return unseen") == []


@pytest.mark.parametrize("number", [0, 33, 59])
def test_a_link_leads_to_its_example(browser, address, results, number):
    example = results["examples"][number]
    opened(browser, f"{address}#{anchor(example)}")
    browser.wait(lambda: focused(browser) == anchor(example))
    assert browser.run("return document.activeElement.querySelector('h3').textContent") == example["id"]
    assert browser.run("return document.activeElement.querySelector('h3 a').hash") == "#" + anchor(example)
    assert browser.run("return document.activeElement.querySelector('ins').textContent") == example["expected"]
    # A link to one that is filtered out shows all again.
    browser.press("/nowhere to be found")
    browser.wait(lambda: found(browser) == "None of 60 examples")
    browser.run("location.hash = arguments[0]", anchor(results["examples"][5]))
    browser.wait(lambda: focused(browser) == anchor(results["examples"][5]))
    assert browser.value("#search") == ""


def test_two_suites_may_have_the_same_id(browser, results, tmp_path):
    changed = copy.deepcopy(results)
    changed["examples"][30]["id"] = changed["examples"][2]["id"]
    changed["suites"][1]["providers"][0]["failed"] = [
        {"reason": "lost", "cases": 1, "example": changed["examples"][30]["id"]}
    ]
    opened(browser, written(changed, tmp_path))
    link = browser.run("return document.querySelector('#missing a').hash")
    assert link == f"#{anchor(changed['examples'][2])}%20symbols"
    browser.run("document.querySelector('#missing a').click()")
    browser.wait(lambda: focused(browser) == link[1:])
    assert browser.run("return document.activeElement.querySelector('.tag').textContent") == "Symbol completion"


def test_answers_have_their_ranks_scores_and_marks(browser, address, results):
    number, example = next(
        (number, one) for number, one in enumerate(results["examples"]) if one["answers"]["model"]["rank"] == 2
    )
    opened(browser, f"{address}#{anchor(example)}")
    browser.wait(lambda: focused(browser) == anchor(example))
    shown = browser.run("""
        const answer = document.activeElement.querySelector(".answer");
        return {head: answer.querySelector("h4").textContent,
            texts: [...answer.querySelectorAll("code")].map((one) => one.textContent),
            ranks: [...answer.querySelectorAll(".rank")].map((one) => one.textContent),
            scores: [...answer.querySelectorAll(".score")].map((one) => one.textContent)}""")
    model = example["answers"]["model"]
    candidates = f" of {example['candidates']}" if example["candidates"] else ""
    assert shown["head"] == f"model ○ rank 2{candidates}"
    assert shown["texts"] == [("right: " if place == 1 else "") + text for place, text in enumerate(model["texts"])]
    assert shown["ranks"] == ["1", "✓", "3", "4", "5"][: len(model["texts"])]
    assert shown["scores"] == [f"score {one:.2f}".replace("-", "−") for one in model["scores"]]


def test_texts_that_are_the_same_have_one_rank(browser, address):
    opened(browser, address)
    where = "return [1, 2, 3, 4].map((rank) => placeOf(rank, ['a ', 'a', 'b\\t\\nc', 'b\\nc\\n', 'd']))"
    assert browser.run(where) == [0, 2, 4, -1]


def test_the_figures_are_those_of_the_markdown(browser, address, results):
    opened(browser, address)
    text = markdown.markdown(results)
    for number, suite in enumerate(results["suites"]):
        shown = browser.run("""
            const cell = (one) => {
                const mean = [...one.querySelector(".mean").childNodes].at(-1).textContent;
                const text = one.querySelector(".best") ? `**${mean}**` : mean;
                return `${text} (${one.querySelector(".range").textContent})`;
            };
            const table = document.querySelector(`#suite-${arguments[0]} table`);
            return [...table.tBodies[0].rows].map((row) => [...row.cells].slice(1).map(cell))""", number)  # fmt: skip
        measures = len(suite["measures"])
        assert shown == [row[1 : 1 + measures] for row in rows(text, f"## {suite['title']}")[2:]]
        assert any("**" in cell for row in shown for cell in row)


def test_what_is_missing_stands_at_the_top(browser, address, results, tmp_path):
    opened(browser, address)
    assert browser.text("#missing h2") == "What is missing"
    assert browser.run("return [...document.querySelectorAll('#missing li')].map((one) => one.textContent)") == [
        "HumanEval: left out, there is no sandbox on this machine; give --allow_unsandboxed to run it",
        "Line completion, copy: partial; 40 of 1,000 cases without an answer count as wrong; the same command goes on",
        "Line completion, copy: 3 cases failed: timed out after 10 s",
        "Curated examples: 1 broken row left out, such as cases.jsonl:17 is not JSON in UTF-8: Expecting value",
    ]
    empty = {**results, "about": {**results["about"], "partial": []}, "suites": [], "examples": []}
    opened(browser, written(empty, tmp_path))
    assert browser.text("#missing h2") == "Nothing is missing"
    assert found(browser) == "None of 0 examples"


def test_thousands_of_examples_are_drawn_a_page_at_a_time(browser, tmp_path):
    opened(browser, written(some_results.results(examples=5000), tmp_path))
    assert found(browser) == "1 to 20 of 5,000 examples"
    assert browser.run("return document.querySelectorAll('article').length") == 20
    milliseconds = browser.run("""
        const started = performance.now();
        state.text = "nowhere to be found"; filter();
        state.text = ""; filter(); show(249);
        return performance.now() - started""")
    assert found(browser) == "4,981 to 5,000 of 5,000 examples"
    assert milliseconds < 3000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(x):", [["keyword", "def"], ["defined", "f"], ["", "x"]]),
        ("x = 'it' # no", [["", "x"], ["string", "'it'"], ["comment", "# no"]]),
        ("'''a\n# b", [["string", "'''a\n# b"]]),
        ("'open\nreturn 0x1F", [["string", "'open"], ["keyword", "return"], ["number", "0x1F"]]),
        ('f"{a}" b.list list', [["string", 'f"{a}"'], ["", "b"], ["", "list"], ["builtin", "list"]]),
        ("    @cached\nété = 1_0.5e3", [["decorator", "    @cached"], ["", "été"], ["number", "1_0.5e3"]]),
    ],
)
def test_code_is_coloured(browser, address, text, expected):
    opened(browser, address)
    pairs = browser.run("return highlight(arguments[0])", text)
    assert "".join(piece for _, piece in pairs) == text
    assert [pair for pair in pairs if pair[0] or pair[1].isidentifier()] == expected


@pytest.mark.parametrize(
    "text", ["", "\\", '"""\\', "'" * 5, "x" * 20_000, "\\\n" * 5_000, "😀 \ud800'", '"""' + "\\" * 9_999]
)
def test_no_text_is_lost_by_colours(browser, address, text):
    opened(browser, address)
    put_together = """
        const text = JSON.parse(arguments[0]), texts = [text, "", "x", text];
        const whole = (pairs) => pairs.map((one) => one[1]).join("");
        const parts = highlightParts(texts).map(whole);
        return [whole(highlight(text)) === text, ...parts.map((one, index) => one === texts[index])]"""
    assert browser.run(put_together, json.dumps(text)) == [True] * 5
