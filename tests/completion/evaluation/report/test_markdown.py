"""The tables of results, as they stand in Markdown."""

from completion.evaluation.report import markdown
from tests.completion.evaluation.report import some_results


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table behind a heading."""
    behind = text.split(f"{heading}\n", 1)[1].splitlines()
    first = next(number for number, line in enumerate(behind) if line.startswith("|"))
    found = []
    for line in behind[first:]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def test_the_figures_of_a_suite():
    results = some_results.results()
    suite = results["suites"][0]
    figures = {"mean": 14.13, "low": 11.0, "high": 17.25}
    suite["providers"][0]["total"]["figures"]["exact_match"] = figures
    suite["providers"][1]["total"]["figures"]["exact_match"] = {"mean": 9.95, "low": None, "high": None}
    suite["providers"][2]["total"]["figures"]["exact_match"] = {"mean": 14.14, "low": 14.0, "high": 15.0}
    found = rows(markdown.markdown(results), "## Line completion")
    assert found[0][:2] == ["provider", "exact match"]
    assert [(row[0], row[1]) for row in found[2:]] == [
        ("model", "**14.1** (11.0 to 17.3)"),
        ("n-gram", "9.9"),  # 9.95 is 9.949999...
        ("copy (partial)", "**14.1** (14.0 to 15.0)"),  # the same, by what can be read
    ]


def test_all_parts_are_there():
    results = some_results.results()
    text = markdown.markdown(results)
    assert text.count("\n## ") == 1 + len(results["suites"])
    assert "- model is 7.5 points above n-gram in exact match (4.5 to 10.5), better in 99 % of resamples\n" in text
    assert "- HumanEval: left out, there is no sandbox" in text
    assert len(rows(text, "### By symbol")) == 2 + len(results["suites"][1]["symbols"])
    cases = [int(row[1]) for row in rows(text, "### By symbol")[2:]]
    assert cases == sorted(cases, reverse=True)
    assert rows(text, "### Confusions of model")[0][:3] == ["expected", "keyword", "name"]
    assert rows(text, "### Likelihood of what was written")[3][3:6] == [
        "70.3 (68.3 to 72.3)",
        "9.87",
        "0.954 (0.934 to 0.974)",
    ]
    assert rows(text, "### By place")[2][:3] == ["line start", "model", "250"]
    assert text.count("### Examples\n") == 3


def test_a_table_has_the_same_cells_in_each_row():
    results = some_results.results()
    results["suites"][0]["providers"][0]["name"] = "a | b\n| c"
    results["suites"][0]["confusions"]["model"]["identifiers"][0]["expected"] = "a | b` c"
    text = markdown.markdown(results)
    assert r"a \| b \| c" in text
    assert r"| ``a \| b` c`` | `cls` | 4 |" in text
    for table in text.split("\n\n"):
        if table.startswith("|"):
            assert len({line.replace(r"\|", "").count("|") for line in table.splitlines()}) == 1


def test_what_marks_text_in_markdown_is_shown_as_it_is():
    results = some_results.results()
    results["about"]["model"] = "<b>*x*</b> [y](z) `w`\n# v"
    assert markdown.markdown(results).splitlines()[0] == (
        r"# How well \<b\>\*x\*\</b\> \[y\](z) \`w\` \# v completes code"
    )
