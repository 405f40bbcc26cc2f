"""Holes in real code: what is read and written is the text, and each part is what the vocabulary makes of it."""

import gin
import numpy as np
import pytest
import tensorflow_datasets as tfds

from code_t5.data import infilling, names, packing, window_objectives
from code_t5.data.vocabulary import VOCABULARY
from preprocessing import contract, prompt
from tests.code_t5.data.packed import fill, pieces_of


@pytest.fixture(autouse=True)
def _clean_gin():
    gin.clear_config()
    yield
    gin.clear_config()


@pytest.fixture
def codec(use_data_dir) -> prompt.Codec:
    return prompt.Codec(VOCABULARY.sp_model)


@pytest.fixture
def texts(use_data_dir) -> list[str]:
    source = names.find("fl_py_dev").source
    return [row["content"].decode() for row in tfds.as_numpy(source.get_dataset("train", shuffle=False))]


def packed(level: str, *, inputs: int = 128, targets: int = 128, rate: float = 1.0, take: int = 300) -> list[dict]:
    gin.bind_parameter("code_t5.infilling.rate", rate)
    gin.bind_parameter("code_t5.infilling.level", level)
    documents = names.find("fl_py_dev").get_dataset(None, split="train", shuffle=False)
    objective = window_objectives.prefix_lm({"inputs": inputs, "targets": targets}, VOCABULARY)
    return list(packing.pack_documents(documents, objective, seed=1, shuffle=False).take(take).as_numpy_iterator())


def holes_of(example: dict[str, np.ndarray], ids: dict[str, int]) -> list[tuple[list[int], list[int], list[int]]]:
    """(before, middle, after) of the pieces that are holes."""
    found = []
    for read, written in zip(pieces_of(example, "inputs"), pieces_of(example, "targets"), strict=True):
        if read[0] != ids["fill_prefix"]:
            assert not set(read + written) & {ids[name] for name in ("fill_suffix", "fill_middle", "end_of_insertion")}
            continue
        suffix = read.index(ids["fill_suffix"])
        assert read[-1] == ids["fill_middle"]
        assert written[-1] == ids["end_of_insertion"]
        found.append((read[1:suffix], written[:-1], read[suffix + 1 : -1]))
    return found


@pytest.mark.parametrize("level", infilling.LEVELS)
def test_put_together_a_hole_is_the_text(level, codec, texts):
    ids = contract.special_ids(codec.vocab_size)
    found = packed(level)
    holes = [hole for example in found for hole in holes_of(example, ids)]
    assert len(holes) > 300  # one or two a window
    everything = "\0".join(texts)
    pieces, exact = codec.piece_bytes(), 0
    for before, middle, after in holes:
        at_file_end = after[-1:] == [contract.EOS_ID]
        assert contract.EOS_ID not in before + middle + after[:-1]
        bytes_of = b"".join(pieces[i] for i in before + middle + after)
        text = prompt.unescape(bytes_of.decode(errors="ignore"))
        assert text + ("\0" if at_file_end else "") in everything + "\0"
        exact += codec.encode(codec.decode(middle)) == middle
    # The vocabulary's own ids of the text between the cuts, but for cuts that would split a character or an escape.
    assert exact > (0.97 if level == "character" else 0.6) * len(holes)
    assert min(fill(found, "inputs"), fill(found, "targets")) > 0.98


@pytest.mark.parametrize("level", infilling.LEVELS)
def test_holes_begin_with_a_line(level, codec, texts):
    ids = contract.special_ids(codec.vocab_size)
    everything = "\0" + "\0".join(texts)
    begun = [
        codec.decode(middle).startswith("\n") or "\0" + codec.decode(middle) in everything or not before
        for example in packed(level, take=200)
        for before, middle, _ in holes_of(example, ids)
    ]
    assert all(begun), "with the newline before it, or with its file or window"


def test_line_holes_end_with_a_line(codec):
    ids = contract.special_ids(codec.vocab_size)
    for example in packed("line", take=100):
        for _, _, after in holes_of(example, ids):
            assert codec.decode(after)[:1] in ("", "\n"), "before a newline, or with its file or its window"


def test_character_holes_end_inside_tokens_and_inside_words(codec, texts):
    ids = contract.special_ids(codec.vocab_size)
    holes = [hole for example in packed("character", take=300) for hole in holes_of(example, ids)]
    ends = [(codec.decode(middle)[-1:], codec.decode(after)[:1]) for _, middle, after in holes]
    inside = [left.isalnum() and right.isalnum() for left, right in ends if right not in ("", "\n")]
    # More than half of all places between characters of code lie inside words.
    assert 0.35 < np.mean(inside) < 0.8


@pytest.mark.parametrize("level", infilling.LEVELS)
def test_half_of_the_holes_end_with_their_line(level, codec):
    """The others are as long as there is room for, so few are of a token or two."""
    ids = contract.special_ids(codec.vocab_size)
    holes = [hole for example in packed(level, take=400) for hole in holes_of(example, ids)]
    to_line_end = [
        middle
        for _, middle, after in holes
        if codec.decode(middle).count("\n", 1) == 0 and codec.decode(after)[:1] in ("", "\n")
    ]
    # Some of the long ones are cut short by their file's end, some short ones by chance end with a line.
    assert 0.4 < len(to_line_end) / len(holes) < (0.65 if level == "character" else 0.75)
    others = [len(middle) for _, middle, _ in holes if middle not in to_line_end]
    assert np.median(others) > 2 * np.median([len(middle) for middle in to_line_end])


def test_the_rate_is_the_share_of_windows_with_holes(codec):
    ids = contract.special_ids(codec.vocab_size)
    found = packed("line", rate=0.3, take=1000)
    share = np.mean([ids["fill_middle"] in example["inputs"] for example in found])
    assert 0.25 < share < 0.35  # 3.5 standard deviations
    assert not any(ids["fill_middle"] in example["inputs"] for example in packed("line", rate=0.0, take=100))


def test_holes_in_delimited_rows_end_in_eos(codec):
    gin.bind_parameter("code_t5.delimiter.append_eos", True)
    ids = contract.special_ids(codec.vocab_size)
    found = packed("character", take=200)
    for example in found:
        for name in ("inputs", "targets"):
            for piece in pieces_of(example, name):
                assert piece[-1] == contract.EOS_ID
                assert piece.count(contract.EOS_ID) == 1
        assert ids["fill_middle"] not in example["inputs"] or ids["end_of_insertion"] in example["targets"]
    assert min(fill(found, "inputs"), fill(found, "targets")) > 0.98


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rate": 1.5}, r"infilling\.rate is a share from 0 to 1, got 1\.5"),
        ({"level": "word"}, r"infilling\.level is one of character, line, got 'word'"),
        ({"holes": 0}, r"infilling\.holes is 1 or more, got 0"),
    ],
)
def test_values_out_of_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        infilling.Infilling(**parameters)
