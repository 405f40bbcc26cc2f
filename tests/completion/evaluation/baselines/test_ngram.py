"""An n-gram model of a small dataset, over the tokens of a small vocabulary."""

import dataclasses
import itertools
import pathlib

import numpy as np
import pytest

from completion.evaluation.baselines.kneser_ney import KneserNey
from completion.evaluation.baselines.ngram import NgramProvider
from completion.evaluation.cases import Case
from completion.search import Decoding
from preprocessing import contract
from tests import small_documents
from tests.exported_models import codec_of_text

GREEDY = Decoding(32)


@pytest.fixture(scope="module")
def codec():
    return codec_of_text()


@pytest.fixture(scope="module")
def documents(tmp_path_factory) -> pathlib.Path:
    return small_documents.write(tmp_path_factory.mktemp("documents"))


@pytest.fixture(scope="module")
def provider(documents, codec) -> NgramProvider:
    return NgramProvider.learn(documents, codec)


def case(prompt: str, **more) -> Case:
    return Case("a.py:1:1", "line", prompt, "", **more)


def test_lines_of_the_train_split_are_completed(provider):
    # The last token before the cursor is taken back: these are no borders of tokens.
    for before, rest in [
        ("    for one in os.list", "dir(folder):"),
        ("        if one.endswith(", "suffix):"),
        ("    os.makedirs(folder, ex", "ist_ok=True)"),
    ]:
        found = provider.answer(case("import os\n\n\ndef f():\n" + before))
        assert found.texts[0] == rest, (before, found.texts)
        assert len(set(found.texts)) == len(found.texts) == len(found.scores) > 1
        assert (found.error, found.provider, found.case) == (None, "n-gram", "a.py:1:1")
        assert found.milliseconds > 0


def test_a_score_is_the_log_probability_of_the_text_and_its_end(provider, codec):
    """By the formula: of the tokens behind the cursor, one after the other, and of all that begins a new line."""
    prompt = "import os\n"
    found = provider.answer(case(prompt + "    ", one_line=True))
    tokens = codec.encode(prompt + "    ")
    written = codec.encode(prompt + "    " + found.texts[0])
    assert written[: len(tokens)] == tokens, "the border is one of tokens"
    nats = provider.logprobs(written)[len(tokens) + 1 :].sum()
    # The first token is one that begins with code; the rest is renormalised.
    order = provider.model.order
    first = provider.model.probabilities([contract.EOS_ID, *tokens][-order + 1 :])
    pieces = codec.piece_bytes()
    text = [i for i, piece in enumerate(pieces) if piece and not codec.processor.is_byte(i)]
    allowed = [i for i in text if not pieces[i][:1].isspace()]
    nats += np.log(first[written[len(tokens)]] / first[allowed].sum())
    end = provider.model.probabilities([contract.EOS_ID, *written][-order + 1 :])
    nats += np.log(end[[contract.EOS_ID, *codec.line_ends()]].sum())
    assert found.scores[0] == pytest.approx(nats)


def test_a_block_goes_on_behind_its_line(provider, codec):
    greedy = provider.asked(GREEDY, 64, ())
    prompt = "import os\n\n\ndef f():\n    for one in os.list"
    assert greedy.answer(case(prompt)).texts == ("dir(folder):",)
    (found,) = greedy.answer(case(prompt, one_line=False)).texts
    assert found.startswith("dir(folder):\n    ")
    assert found.count("\n") > 1
    # Beside "list", which is written again.
    assert 61 <= len(codec.encode(found)) <= 64
    stopped = provider.asked(GREEDY, 64, ("\n    ",)).answer(case(prompt, one_line=False))
    assert stopped.texts == ("dir(folder):",)


