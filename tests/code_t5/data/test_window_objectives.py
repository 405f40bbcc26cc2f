"""The law of each objective, and the fill of its rows, over documents of all lengths."""

import types

import gin
import pytest

from code_t5.data import packing, window_objectives
from preprocessing import contract
from tests.code_t5.data.packed import documents_dataset, fill, kept, pieces_of, random_documents

VOCABULARY = types.SimpleNamespace(vocab_size=1000)
LENGTHS = [(128, 128), (512, 128), (32, 96)]


@pytest.fixture(autouse=True)
def _clean_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def examples(objective, documents, inputs: int, targets: int, *, seed: int = 3) -> list[dict]:
    chosen = objective({"inputs": inputs, "targets": targets}, VOCABULARY)
    packed = packing.pack_documents(documents_dataset(documents), chosen, seed=seed, shuffle=False)
    return list(packed.as_numpy_iterator())


@pytest.mark.parametrize(("inputs", "targets"), LENGTHS)
def test_prefix_lm_piece_by_piece_is_the_documents(inputs, targets):
    documents = random_documents(600)
    found = examples(window_objectives.prefix_lm, documents, inputs, targets)
    together = []
    for example in found:
        prefixes, written = pieces_of(example, "inputs"), pieces_of(example, "targets")
        assert len(prefixes) == len(written)
        for prefix, target in zip(prefixes, written, strict=True):
            assert contract.EOS_ID not in prefix + target[:-1]  # EOS stands only where a file ends, and ends its piece
            together += prefix + target
    assert together == kept(documents, [inputs + targets] * len(found))
    assert min(fill(found, "inputs"), fill(found, "targets")) > 0.98


def test_half_of_the_windows_inside_a_file_are_one_piece():
    found = examples(window_objectives.prefix_lm, [[5] * 40_000], 16, 16)
    counts = [int(example["inputs_segmentation"].max()) for example in found]
    assert len(counts) == 1250
    assert 0.45 < counts.count(1) / 1250 < 0.55  # 3.5 standard deviations
    assert set(counts) == {1, 2, 3, 4}


def test_pieces_are_gin_parameters():
    gin.bind_parameter("code_t5.pieces.whole_share", 1.0)
    found = examples(window_objectives.prefix_lm, [[5] * 4_000], 16, 16)
    assert {int(example["inputs_segmentation"].max()) for example in found} == {1}
    gin.bind_parameter("code_t5.pieces.whole_share", 0.0)
    gin.bind_parameter("code_t5.pieces.max_extra", 1)
    found = examples(window_objectives.prefix_lm, [[5] * 4_000], 16, 16)
    assert {int(example["inputs_segmentation"].max()) for example in found} == {2}
    gin.bind_parameter("code_t5.pieces.whole_share", 1.5)
    with pytest.raises(ValueError, match=r"whole_share is a share from 0 to 1 .* got 1\.5 and 1"):
        window_objectives.PieceCounts()


@pytest.mark.parametrize(("inputs", "targets"), LENGTHS)
def test_delimited_prefix_lm_without_eos_is_the_documents_but_for_what_makes_room_for_eos(inputs, targets):
    gin.bind_parameter("code_t5.delimiter.append_eos", True)
    documents = random_documents(600)
    found = examples(window_objectives.prefix_lm, documents, inputs, targets)
    together = []
    for example in found:
        for name in ("inputs", "targets"):
            for piece in pieces_of(example, name):
                assert piece.count(contract.EOS_ID) == 1  # the mask of the prefix counts them
                assert piece[-1] == contract.EOS_ID
        for prefix, target in zip(pieces_of(example, "inputs"), pieces_of(example, "targets"), strict=True):
            together += prefix[:-1] + target[:-1]
    stream = [token for document in documents for token in document if token != contract.EOS_ID]
    assert _is_subsequence(together, stream)
    # Each file more in a window takes room that its plan did not know of: at 128 + 128 and these short files 2 %.
    assert len(together) > 0.9 * len(stream)
    assert min(fill(found, "inputs"), fill(found, "targets")) > 0.98


