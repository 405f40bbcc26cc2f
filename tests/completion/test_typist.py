"""The law of typing, with engines that suggest what a test says; the real one runs in test_typing_simulation.py."""

import random

import pytest

from completion import typist
from completion.engine import Suggestion
from completion.held_out_files import HeldOut
from completion.typist import Person
from tests.completion.told_engine import Told, oracle, rest_of_line

TEXTS = (
    "import os\n\n\nclass A:\n    def path(self, name):\n\t\treturn os.path.join(self.root, name)\n",
    "x = 1\r\n    y = x.real  \r\n\r\n  \t\n\x0cz = [1,\n     2]",
    "s = '''é😀\u2581\n  indented text\n'''\nt = 1 ",
    "\n\n  a",
)


def sometimes_right(text: str, seed: int) -> Told:
    """Suggests beginnings of the rest of the line, all of it, something else, or nothing."""
    chance = random.Random(seed)

    def suggest(request) -> str | None:
        rest = rest_of_line(text, request.prompt)
        return chance.choice([None, rest, rest[: chance.randrange(len(rest) + 1)], rest[:2] + "\0", "  " + rest])

    return Told(suggest)


@pytest.mark.parametrize(
    ("column", "expected"),
    [(0, "line_start"), (1, None), (2, "mid_line"), (3, "mid_line"), (4, "mid_line"), (5, None), (6, "after_dot")],
)
def test_places(column, expected):
    assert typist.place("x = a.b", column) == expected
    assert typist.place("x = a.b", column, every_key=True) == (expected or "mid_line")


@pytest.mark.parametrize(
    ("suggestion", "rest", "accepted"),
    [
        ("count += 1", "count += 1", 10),
        ("count += 1  ", "count += 1", 10),
        ("count ", "count += 1", 6),
        ("count +", "count += 1", 0),
        ("cou", "count += 1", 0),
        ("count", "count += 1", 5),
        ("count += 10", "count += 1", 0),
        ("count = 1", "count += 1", 0),
        ("os", "os.path", 0),
        ("os.", "os.path", 3),
        ("  )", "  ))", 0),
        (")", ")", 1),
        ("  return", "return", 0),
        ("a // b", "a // b // c", 6),
        ("a /", "a // b", 0),
        ("naïve", "naïveté", 0),
    ],
)
def test_right_suggestions_end_with_a_token(suggestion, rest, accepted):
    assert typist.right(suggestion, rest) == accepted


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("every_key", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_each_character_of_code_is_typed_or_accepted(text, every_key, seed):
    typed = typist.type_file(sometimes_right(text, seed), HeldOut("a", "a.py", text), Person(every_key=every_key))
    assert typed.accepted + typed.typed == typed.characters == sum(len(line.strip()) for line in text.split("\n"))
    lines = text.split("\n")
    after = {}
    for ask in typed.asks:
        line = lines[ask.line - 1]
        assert line[ask.column :].rstrip() == ask.rest
        assert line[: ask.column].strip() == "" or ask.place != "line_start"
        assert ask.column >= after.get(ask.line, 0), "nothing is asked within what was accepted"
        after[ask.line] = ask.column + max(ask.accepted, 1)


@pytest.mark.parametrize("text", TEXTS)
def test_the_engine_is_asked_with_the_file_up_to_the_cursor(text):
    engine = Told(lambda request: None)
    typed = typist.type_file(engine, HeldOut("name", "src/a.py", text), Person(infill=True))
    assert len(engine.requests) == len(typed.asks) > 0
    for request, ask in zip(engine.requests, typed.asks, strict=True):
        assert text.startswith(request.prompt + ask.rest)
        between = text.removeprefix(request.prompt + ask.rest).removesuffix(request.suffix)
        assert text == request.prompt + ask.rest + between + request.suffix
        assert between.strip(" ") == ""
        assert request.suffix == "" or request.suffix[0] in "\r\n"
        assert request.path == "src/a.py"
    engine.requests.clear()
    typist.type_file(engine, HeldOut("name", "src/a.py", text), Person())
    assert {request.suffix for request in engine.requests} == {None}


def test_an_oracle_leaves_enter_and_one_key_a_line():
    text = TEXTS[0]
    typed = typist.type_file(oracle(text), HeldOut("a", "a.py", text), Person())
    assert (typed.typed, len(typed.asks), typed.lines, typed.lines_of_code, typed.newlines) == (0, 4, 6, 4, 6)
    assert all(ask.finishes and ask.place == "line_start" for ask in typed.asks)


def test_after_a_right_beginning_typing_goes_on_behind_it():
    def suggest(request):
        return {"": "value = ", "value = ": "nothing", "value = max(": "a, b)"}.get(request.prompt)

    typed = typist.type_file(Told(suggest), HeldOut("a", "a.py", "value = max(a, b)"), Person())
    assert [(ask.column, ask.suggestion, ask.accepted) for ask in typed.asks] == [
        (0, "value = ", 8),
        (8, "nothing", 0),
        (12, "a, b)", 5),
    ]
    assert typed.typed == len("max(")
    assert typed.newlines == 0


def test_every_key_asks_before_each_character():
    typed = typist.type_file(Told(lambda request: None), HeldOut("a", "a.py", "  ab.c\n\nd\n"), Person(every_key=True))
    assert [(ask.line, ask.column, ask.place) for ask in typed.asks] == [
        (1, 2, "line_start"),
        (1, 3, "mid_line"),
        (1, 4, "mid_line"),
        (1, 5, "after_dot"),
        (3, 0, "line_start"),
    ]


def test_indentation_is_not_counted():
    text = TEXTS[0]
    indented = "".join(f"        {line}\n" for line in text.removesuffix("\n").split("\n"))
    for whole in (True, False):
        one, other = (
            typist.type_file(
                oracle(given) if whole else Told(lambda request: "return"), HeldOut("a", "a.py", given), Person()
            )
            for given in (text, indented)
        )
        assert (one.characters, one.typed, one.lines, one.newlines) == (
            other.characters, other.typed, other.lines, other.newlines,
        )  # fmt: skip
        assert [(ask.place, ask.rest, ask.accepted) for ask in one.asks] == [
            (ask.place, ask.rest, ask.accepted) for ask in other.asks
        ]


def test_the_window_is_cut_and_what_is_below_it_is_still_there():
    text = "a = 1\nb = 2\nc = 3\n"
    engine, told = oracle(text), []
    typed = typist.type_file(
        engine, HeldOut("a", "a.py", text), Person(max_lines=2, infill=True), after_line=told.append
    )
    assert (typed.lines, typed.newlines, typed.characters, told) == (2, 2, 10, [5, 5])
    assert [request.suffix for request in engine.requests] == ["\nb = 2\nc = 3\n", "\nc = 3\n"]


def test_what_is_no_python_is_not_held_against_pythons_grammar():
    engine = Told(lambda request: None)
    for path, expected in (("a.py", True), ("a.pyi", True), ("a.c", False)):
        typist.type_file(engine, HeldOut("a", path, "x"), Person(min_score=-1.5))
        assert (engine.filters.python, engine.filters.min_score) == (expected, -1.5)


def test_only_the_best_suggestion_is_looked_at():
    class Two(Told):
        def complete(self, *arguments, **more):
            return [Suggestion(text, 0.0, (), (), True) for text in ("no", "x = 1")]

    typed = typist.type_file(Two(lambda request: None), HeldOut("a", "a.py", "x = 1\n"), Person())
    assert typed.accepted == 0
    assert {ask.suggestion for ask in typed.asks} == {"no"}
