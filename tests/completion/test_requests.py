"""What a model reads for a request: exact tokens, and errors for what it was not trained for."""

import re
import time

import pytest

from completion import healing
from completion.requests import Layout, Request, Rows
from preprocessing import contract, prompt, vocabulary
from preprocessing.contract import EOS_ID

TEXT = "import os\n\n\ndef path(name):\n    return os.path.join('a', name)\n"


@pytest.fixture(scope="module")
def codec() -> prompt.Codec:
    return prompt.Codec(vocabulary.train(iter([TEXT * 50, "class A:\n    pass\n" * 50]), 500))


def layout(codec, **more) -> Layout:
    values = {"max_inputs": 200, "max_forced": 100, "delimited": False}
    return Layout(codec, **{**values, **more})


def unhealed(layout: Layout, request: Request) -> tuple[list[int], list[int]]:
    return layout.rows(request, heal=False)[:2]


def test_an_encoder_decoder_reads_the_lines_before_and_begins_with_the_cursors(codec):
    assert unhealed(layout(codec), Request("import os\n    x = os.")) == (
        codec.encode("import os"),
        codec.encode("\n    x = os."),
    )
    for text in ("x = os.", "\nx = os.", ""):
        assert unhealed(layout(codec), Request(text)) == (codec.encode(text), [])


@pytest.mark.parametrize("end", [{"delimited": True}, {"delimited": False, "one_row": True}])
def test_a_decoder_reads_all_and_the_end_of_a_delimited_part(codec, end):
    text = "import os\n    x = os."
    assert unhealed(layout(codec, **end), Request(text)) == ([*codec.encode(text), *[EOS_ID] * end["delimited"]], [])


@pytest.mark.parametrize("text", ["if x:\n    y = 1", "if x:\r\n\ty", "a\n\n\n  b", "def f():\n", "a\n        ", "a"])
@pytest.mark.parametrize("how", [{}, {"delimited": True}, {"one_row": True}])
def test_law_the_parts_of_a_prompt_are_the_ids_of_the_whole(codec, text, how):
    read, begun, taken_back = layout(codec, **how).rows(Request(text))
    back = [] if taken_back is None else [taken_back]
    assert [*(i for i in read if i != EOS_ID), *begun, *back] == codec.encode(text)
    assert bool(back) == (not codec.processor.is_byte(codec.encode(text)[-1]))
    read, begun, taken_back = layout(codec, **how).rows(Request(text), heal=False)
    assert [*(i for i in read if i != EOS_ID), *begun] == codec.encode(text)
    assert taken_back is None


def test_a_newline_is_taken_back_because_more_indentation_may_be_one_piece_with_it(codec):
    lay = layout(codec)
    rows = lay.rows(Request("def f():\n"))
    assert rows == Rows(codec.encode("def f():"), [], codec.encode("\n")[0])
    allowed = lay.piece_order.ids(lay.first_tokens(rows))
    assert codec.encode("\n    ")[0] in allowed
    assert sorted(allowed) == [i for i in codec.line_ends() if not codec.processor.is_byte(i)]


def test_what_is_no_text_piece_stays(codec):
    lay = layout(codec, context_budget=50)
    assert lay.rows(Request("")).taken_back is None
    assert lay.rows(Request("", path="a.py")).taken_back is None
    assert lay.rows(Request("x = '\U0001f600")).taken_back is None  # four bytes, because no piece has it
    rows = layout(codec, infills=True).rows(Request("", suffix="\n"))
    assert rows.taken_back is None
    assert lay.first_tokens(rows) == healing.NOT_HEALED


def test_law_where_the_whole_line_agrees_its_own_piece_is_allowed(codec):
    lay, pieces = layout(codec), codec.piece_bytes()
    agreed = 0
    for end in range(1, len(TEXT)):
        whole, rows = codec.encode(TEXT), lay.rows(Request(TEXT[:end]))
        before = [*rows.read, *rows.begun]
        if rows.taken_back is None or whole[: len(before)] != before:
            continue
        next_piece = whole[len(before)]
        if pieces[next_piece].startswith(pieces[rows.taken_back]):
            agreed += 1
            assert next_piece in lay.piece_order.ids(lay.first_tokens(rows))
    assert agreed > 20


