"""The arithmetic, on files that were typed with engines that suggest what a test says."""

import pytest

from completion import typing_figures, typist
from completion.held_out_files import HeldOut
from completion.typing_figures import Totals, interval
from completion.typist import Ask, Person, TypedFile
from tests.completion.told_engine import Told, oracle, rest_of_line

EXAMPLE = "    return math.pi * r\n"
LONGER = "import os\n\n\ndef area(r):\n    return math.pi * r  # of a circle\n"


def figures_of(engine: Told, text: str) -> dict:
    totals = Totals()
    totals.add(typist.type_file(engine, HeldOut("a", "a.py", text), Person()))
    return totals.figures()


def test_the_example_of_the_documentation():
    told = {"    ": "return None", "    return ": "None", "    return math.": "pi * r"}
    found = figures_of(Told(lambda request: told.get(request.prompt)), EXAMPLE)
    assert (found["characters"], found["characters_typed"], found["characters_accepted"]) == (18, 12, 6)
    assert found["ratio_of_completed_code"] == pytest.approx(6 / 18)
    assert (found["keys"], found["keys_without"]) == (14, 19)
    assert found["keystrokes_saved"] == pytest.approx(5 / 19)
    assert (found["perfect_lines"], found["lines_finished_later"]) == (0, 1)
    places = found["places"]
    assert places["total"]["matched_characters"] == pytest.approx(13 / 3)
    assert [places[name]["matched_characters"] for name in typist.PLACES] == [7, 0, 6]
    assert [places[name]["asked"] for name in ("total", *typist.PLACES)] == [3, 1, 1, 1]
    assert [places[name]["characters_accepted"] for name in typist.PLACES] == [0, 0, 6]
    assert places["after_dot"]["ratio_of_completed_code"] == pytest.approx(6 / 18)


def test_an_oracle_completes_everything():
    found = figures_of(oracle(LONGER), LONGER)
    assert (found["ratio_of_completed_code"], found["perfect_lines"], found["lines_finished_later"]) == (1, 1, 0)
    assert (found["lines"], found["lines_of_code"], found["newlines"]) == (5, 3, 5)
    code = len("import os") + len("def area(r):") + len("return math.pi * r  # of a circle")
    assert (found["characters"], found["keys_without"], found["keys"]) == (code, code + 5, 3 + 5)
    assert found["places"]["total"]["matched_characters"] == pytest.approx(code / 3)
    assert found["places"]["total"]["acceptance"] == 1


def test_a_mute_engine_completes_nothing():
    found = figures_of(Told(lambda request: None), LONGER)
    assert (found["ratio_of_completed_code"], found["perfect_lines"], found["keystrokes_saved"]) == (0, 0, 0)
    assert found["characters_typed"] == found["characters"]
    total = found["places"]["total"]
    assert (total["shown"], total["acceptance"], total["matched_characters"]) == (0, None, None)
    assert total["asked"] > 3
    assert total["milliseconds_median"] >= 0, "to know that there is none takes its time"
    assert " - " in typing_figures.table(found)


def test_matched_characters_of_wrong_suggestions_are_exact():
    def two_right(request):
        return rest_of_line(LONGER, request.prompt)[:2] + "\0"

    found = figures_of(Told(two_right), LONGER)
    assert found["characters_accepted"] == 0
    total = found["places"]["total"]
    assert total["shown"] == total["asked"]
    rests = [ask.rest for ask in typist.type_file(Told(two_right), HeldOut("a", "a.py", LONGER), Person()).asks]
    assert total["matched_characters"] == sum(min(2, len(rest)) for rest in rests) / len(rests)
    assert figures_of(Told(lambda request: "\0"), LONGER)["places"]["total"]["matched_characters"] == 0


def test_places_add_up():
    def after_space(request):
        return rest_of_line(LONGER, request.prompt) if request.prompt.endswith(("import ", "math.", "\n")) else "x"

    found = figures_of(Told(after_space), LONGER)
    places = found["places"]
    for name in ("asked", "shown", "accepted", "finished", "characters_accepted", "ratio_of_completed_code"):
        assert places["total"][name] == pytest.approx(sum(places[place][name] for place in typist.PLACES))
    assert places["total"]["ratio_of_completed_code"] == found["ratio_of_completed_code"]
    assert found["characters_accepted"] + found["characters_typed"] == found["characters"]
    assert found["perfect_lines"] == pytest.approx(1 / 3), "the definition"
    assert found["lines_finished_later"] == pytest.approx(2 / 3), "behind `import ` and `math.`"


def test_sums_are_over_files_and_their_order_does_not_matter():
    files = [
        TypedFile("a", 2, 1, 2, 10, 4, (Ask(1, 0, "line_start", "abcdef", "abcdefghij", 6, 10.0),)),
        TypedFile("b", 1, 1, 0, 30, 30, (Ask(1, 4, "mid_line", None, "x", 0, 30.0),)),
        TypedFile("c", 1, 1, 1, 20, 0, (Ask(1, 0, "line_start", "y" * 20, "y" * 20, 20, 20.0),)),
    ]
    found = []
    for order in (files, files[::-1]):
        totals = Totals()
        for file in order:
            totals.add(file)
        found.append(totals.figures(seed=3))
    one, other = found
    assert one["ratio_of_completed_code"] == pytest.approx(26 / 60)
    assert one["perfect_lines"] == pytest.approx(1 / 3)
    assert one["places"]["total"]["milliseconds_median"] == 20
    assert one["keys"] == 34 + 2 + 3
    assert one["by_file"] == other["by_file"][::-1]
    assert {**one, "by_file": 0} == {**other, "by_file": 0}


def test_the_interval():
    assert interval([(1, 4), (2, 8), (10, 40)]) == [0.25, 0.25], "each file is like the others"
    assert interval([(0, 10), (10, 10)]) == [0, 1], "of two files the same one is drawn twice half of the time"
    many = [(i % 7, 10) for i in range(70)]
    low, high = interval(many, seed=1)
    assert 0.2 < low < 0.3 < high < 0.4
    assert interval(many[::-1], seed=1) == [low, high]
    assert interval(many, seed=2) != [low, high]
    assert interval([(1, 2)]) is None