@pytest.mark.parametrize("targets", [128, 512, 96])
def test_causal_lm_is_the_documents(targets):
    documents = random_documents(600)
    found = examples(window_objectives.causal_lm, documents, 64, targets)
    assert set(found[0]) == {"targets", "targets_segmentation", "targets_position"}
    pieces = [piece for example in found for piece in pieces_of(example, "targets")]
    stream = [token for document in documents for token in document]
    assert [token for piece in pieces for token in piece] == stream[: len(stream) // targets * targets]
    assert all(contract.EOS_ID not in piece[:-1] for piece in pieces)
    assert fill(found, "targets") == 1.0


@pytest.mark.parametrize(("inputs", "targets"), [*LENGTHS, (512, 114), (512, 512)])
def test_span_corruption_with_the_spans_put_back_is_the_documents(inputs, targets):
    documents = random_documents(400, longest=4000)
    found = examples(window_objectives.span_corruption, documents, inputs, targets)
    together, spans = [], []
    for example in found:
        read, written = pieces_of(example, "inputs"), pieces_of(example, "targets")
        assert len(read) == len(written)
        for seen, answer in zip(read, written, strict=True):
            left, gone = _by_sentinel(seen), _by_sentinel(answer)
            # Inputs end in a sentinel, targets begin with one; both count them from 0.
            assert left.pop() == []
            assert gone.pop(0) == []
            assert len(left) == len(gone)
            spans += gone
            together += [token for pair in zip(left, gone, strict=True) for part in pair for token in part]
    wanted = round(targets / 4)
    spans_a_window = min(wanted, 100, inputs // 2)
    assert together == kept(documents, [inputs + targets - 2 * spans_a_window] * len(found))
    assert min(fill(found, "inputs"), fill(found, "targets")) > 0.98
    if wanted == spans_a_window:  # else there are not sentinels enough, or no room, for spans so short
        assert 2.7 < sum(map(len, spans)) / len(spans) < 3.3


def test_span_corruption_needs_room():
    with pytest.raises(ValueError, match="'targets': 1} has no room for a span"):
        window_objectives.span_corruption({"inputs": 9, "targets": 1}, VOCABULARY)


@pytest.mark.parametrize("delimited", [False, True])
def test_a_context_stands_before_the_first_prefix(delimited):
    gin.bind_parameter("code_t5.delimiter.append_eos", delimited)
    documents, contexts = [list(range(100, 400))], [list(range(900, 910))]
    stream = documents_dataset(documents, contexts)
    chosen = window_objectives.prefix_lm({"inputs": 32, "targets": 32}, VOCABULARY)
    together, found = [], list(packing.pack_documents(stream, chosen, seed=1, shuffle=False, with_contexts=True))
    for example in found:
        example = {name: value.numpy() for name, value in example.items()}
        prefixes, written = pieces_of(example, "inputs"), pieces_of(example, "targets")
        assert prefixes[0][:10] == contexts[0]
        prefixes[0] = prefixes[0][10:]
        for prefix, target in zip(prefixes, written, strict=True):
            together += [token for token in prefix + target if token != contract.EOS_ID]
        assert (example["inputs"] > 0).all()
        assert (example["targets"] > 0).all()
    assert together == documents[0][: len(together)]
    assert len(found) == 300 // 54 if not delimited else len(found) >= 5


@pytest.mark.parametrize(
    "objective", [window_objectives.prefix_lm, window_objectives.causal_lm, window_objectives.span_corruption]
)
def test_the_seed_decides(objective):
    documents = random_documents(100)
    first, again = (examples(objective, documents, 32, 32, seed=3) for _ in range(2))
    other = examples(objective, documents, 32, 32, seed=4)
    assert str(first) == str(again)
    if objective is not window_objectives.causal_lm:
        assert str(first) != str(other)


def _is_subsequence(some: list[int], stream: list[int]) -> bool:
    rest = iter(stream)
    return all(token in rest for token in some)


def _by_sentinel(row: list[int]) -> list[list[int]]:
    """A row between its sentinels, which must count from 0 upwards (ids downwards)."""
    parts, expected = [[]], 999
    for token in row:
        if token >= 900:
            assert token == expected
            expected -= 1
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