@pytest.mark.parametrize("delimited", [False, True])
def test_what_is_too_long_is_cut_far_from_the_cursor(codec, delimited):
    lay = layout(codec, max_inputs=20, max_forced=6, delimited=delimited, infills=True)
    before, line = codec.encode(TEXT * 9), codec.encode("\n    x = (1, 2, 3, 4, 5, 6, 7, 8, 9)")
    end = [EOS_ID] if delimited else []
    request = Request(TEXT * 9 + "\n    x = (1, 2, 3, 4, 5, 6, 7, 8, 9)")
    if delimited:
        assert unhealed(lay, request) == ([*[*before, *line][-20:], EOS_ID], [])
        assert lay.rows(request) == ([*[*before, *line][-21:-1], EOS_ID], [], line[-1])
    else:
        assert unhealed(lay, request) == (before[-20:], line[-6:])
        assert lay.rows(request) == (before[-20:], line[-7:-1], line[-1])
    ids = contract.special_ids(codec.vocab_size)
    read, begun, taken_back = lay.rows(Request(request.prompt, suffix=TEXT * 9))
    assert taken_back == line[-1]
    assert read == [*prompt.infilling(before, before, ids=ids, max_tokens=20), *end]
    assert read[1:10] == before[-9:]
    assert begun == line[-7:-1]


def test_with_a_suffix_the_lines_before_are_read_and_the_files_end_is_shown(codec):
    lay = layout(codec, infills=True)
    ids = contract.special_ids(codec.vocab_size)
    before, line, after = (codec.encode(text) for text in ("import os", "\nx = ", "\ny = 2\n"))
    read = [ids["fill_prefix"], *before, ids["fill_suffix"], *after, EOS_ID, ids["fill_middle"]]
    request = Request("import os\nx = ", "\ny = 2\n")
    assert lay.rows(request) == (read, line[:-1], line[-1])
    assert unhealed(lay, request) == (read, line)
    delimited = layout(codec, infills=True, delimited=True).rows(request)
    assert delimited == ([i for i in read if i != EOS_ID] + [EOS_ID], line[:-1], line[-1])
    empty = [ids["fill_prefix"], ids["fill_suffix"], EOS_ID, ids["fill_middle"]]
    assert lay.rows(Request("", "")) == (empty, [], None)
    assert unhealed(lay, Request("x = ", "")) == (empty, codec.encode("x = "))


def test_what_is_read_is_the_same_while_a_line_is_typed(codec):
    lay = layout(codec, infills=True)
    line = "    return os.path"
    read = {tuple(lay.rows(Request(TEXT + line[:end], "\n")).read) for end in range(1, len(line) + 1)}
    assert len(read) == 1


def test_other_files_stand_before_the_prompt_and_take_room_from_it(codec):
    files = (("a.py", TEXT * 9), ("b.py", "x = 1\n"))
    lay = layout(codec, max_inputs=120, context_budget=100, infills=True)
    before = prompt.context(codec, files, path="c.py", budget=100)
    assert 90 < len(before) <= 100
    read, begun = unhealed(lay, Request(TEXT * 5 + "\nx", files=files, path="c.py"))
    assert read == [*before, *codec.encode(TEXT * 5)[-(120 - len(before)) :]]
    assert begun == codec.encode("\nx")
    read, _ = unhealed(lay, Request(TEXT * 5, TEXT * 5, files, "c.py"))
    assert read[: len(before)] == before
    assert len(read) == 120
    only_path = prompt.context(codec, (), path="c.py", budget=100)
    assert unhealed(lay, Request("x", path="c.py")) == ([*only_path, *codec.encode("x")], [])
    assert unhealed(lay, Request("x")) == (codec.encode("x"), [])
    assert unhealed(layout(codec), Request("x", path="c.py")) == (codec.encode("x"), [])


