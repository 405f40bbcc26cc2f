import json
import os
import pathlib
import subprocess
import sys
from collections import Counter

import pytest

from preprocessing import prompt, run, shards, vocabulary
from preprocessing.contract import CodeFile, DataContractError
from preprocessing.vocabulary import VocabularyParameters
from tests.flcc_tree import write_flcc

TEXT = "import os\n\n\ndef path_{0}(name):\n    return os.path.join('a{0}', name)  # ▁ Ċ \t é\n"


@pytest.fixture(scope="module")
def documents(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("documents")
    trees = {f"ann/r{i}": {f"m{j}.py": TEXT.format(f"{i}_{j}") * 20 for j in range(5)} for i in range(12)}
    write_flcc(folder / "flcc", trees)
    assert run.main(["--input_dir", str(folder / "flcc"), "--output_dir", str(folder / "documents")]) in (None, 0)
    return folder / "documents"


def command(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "preprocessing.vocabulary", *map(str, arguments)], capture_output=True, text=True
    )


def test_equal_texts_give_equal_bytes():
    texts = [TEXT.format(i) for i in range(200)]
    assert vocabulary.train(iter(texts), 500) == vocabulary.train(iter(texts), 500)


def test_the_asked_number_of_pieces_reserved_ones_included():
    codec = prompt.Codec(vocabulary.train(iter([TEXT.format(i) for i in range(200)]), 480))
    assert codec.vocab_size == 480


def test_other_processes_and_threads_give_equal_bytes():
    """Neither the order of hashes nor the number of threads of the trainer says which merge comes first."""
    program = f"""
from preprocessing import contract, vocabulary
print(contract.bytes_digest(vocabulary.train([{TEXT!r}.format(i) for i in range(200)], 600)))
"""
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, threads in (("0", "1"), ("1", "2"), ("2", "8"))
    }
    assert len(found) == 1


def test_too_little_text_is_an_error():
    with pytest.raises(ValueError, match="the train split is too small"):
        vocabulary.train(iter([]), 500)


def test_too_few_pieces_are_an_error():
    with pytest.raises(ValueError, match="a vocabulary of 390 pieces has no room for merges: 426 are taken"):
        vocabulary.train(iter([TEXT.format(i) for i in range(200)]), 390)


def test_rare_characters_get_no_piece_but_the_newline_and_the_space_do():
    assert vocabulary.covered_characters(Counter({"a": 998, "b": 1, "c": 1})) == ["a", "\n", " "]
    assert vocabulary.covered_characters(Counter({"a": 996, "\n": 2, "b": 2})) == ["a", "\n", " "]
    assert vocabulary.covered_characters(Counter({"b": 2, "a": 2, " ": 1})) == ["a", "b", " ", "\n"]


def test_spaces_come_back_where_the_sample_has_none():
    codec = prompt.Codec(vocabulary.train(iter(["abab\n"]), 400))
    assert codec.decode(codec.encode("  a b ")) == "  a b "


def test_an_error_of_the_reader_comes_through():
    def texts():
        yield TEXT
        raise DataContractError("train-00003 is damaged")

    with pytest.raises(DataContractError, match="^train-00003 is damaged$"):
        vocabulary.train(texts(), 480)


def test_the_sample_is_a_share_of_the_train_split_and_of_nothing_else(documents):
    train = {file.content for file in shards.read_documents(documents, "train")}
    everything = set(vocabulary.sample_documents(documents, VocabularyParameters(sample_mb=1000)))
    assert everything == train
    size = sum(len(text.encode()) for text in train) / 1e6
    part = [
        set(vocabulary.sample_documents(documents, VocabularyParameters(sample_mb=size / 2, seed=s))) for s in (0, 1)
    ]
    assert all(0.2 < len(texts) / len(train) < 0.8 for texts in part)
    assert part[0] != part[1]
    assert part[0] == set(vocabulary.sample_documents(documents, VocabularyParameters(sample_mb=size / 2)))


def test_check_counts_what_it_saw():
    codec = prompt.Codec(vocabulary.train(iter([TEXT.format(i) for i in range(200)]), 480))
    files = [CodeFile.of("a/b", f"{i}.py", text) for i, text in enumerate(["x = 1\n", "y▁\n"])]
    result = vocabulary.check(codec, iter(files), max_bytes=1e9)
    assert (result.files, result.bytes, result.exact_round_trips, result.unknowns) == (2, 6 + 5, 1.0, 0)
    assert result.tokens == sum(len(codec.encode(file.content)) for file in files)
    assert result.bytes_per_token == 11 / result.tokens
    assert vocabulary.check(codec, iter(files), max_bytes=1).files == 1


def test_a_vocabulary_that_loses_text_is_refused(documents, tmp_path, monkeypatch):
    monkeypatch.setattr(prompt, "unescape", lambda text: text)  # so that ▁ comes back as its escape
    with pytest.raises(ValueError, match=r"the vocabulary loses text: 0 unknown tokens.*ann/r\d+/m0.py"):
        vocabulary.make_vocabulary(
            documents, tmp_path / "v", parameters=VocabularyParameters(vocab_size=450), check_mb=1
        )
    assert not (tmp_path / "v").exists()


def test_command_makes_it_once_and_says_what_it_checked(documents, tmp_path):
    arguments = ["--documents", documents, "--output_dir", tmp_path / "v", "--vocab_size", 450]
    made = command(*arguments)
    assert made.returncode == 0, made.stderr
    assert "exact round trips 1.0" in made.stdout
    assert "unknown tokens    0" in made.stdout
    description = json.loads((tmp_path / "v" / "vocabulary.json").read_text())
    held_out = [file for split in ("validation", "test") for file in shards.read_documents(documents, split)]
    assert description["held_out"]["files"] == len(held_out)
    assert description["held_out"]["bytes"] == sum(file.size for file in held_out)
    assert description["ids"]["first_sentinel"] == 449
    expected = {"trainer": vocabulary.TRAINER, "vocab_size": 450, "sample_mb": 32.0, "seed": 0}
    assert description["parameters"] == expected
    before = (tmp_path / "v" / "code.model").stat().st_mtime_ns
    assert "already made" in command(*arguments).stdout
    assert (tmp_path / "v" / "code.model").stat().st_mtime_ns == before
    assert "already made" not in command(*arguments, "--seed", 1).stdout


def test_a_vocabulary_of_another_trainer_is_made_again(documents, tmp_path, monkeypatch):
    parameters = VocabularyParameters(vocab_size=450)
    vocabulary.make_vocabulary(documents, tmp_path / "v", parameters=parameters, check_mb=1)
    assert vocabulary.already_made(tmp_path / "v", documents, parameters)
    monkeypatch.setattr(vocabulary, "TRAINER", "another")
    assert vocabulary.already_made(tmp_path / "v", documents, parameters) is None


def test_wrong_use_is_one_clear_line(documents, tmp_path):
    (tmp_path / "mine").mkdir()
    for arguments, message in (
        (["--documents", tmp_path / "nowhere", "--output_dir", tmp_path / "v"], "holds no finished document dataset"),
        (["--documents", documents, "--output_dir", tmp_path / "mine"], "exists and is not a vocabulary"),
    ):
        result = command(*arguments)
        assert result.returncode != 0
        assert message in result.stderr
        assert "Traceback" not in result.stderr
