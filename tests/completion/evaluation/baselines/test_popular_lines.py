import pytest

from completion.evaluation.baselines.popular_lines import PopularLines
from completion.evaluation.cases import Case

TEXTS = [
    "import os\nimport re\n\n\nx = 1\n",
    "import os\n\nimport re\nimport os\n    return x\r\nimport once\n",
    "    return x\nimport os\nx = 1\nreturn x\n",
]


def answered(prompt: str, texts=TEXTS):
    return PopularLines(texts).answer(Case("a", "line", prompt, ""))


@pytest.mark.parametrize(
    ("prompt", "texts", "counts"),
    [
        ("y = 2\nimport ", ("os", "re"), (4, 2)),
        ("    import o", ("s",), (4,)),
        ("  ret", ("urn x",), (3,)),
        ("import os", (), ()),  # nothing is left of it
        ("import once", (), ()),  # seen only once
        ("zzz", (), ()),
        ("import os\n", ("import re", "return x", "x = 1"), (2, 1, 1)),  # equals by their text
        ("import os\n\n    ", ("import re", "return x", "x = 1"), (2, 1, 1)),
        ("import re\n", ("import os", "x = 1"), (1, 1)),
        # Nothing stands behind what was never seen, and the most frequent lines are left.
        ("y = 2\n", ("import os", "return x", "import re", "x = 1"), (4, 3, 2, 2)),
        ("", ("import os", "return x", "import re", "x = 1"), (4, 3, 2, 2)),
    ],
)
def test_a_line_goes_on_as_most_lines_do(prompt, texts, counts):
    found = answered(prompt)
    assert found.texts == texts
    assert found.scores == counts
    assert found.error is None


def test_what_was_seen_once_is_dropped_and_counted():
    lines = PopularLines(TEXTS)
    assert (lines.lines, lines.dropped) == (4, 1)


def test_files_do_not_run_into_each_other():
    assert answered("b\n", ["a\nb", "c\nd", "a\nb", "c\nd"]).texts == ("a", "b", "c", "d"), "the most frequent ones"
    assert answered("a\n", ["a\nb", "c\nd", "a\nb", "c\nd"]).texts == ("b",)


def test_no_more_than_ten_and_none_of_nothing():
    texts = ["".join(f"x{i} = 1\n" for i in range(20)) * 2]
    assert answered("x", texts).texts == tuple(f"{i} = 1" for i in (0, 1, 10, 11, 12, 13, 14, 15, 16, 17))
    assert answered("x", []).texts == answered("", []).texts == answered("x\n", ["x"]).texts == ()


def test_candidates_are_no_lines():
    found = PopularLines(TEXTS).answer(Case("a", "symbols", "os.", "path", candidates=("path",)))
    assert found.texts == ()
    assert "not asked to choose" in found.error