def test_what_ends_an_answer(codec):
    lay = layout(codec)
    end, lines = contract.special_ids(codec.vocab_size)["end_of_insertion"], codec.line_ends()
    assert lay.stop_ids(infilling=False, one_line=False) == [EOS_ID]
    assert lay.stop_ids(infilling=False, one_line=True) == [EOS_ID, *lines]
    assert lay.stop_ids(infilling=True, one_line=False) == [end, EOS_ID]
    assert lay.stop_ids(infilling=True, one_line=True) == [end, EOS_ID, *lines]


def test_a_model_is_not_asked_for_what_it_was_not_trained_for(codec):
    with pytest.raises(
        ValueError, match=r"has a suffix, but .* code_t5.infilling.rate .* Leave the suffix out, or train"
    ):
        layout(codec).check(Request("x", ""))
    with pytest.raises(ValueError, match=r"has files, but .* code_t5.context.budget .* --context_budget"):
        layout(codec).check(Request("x", files=(("a.py", ""),)))
    layout(codec).check(Request("x", path="a.py"))
    layout(codec, infills=True, context_budget=10).check(Request("x", "", (("a.py", ""),)))


@pytest.mark.parametrize("budget", [-1, 197, 1000])
def test_a_budget_leaves_room_for_a_prompt(codec, budget):
    with pytest.raises(ValueError, match=r"the model reads 200 in all, so it is 0 to 196"):
        layout(codec, context_budget=budget)


def test_rows_become_requests():
    row = {"prompt": "a", "suffix": "b", "path": "c.py", "files": [{"path": "d.py", "text": "e"}], "id": 7}
    assert Request.from_row(row, where="x:1") == Request("a", "b", (("d.py", "e"),), "c.py")
    assert Request.from_row({"prompt": "a", "suffix": None}, where="x:1") == Request("a")


@pytest.mark.parametrize(
    "row, message",
    [
        ([], 'x:1 has no text "prompt"'),
        ({"prompt": 3}, 'x:1 has no text "prompt"'),
        ({"prompt": "a", "suffix": 3}, 'x:1: "suffix" is the text after the cursor, or null, got 3'),
        ({"prompt": "a", "path": None}, 'x:1: "path" is the path of the file in its repository, got None'),
        ({"prompt": "a", "files": "b.py"}, 'x:1: "files" is a list such as'),
        ({"prompt": "a", "files": [{"path": "b.py"}]}, 'x:1: "files" is a list such as'),
    ],
)
def test_rows_that_are_no_requests_are_named(row, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Request.from_row(row, where="x:1")


def test_law_of_a_long_file_its_end_alone_is_encoded_and_nothing_else_changes(codec):
    lay = layout(codec, infills=True)
    line = "    return os.path.join('a', name)\n"
    for text in (line * 1000, "x" * 9000 + "\n" + line * 300, line * 1000 + "x = " * 3000, "\n" * 9000, "é\n" * 5000):
        border = text.rfind("\n")
        read, begun = unhealed(lay, Request(text))
        assert read == codec.encode(text[:border])[-200:]
        assert begun == codec.encode(text[border:])[-100:]
        room, ids = 200, contract.special_ids(codec.vocab_size)
        read, begun = unhealed(lay, Request(text, suffix=text))
        assert read == prompt.infilling(
            codec.encode(text[:border]), [*codec.encode(text), EOS_ID], ids=ids, max_tokens=room
        )
        assert begun == codec.encode(text[border:])[-100:]


def test_a_line_of_megabytes_is_read_in_a_moment(codec):
    lay = layout(codec, infills=True)
    started = time.perf_counter()
    for text in ("a b" * 3_000_000, "a\n" * 3_000_000):
        rows = lay.rows(Request(text, suffix=text))
        assert len(rows.read) <= 200
        assert len(rows.begun) <= 100
    assert time.perf_counter() - started < 5, "the whole takes half a minute"
