import pytest
import tensorflow as tf

from code_t5.data import line_completion

TEXT = "import os\n\n\ndef join(a, b):\r\n    return os.path.join(a, b)\n# end"


def cut(text: str) -> tuple[str, str]:
    before, rest = line_completion.cut_at_cursor(tf.constant(text))
    return before.numpy().decode(), rest.numpy().decode()


@pytest.mark.parametrize("text", [TEXT + f"\nx = {i}\n" for i in range(30)] + ["é = ü.ß\n漢字(名)\n", "a b", "▁ = Ċ"])
def test_the_cursor_stands_inside_a_line_at_the_end_of_a_word_or_a_mark(text):
    before, rest = cut(text)
    line = before.rsplit("\n", 1)[-1] + rest
    assert text.startswith(before + rest)
    assert line in [candidate.removesuffix("\r") for candidate in text.split("\n")]
    assert before[-1:].strip()
    assert rest.strip()
    assert not (before[-1].isalnum() and rest[0].isalnum()), "a word is not cut"
    assert "\n" not in rest
    assert "\r" not in rest


def test_it_is_always_the_same_cursor_and_another_text_has_another():
    assert cut(TEXT) == cut(TEXT)
    assert len({cut(TEXT + f"\nx = {i}\n") for i in range(30)}) > 10


@pytest.mark.parametrize("text, expected", [("", False), ("pass\n\n  x\n", False), ("a b", True), ("x\nf()\n", True)])
def test_files_without_a_place_for_a_cursor_are_left_out(text, expected):
    assert bool(line_completion.has_cursor(tf.constant(text))) is expected


def test_works_inside_map_as_it_does_bare():
    mapped = tf.data.Dataset.from_tensors(TEXT).map(line_completion.cut_at_cursor)
    assert tuple(part.decode() for part in next(mapped.as_numpy_iterator())) == cut(TEXT)


def test_predictions_end_at_their_first_newline_and_score():
    assert line_completion.first_line(" x\ny", example={}, is_target=False) == " x"
    assert line_completion.exact_match([" x + 1"], [" x  + 1"]) == {"exact_match": 100.0}
    assert line_completion.edit_similarity(["return x"], ["return y"]) == {"edit_similarity": 88.0}