def test_candidates_are_ranked_as_names_that_end_there(provider, codec):
    """The order and the differences are those of the whole line with all that may stand behind the name."""
    names = ("listdir", "list", "path", "makedirs", "zzz", "stat")
    prompt = "x = 1\n    for one in os."
    found = provider.answer(case(prompt, candidates=names))
    assert found.texts[0] == "listdir"
    assert sorted(found.texts) == sorted(names)
    assert list(found.scores) == sorted(found.scores, reverse=True)
    pieces = codec.piece_bytes()
    ends = [contract.EOS_ID] + [
        i
        for i, piece in enumerate(pieces)
        if piece and not (chr(piece[0]).isalnum() or piece[:1] == b"_" or piece[0] > 127)
    ]
    whole = {}
    for name in names:
        tokens = codec.encode(prompt + name)
        behind = provider.model.probabilities([contract.EOS_ID, *tokens])[ends].sum()
        whole[name] = provider.logprobs(tokens).sum() + np.log(behind)
    for one, other in itertools.pairwise(found.texts):
        scores = dict(zip(found.texts, found.scores, strict=True))
        assert scores[one] - scores[other] == pytest.approx(whole[one] - whole[other])


@pytest.mark.parametrize("prompt", ["", "imp", "x", "\n", "\n\n    ", "x\n"])
def test_any_prompt_is_answered(provider, prompt):
    assert provider.answer(case(prompt)).texts
    assert provider.answer(case(prompt, one_line=False)).texts
    found = provider.answer(case(prompt, candidates=("os", "path")))
    assert sorted(found.texts) == ["os", "path"]


def test_the_beginning_of_a_file_is_known(provider):
    assert provider.answer(case("")).texts[0] == "import os"
    assert provider.answer(case("i")).texts[0] == "mport os"


def test_what_cannot_be_answered_is_an_error_of_the_case(provider):
    assert provider.answer(case("x = '\ud800")).error.startswith("prompt has half a character at 5")
    assert "without newlines" in provider.answer(case("x = ", candidates=("a", "b\n"))).error


def test_the_most_tokens_are_kept_and_told(documents, codec):
    everything = NgramProvider.learn(documents, codec).learnt
    assert (everything.files, everything.available) == (8, 8)
    lengths = [
        len(codec.encode(small_documents.FILE.format(name=f"train_{i}", title=f"Train{i}"))) + 1 for i in range(8)
    ]
    assert everything.tokens == sum(lengths)
    some = [NgramProvider.learn(documents, codec, max_tokens=200, seed=seed) for seed in (0, 0, 1)]
    assert [one.learnt.tokens for one in some] == [200] * 3
    assert some[0].learnt.files < 8
    begins = [one.model.probabilities([]).tolist() for one in some]
    assert begins[0] == begins[1] != begins[2]


def test_probabilities_are_those_of_the_model_and_bits_follow(provider, codec):
    text = "import os\nx = os.listdir(folder)\n"
    tokens = codec.encode(text)
    found = provider.logprobs(tokens)
    assert found.shape == (len(tokens),)
    assert found[0] == pytest.approx(np.log(provider.model.probabilities([contract.EOS_ID])[tokens[0]]))
    assert found[3] == pytest.approx(np.log(provider.model.probabilities([contract.EOS_ID, *tokens[:3]])[tokens[3]]))
    assert provider.bits_per_byte(text) == pytest.approx(-found.sum() / np.log(2) / len(text))
    assert provider.bits_per_byte("é" * 9) < provider.bits_per_byte("q" * 9) * 9, "of bytes"
    with pytest.raises(ValueError, match="an empty text has no bits per byte"):
        provider.bits_per_byte("")


def test_what_was_learnt_is_likelier(provider, documents, codec):
    learnt = small_documents.FILE.format(name="train_0", title="Train0")
    other = KneserNey([codec.encode("x = 1\n" * 50)], codec.vocab_size, order=6, end=contract.EOS_ID)
    assert provider.bits_per_byte(learnt) < 1 < NgramProvider(codec, other).bits_per_byte(learnt)


def test_greedy_decoding_gives_one_answer(documents, codec):
    greedy = NgramProvider.learn(documents, codec, decoding=GREEDY)
    found = greedy.answer(case("import os\n\n\ndef f():\n    for one in os.list"))
    assert found.texts == ("dir(folder):",)
    short = NgramProvider(codec, greedy.model, decoding=dataclasses.replace(GREEDY, max_new_tokens=2))
    assert "dir(folder):".startswith(short.answer(case("import os\n\n\ndef f():\n    for one in os.list")).texts[0])
