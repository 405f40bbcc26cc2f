"""Pieces of held-out files: the same text for every vocabulary, each token a target once."""

import pytest

from benchmarks import held_out_pieces, predecessor_vocabulary
from preprocessing import contract, prompt, vocabulary

LINES = [f"    value_{n} = compute(argument_{n % 7}, '\u25816\t\ufb01 ▁')\n" for n in range(400)]


def files(count: int, *, lines: int = 120) -> list[contract.CodeFile]:
    return [contract.CodeFile.of(f"ann/tool{n % 3}", f"m{n}.py", "".join(LINES[n : n + lines])) for n in range(count)]


@pytest.fixture(scope="module", params=["ours", "predecessor"])
def codec(request) -> prompt.Codec:
    train = vocabulary.train if request.param == "ours" else predecessor_vocabulary.train
    return prompt.Codec(train(("".join(LINES[n : n + 12]) for n in range(300)), 600))


def test_pieces_begin_with_a_newline_and_end_before_one():
    made = files(6)
    found = held_out_pieces.draw(made, kilobytes=9)
    assert len(found) == 3
    for piece in found:
        assert len(piece.context) == held_out_pieces.CONTEXT_CHARACTERS
        assert piece.text.startswith("\n")
        assert held_out_pieces.PIECE_BYTES <= len(piece.text) < held_out_pieces.PIECE_BYTES + 60
        assert sum(piece.context + piece.text + "\n" in file.content for file in made) >= 1


def test_the_same_files_give_the_same_pieces_and_another_seed_others():
    first = held_out_pieces.draw(files(9), kilobytes=12, seed=1)
    assert first == held_out_pieces.draw(files(9), kilobytes=12, seed=1)
    assert first != held_out_pieces.draw(files(9), kilobytes=12, seed=2)


def test_repositories_take_turns():
    many = [contract.CodeFile.of("big/one", f"{n}.py", "# big\n" * 700) for n in range(50)]
    few = [contract.CodeFile.of("small/one", "a.py", "# few\n" * 700)]
    found = held_out_pieces.draw([*many, *few], kilobytes=12)
    assert ["few" in piece.text for piece in found] == [False, True, False, False]


def test_a_file_that_is_too_short_gives_none():
    assert held_out_pieces.draw(files(3, lines=4), kilobytes=9) == []


def test_every_byte_of_the_text_is_scored_once(codec):
    for piece in held_out_pieces.draw(files(3), kilobytes=9):
        rows = held_out_pieces.rows(codec, piece, max_inputs=16, max_targets=8)
        ids = codec.encode(piece.context + piece.text)
        targets = [i for row in rows for i in row.targets]
        assert ids[-len(targets) :] == targets
        assert all(len(row.targets) == 8 for row in rows[:-1])
        before = len(ids) - len(targets)
        for number, row in enumerate(rows):
            start = before + 8 * number
            assert row.inputs == ids[start - 16 : start]
        # A token of the predecessor's may cross the border; it is shorter than this.
        missing = len(prompt.escape(piece.text).encode()) - sum(row.text_bytes for row in rows)
        assert 0 <= missing < 16


def test_ours_stands_for_all_bytes_and_the_predecessors_newline_counts_one():
    piece = held_out_pieces.Piece("import os\n" * 100, "\n" + "a = 1\n" * 50)
    texts = [f"import os\na = {n}\n" * 9 for n in range(300)]
    ours = prompt.Codec(vocabulary.train(iter(texts), 600))
    rows = held_out_pieces.rows(ours, piece, max_inputs=16, max_targets=8)
    assert sum(row.text_bytes for row in rows) == sum(row.piece_bytes for row in rows) == 301
    theirs = prompt.Codec(predecessor_vocabulary.train(iter(texts), 600))
    rows = held_out_pieces.rows(theirs, piece, max_inputs=16, max_targets=8)
    # 51 newlines, of two bytes each in the pieces.
    assert sum(row.text_bytes for row in rows) == 301
    assert sum(row.piece_bytes for row in rows) == 301 + 51
