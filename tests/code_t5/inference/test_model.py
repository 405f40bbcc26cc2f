"""Each of the models: what it writes is what it scores highest, by the same laws."""

import random
import shutil

import numpy as np
import pytest

from code_t5.inference.decoding import Decoding
from code_t5.inference.model import TrainedModel
from completion.healing import NOT_HEALED
from completion.requests import Request
from preprocessing import prompt as prompt_lib
from preprocessing.contract import EOS_ID

pytestmark = pytest.mark.slow
PROMPTS = ["import os\nx = os.", "class A:\n    def f(self, a):\n        return", "for i in range("]


@pytest.fixture(scope="module")
def model(trained) -> TrainedModel:
    return TrainedModel(str(trained), batch_size=250)


@pytest.fixture(scope="module")
def prompts(model) -> list[list[int]]:
    """Whole prompts, as a decoder reads them."""
    ends = [EOS_ID] if model.layout.delimited else []
    return [[*model.codec.encode(text), *ends] for text in PROMPTS]


def scores(model, prompt: list[int], continuations: list[list[int]]) -> np.ndarray:
    return np.array(list(model.score([prompt] * len(continuations), continuations)))


def every_token(model) -> list[int]:
    return list(range(2, model.codec.vocab_size))  # padding cannot be scored, and EOS counts as a delimiter


def test_greedy_takes_the_token_that_scores_highest(model, prompts):
    written = list(model.write(prompts, decoding=Decoding(max_new_tokens=2), stop_ids=[EOS_ID]))
    for prompt, tokens in zip(prompts, written, strict=True):
        for i, token in enumerate(tokens):
            candidates = every_token(model)
            ranked = scores(model, prompt, [[*tokens[:i], candidate] for candidate in candidates])
            assert ranked[candidates.index(token)] >= ranked.max() - 1e-4


def test_beam_search_finds_the_best_of_two_tokens_among_its_first_ones(model, prompts):
    prompt, beam_size = prompts[0], 4
    how = Decoding(max_new_tokens=2, beam_size=beam_size, length_bonus=0.0)
    [found] = model.write([prompt], decoding=how, stop_ids=[EOS_ID])
    first = every_token(model)
    first_ranked = scores(model, prompt, [[a] for a in first])
    best_first = [first[i] for i in np.argsort(-first_ranked)[:beam_size]]
    candidates = [[a, b] for a in best_first for b in [EOS_ID, *first]]
    # Of each step the search sees the best tokens only, twice as many as it has beams; the end may be beyond them.
    if np.sum(first_ranked > scores(model, prompt, [[EOS_ID]])) < 2 * beam_size:
        candidates.append([EOS_ID])
    ranked = scores(model, prompt, candidates)
    found = found if len(found) == 2 else [*found, EOS_ID]
    assert ranked[candidates.index(found)] >= ranked.max() - 1e-4


@pytest.mark.parametrize("how", [Decoding(8, temperature=1.0, top_k=1), Decoding(8, temperature=1e-6)])
def test_sampling_among_one_token_or_without_heat_is_greedy(model, prompts, how):
    greedy = list(model.write(prompts, decoding=Decoding(8), stop_ids=[EOS_ID]))
    assert list(model.write(prompts, decoding=how, stop_ids=[EOS_ID])) == greedy


def test_temperature_and_top_k_are_honoured(model, prompts):
    candidates = every_token(model)
    best = {candidates[i] for i in np.argsort(-scores(model, prompts[0], [[c] for c in candidates]))[:5]}
    drawn = list(model.write(prompts[:1] * 200, decoding=Decoding(1, temperature=5.0, top_k=5), stop_ids=[EOS_ID]))
    assert len({tuple(tokens) for tokens in drawn}) >= 4
    assert {token for tokens in drawn for token in tokens} <= best | {EOS_ID}


@pytest.mark.parametrize("how", [Decoding(4), Decoding(4, beam_size=2, length_bonus=0.0)])
def test_an_answer_goes_on_after_the_beginning_that_it_is_given(model, prompts, how):
    def write(*arguments, decoding):
        return list(model.write(*arguments, decoding=decoding, stop_ids=[EOS_ID]))

    begun = write(prompts, decoding=Decoding(4))
    rest = write(prompts, begun, decoding=how)
    if how.beam_size == 1:
        whole = write(prompts, decoding=Decoding(8))
        assert whole == [start + written for start, written in zip(begun, rest, strict=True)]
    else:
        greedy = write(prompts, begun, decoding=Decoding(4))
        for prompt, start, *ends in zip(prompts, begun, rest, greedy, strict=True):
            beam_score, greedy_score = scores(model, prompt, [start + end for end in ends])
            assert beam_score >= greedy_score - 1e-4


