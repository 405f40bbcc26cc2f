"""The benchmark of completions: what it asks, of whom, and what it makes of it."""

import json
import pathlib
import subprocess
import sys

import pytest

from benchmarks import completion_editor, completion_prompts, completion_speed, random_export, random_weights
from benchmarks.completion_models import CONTESTANTS
from benchmarks.completion_prompts import Place
from benchmarks.measure import BenchmarkError
from tests.exported_models import codec_of_text

SHAPE = {"d_model": 32, "num_layers": 2, "d_ff": 64, "num_heads": 2, "d_kv": 16}


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("vocabulary") / "code.model"
    path.write_bytes(codec_of_text().processor.serialized_model_proto())
    return path


@pytest.mark.slow
@pytest.mark.parametrize("contestant", CONTESTANTS)
def test_every_contestant_writes_what_it_is_asked_for(contestant, vocabulary, tmp_path):
    format_, precision = CONTESTANTS[contestant]
    folder = tmp_path / "export"
    random_export.main([
        "--vocabulary", str(vocabulary), "--format", format_, "--precision", precision,
        "--shape", json.dumps(SHAPE), "--output_dir", str(folder),
    ])  # fmt: skip
    kind = completion_speed.KINDS.get(format_, format_)
    one = completion_speed.Contestant(kind, folder, 1)
    try:
        for new in (1, 5):
            found = one.ask(read=[7, 8, 9], new=new)
            # A SavedModel's own loop may end before.
            assert 0 < found["written"] <= new if kind == "saved_model" else found["written"] == new
            assert found["seconds"] > 0
        assert one.ask(memory=True)["peak_mb"] > 10
    finally:
        one.close()


def test_a_contestant_that_dies_is_named(tmp_path):
    with pytest.raises(BenchmarkError, match="engine on nothing ended with status 1"):
        completion_speed.Contestant("engine", tmp_path / "nothing", 1)


class Told:
    """Stands for a process: every token takes so many milliseconds."""

    def __init__(self, first: float, step: float):
        self.first, self.step, self.asked = first, step, []

    def ask(self, *, read, new):
        self.asked.append((len(read), new))
        return {"seconds": (self.first + self.step * (new - 1)) / 1000, "written": new}


def test_contestants_take_turns_and_a_step_is_what_a_token_more_takes():
    places = [Place(list(range(512)), to_end, "x = ", "1") for to_end in (3, 7, 5)]
    running = {"a": Told(10, 2), "b": Told(20, 4)}
    found = completion_speed.in_turns(running, places, 128)
    assert running["a"].asked == [(128, 4), *((128, new) for end in (3, 7, 5) for new in (1, 32, end))]
    assert found["a"]["first"]["p50"] == pytest.approx(10)
    assert found["a"]["new"]["p50"] == pytest.approx(10 + 31 * 2)
    assert found["b"]["step"]["p50"] == pytest.approx(4)
    assert found["a"]["line"] == {"p50": pytest.approx(18), "p95": pytest.approx(21.6)}


def test_places_are_cursors_in_code_with_enough_before_them(tmp_path, monkeypatch):
    codec = codec_of_text()
    line = "        self.name = name  # a name\n"
    texts = [line * 200 + "x = name", "short = 1\n", "# self.name = name\n" * 400]
    files = [type("File", (), {"path": str(i), "content": text}) for i, text in enumerate(texts)]
    monkeypatch.setattr(completion_prompts.shards, "read_documents", lambda folder, split: files)
    [place] = completion_prompts.places(tmp_path, codec, 1)
    assert texts[0].startswith(place.text + place.line + "\n")
    assert place.before == codec.encode(place.text)[-512:]
    assert place.to_end == len(codec.encode(place.line))
    assert 4 <= len(place.line) <= 60
    with pytest.raises(BenchmarkError, match="has 1 long held-out files, 2 are needed"):
        completion_prompts.places(tmp_path, codec, 2)


def test_targets_of_the_editor_are_told():
    one = {"start_s": 2.0, "threads": 2, "new place": 50.0, "one thread": 60.0, "next key": 30.0, "typed": 0.2,
           "greedy": 40.0, "beams": 120.0}  # fmt: skip
    section = completion_editor.table({"base": one}, number=15)
    met = {target.what: target.met for target in section.targets}
    assert met["base: starts in under 3 s"]
    assert met["base: the next key in a line under 80 ms"]
    assert not met["base: a beam of 4 at most 2.5 times greedy"]
    assert ["threads chosen", "2"] in [list(row) for row in section.rows]


def test_random_weights_have_the_shape_that_is_asked_for():
    made = random_weights.weights(
        random_weights.Shape(**SHAPE, decoder_layers=1), vocab_size=300, gated=True, tied=False
    )
    assert (len(made.encoder.blocks), len(made.decoder.blocks)) == (2, 1)
    assert made.embedding.shape == (384, 32)
    assert made.logits.shape == (32, 384)
    assert (made.heads, made.d_kv, made.d_ff) == (2, 16, 64)


def test_the_command_names_what_is_missing(tmp_path):
    words = ["-m", "benchmarks.completion", "--work_dir", str(tmp_path), "--documents", str(tmp_path / "none")]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: " in done.stderr
