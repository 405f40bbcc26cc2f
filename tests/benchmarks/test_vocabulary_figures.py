import json
import subprocess
import sys

from benchmarks import vocabulary_figures
from preprocessing import piece_model, prompt
from preprocessing.contract import CodeFile

MODEL = piece_model.bpe_model(["ab", "\n ", "\n  "], ["a", "b", " ", "\n"])


def test_figures_of_a_vocabulary_that_is_known():
    found = vocabulary_figures.figures(MODEL, ["abab\n  ab", "c\n"])
    assert found["vocab_size"] == 3 + 256 + 7 + 128
    assert found["bytes_per_token"] == 11 / 6  # ab ab "\n  " ab, the byte of c, "\n"
    assert found["newline_share"] == 2 / 6
    assert found["line_ends"] == 4  # "\n", two with blanks, the byte
    assert (found["exact_round_trips"], found["unknowns"]) == (1.0, 0)
    assert found["cursors_at_border"] == 1.0  # there is none
    assert found["mb_per_core_second"] > 0


def test_cursors_inside_a_piece():
    codec = prompt.Codec(piece_model.bpe_model(["ab", "a ", "a b"], ["a", "b", "c", " ", "\n"]))
    assert vocabulary_figures.cursors_at_border(codec, ["a b c"]) == 1 / 2
    assert vocabulary_figures.cursors_at_border(codec, ["a b ab c", "c c\n" + "a b\n" * 9 + "ab c"]) == 4 / 5
    assert vocabulary_figures.cursors_at_border(codec, ["", "ab"]) == 1.0


def test_losses_are_counted():
    lossy = piece_model.ModelProto.FromString(MODEL)
    lossy.trainer_spec.byte_fallback = False
    for piece in lossy.pieces:
        if piece.type == piece_model.SentencePiece.BYTE:
            piece.type = piece_model.SentencePiece.UNUSED
    found = vocabulary_figures.figures(lossy.SerializeToString(), ["ab", "acb", "ab", "c"])
    assert (found["exact_round_trips"], found["unknowns"]) == (0.5, 2)


def test_each_repository_has_its_share():
    files = [CodeFile.of(f"ann/r{i % 2}", f"{i}.py", f"{i:04d}\n") for i in range(100)]
    files += [CodeFile.of("bob/small", "a.py", "x\n")]
    texts = vocabulary_figures.balanced(files, repository_bytes=50)
    assert len(texts) == 10 + 10 + 1
    assert texts == vocabulary_figures.balanced(files[::-1], repository_bytes=50)


def test_tensorflows_op_agrees(tmp_path):
    (tmp_path / "a.model").write_bytes(MODEL)
    (tmp_path / "texts.json").write_text(json.dumps(["abab\n  ab ▁ é", "c\n"]))
    # In a process of its own, as it is meant: it limits TensorFlow to one thread.
    program = [sys.executable, "-m", "benchmarks.vocabulary_figures", "--texts", tmp_path / "texts.json", "--models"]
    result = subprocess.run([*program, tmp_path / "a.model"], capture_output=True, text=True, check=True)
    found = json.loads(result.stdout)[str(tmp_path / "a.model")]
    assert found["agrees"]
    assert found["mb_per_core_second"] > 0