def test_what_ends_an_answer_is_one_event_with_the_probability_of_all(model, prompts):
    """Tokens that lose alone win together, and lose together against one that is likelier than their sum."""
    prompt, candidates = prompts[0], every_token(model)
    ranked = scores(model, prompt, [[token] for token in candidates])
    order = [candidates[i] for i in np.argsort(-ranked)]
    chance = dict(zip(candidates, np.exp(ranked), strict=True))
    [[*end]] = model.write([prompt], decoding=Decoding(1), stop_ids=[EOS_ID])
    # EOS cannot be scored in a delimited row; it has what the others leave, but for what has no text.
    best = chance[end[0]] if end else 1 - sum(chance.values())
    losers = [token for token in order if [token] != end]
    total = np.cumsum([chance[token] for token in losers])
    losers = losers[: 1 + np.flatnonzero(total > 1.1 * best)[0]]
    assert len(losers) > 1
    assert chance[losers[0]] < best
    for stop_ids in (losers, losers[::-1]):
        for how in (Decoding(1), Decoding(1, beam_size=2, length_bonus=0.0), Decoding(1, temperature=1.0, top_k=1)):
            assert list(model.write([prompt], decoding=how, stop_ids=stop_ids)) == [[stop_ids[0]]]
    unlikely = order[-2:]
    assert sum(chance[token] for token in unlikely) < 0.9 * best
    assert list(model.write([prompt], decoding=Decoding(1), stop_ids=unlikely)) == [end]


def text_pieces(model) -> list[int]:
    return [i for i in every_token(model) if model.layout.piece_order.heals(i)]


def test_greedy_takes_the_allowed_token_that_scores_highest_and_other_rows_are_as_they_are(model, prompts):
    order = model.layout.piece_order
    bound = [order.continuing(token) for token in random.Random(0).sample(text_pieces(model), 40)]
    asked, first = prompts[:1] * 40 + prompts, bound + [NOT_HEALED] * len(prompts)
    written = list(model.write(asked, decoding=Decoding(2), stop_ids=[EOS_ID], first_tokens=first))
    candidates = text_pieces(model)
    ranked = dict(zip(candidates, scores(model, prompts[0], [[token] for token in candidates]), strict=True))
    for ranks, tokens in zip(bound, written, strict=False):
        assert tokens[0] in order.ids(ranks)
        assert ranked[tokens[0]] >= max(ranked[token] for token in order.ids(ranks)) - 1e-4
    assert written[40:] == list(model.write(prompts, decoding=Decoding(2), stop_ids=[EOS_ID]))


HOW = [Decoding(3), Decoding(3, beam_size=4), Decoding(3, temperature=5.0), Decoding(3, temperature=5.0, top_k=5)]


@pytest.mark.parametrize("how", HOW)
def test_the_first_token_is_an_allowed_one_even_where_it_may_end_the_row(model, prompts, how):
    order = model.layout.piece_order
    candidates = text_pieces(model)
    lines = [token for token in candidates if token in set(model.codec.line_ends())]
    alone = [token for token in candidates if order.ids(order.continuing(token)) == [token]]
    tokens = random.Random(1).sample(candidates, 60) + lines[:1] + random.Random(1).sample(alone, 3)
    first = [order.continuing(token) for token in tokens]
    stop_ids = [EOS_ID, *lines]
    rows = [prompts[i % len(prompts)] for i in range(len(tokens))]
    written = list(model.write(rows, decoding=how, stop_ids=stop_ids, first_tokens=first))
    for ranks, found in zip(first, written, strict=True):
        assert found[0] in order.ids(ranks)
        assert not set(found[1:]) & set(stop_ids)
    assert [found[0] for found in written[-3:]] == tokens[-3:]


def test_sampling_draws_among_the_allowed(model, prompts):
    order = model.layout.piece_order
    ranks = max((order.continuing(token) for token in text_pieces(model)), key=lambda ranks: ranks[1] - ranks[0])
    how = Decoding(1, temperature=5.0)
    drawn = list(model.write(prompts[:1] * 200, decoding=how, stop_ids=[EOS_ID], first_tokens=[ranks] * 200))
    assert {token for tokens in drawn for token in tokens} <= set(order.ids(ranks))
    assert len({tuple(tokens) for tokens in drawn}) > 20


CODE = "import os\n\n\nclass A:\n    def f(self, a):\n        return '\u2581é\x10' + os.path\n    x = [1]\n"


@pytest.mark.parametrize("how", [Decoding(4), Decoding(4, beam_size=2)])
@pytest.mark.parametrize("one_line", [True, False])
def test_law_what_was_typed_and_the_answer_are_the_text_of_all_tokens(model, how, one_line):
    """With the cursor anywhere, within words, indentation and before newlines."""
    draw = random.Random(2)
    spans = [sorted(draw.sample(range(len(CODE)), 2)) for _ in range(60)]
    typed = [CODE[max(start, end - 25) : end] for start, end in spans]
    rows = [model.layout.rows(Request(text)) for text in typed]
    assert sum(row.taken_back is not None for row in rows) > 50
    first = [model.layout.first_tokens(row) for row in rows]
    stop_ids = model.layout.stop_ids(infilling=False, one_line=one_line)
    read, begun = [row.read for row in rows], [row.begun for row in rows]
    written = list(model.write(read, begun, decoding=how, stop_ids=stop_ids, first_tokens=first))
    answers = list(model.complete(typed, decoding=how, one_line=one_line))
    for text, row, tokens, answer in zip(typed, rows, written, answers, strict=True):
        whole = model.codec.decode([*row.read, *row.begun, *tokens])
        assert whole.startswith(text)
        rest = whole.removeprefix(text)
        assert answer == (prompt_lib.first_line(rest) if one_line else rest)
        assert not (one_line and "\n" in rest)


def test_where_nothing_is_taken_back_nothing_changes(model):
    typed = ["", "x = '😀", *PROMPTS]
    rows = [model.layout.rows(Request(text), heal=False) for text in typed]
    assert rows[:2] == [model.layout.rows(Request(text)) for text in typed[:2]]
    stop_ids = model.layout.stop_ids(infilling=False, one_line=True)
    read, begun = [row.read for row in rows], [row.begun for row in rows]
    written = model.write(read, begun, decoding=Decoding(6), stop_ids=stop_ids)
    expected = [prompt_lib.first_line(model.codec.decode(tokens)) for tokens in written]
    assert list(model.complete(typed, decoding=Decoding(6), heal=False)) == expected
    assert list(model.complete(typed, decoding=Decoding(6)))[:2] == expected[:2]


def test_one_line_ends_before_the_newline_and_empty_prompts_are_fine(model):
    for text in model.complete(["", *PROMPTS], decoding=Decoding(6)):
        assert "\n" not in text


def test_the_last_batch_may_be_part_full(model, prompts):
    alone = [next(iter(model.score([prompts[0]], [[7, 8]])))]
    many = list(model.score([prompts[0]] * 251, [[7, 8]] * 251))
    assert len(many) == 251
    assert np.allclose(many, alone, atol=1e-4)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"beam_size": 2, "temperature": 1.0}, "a beam search is not random"),
        ({"top_k": 5}, "top_k needs a temperature above 0"),
        ({"top_k": 0, "temperature": 1.0}, "top_k must be 1 or more"),
        ({"max_new_tokens": 0}, "must be 1 or more"),
        ({"temperature": -1.0}, "temperature 0 or more"),
    ],
)
def test_decoding_refuses_values_that_do_not_go_together(values, message):
    with pytest.raises(ValueError, match=message):
        Decoding(**values)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no trained model in .*operative_config.gin"):
        TrainedModel(str(tmp_path))


def test_a_model_without_a_checkpoint_is_named(trained_shared, tmp_path):
    shutil.copytree(trained_shared, tmp_path / "model", ignore=shutil.ignore_patterns("checkpoint", "model.ckpt*"))
    with pytest.raises(ValueError, match=r"no checkpoint in .*: training stopped before it saved one"):
        TrainedModel(str(tmp_path / "model"))


def test_the_checkpoint_nearest_to_a_step_is_taken(trained_shared, tmp_path):
    shutil.copytree(trained_shared, tmp_path / "model")
    for path in (tmp_path / "model").glob("model.ckpt-20.*"):
        shutil.copy(path, path.with_name(path.name.replace("ckpt-20", "ckpt-10")))
    lines = ['model_checkpoint_path: "model.ckpt-20"']
    lines += [f'all_model_checkpoint_paths: "model.ckpt-{step}"' for step in (10, 20)]
    (tmp_path / "model" / "checkpoint").write_text("\n".join(lines))
    assert TrainedModel(str(tmp_path / "model")).checkpoint.endswith("model.ckpt-20")
    assert TrainedModel(str(tmp_path / "model"), checkpoint_step=13).checkpoint.endswith("model.ckpt-10")
