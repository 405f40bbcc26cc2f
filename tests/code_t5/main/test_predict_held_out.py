"""Held-out sets completed and scored: the rows, and what is read for them."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import seqio

from code_t5.data.vocabulary import VOCABULARY
from code_t5.inference import decoding
from code_t5.inference.held_out_examples import HeldOutExamples, text_of
from code_t5.inference.model import TrainedModel
from completion import metrics
from preprocessing import prompt
from tests.code_t5.conftest import command
from tests.code_t5.main.test_programs import failing

LINES, WINDOWS = "fl_py_dev_line:validation", "fl_py_dev_heldout:validation"
LENGTHS = {"inputs": 32, "targets": 32}
ALL = 1_000_000
TEXTS = ["path", "content", "inputs_pretokenized", "targets_pretokenized"]
# Of any kind: texts, lists, an empty list, numbers, what is read and what is computed.
COLUMNS = [
    *("score", "prefix", "target", "completion", "exact_match"),
    *("path", "weight", "inputs", "targets", "import_starts"),
]


def arguments(model, data_dir, output, *more) -> list:
    flags = ["--model_dir", model, "--data_dir", data_dir, "--output_dir", output, "--max_new_tokens", "4"]
    return ["code_t5.main.predict_held_out", *flags, *more]


def both(*columns: str) -> list[str]:
    return ["--sets", f"{LINES},{WINDOWS}", "--number", "20", "--columns", ",".join(columns)]


def file_of(folder, name: str, ending: str = "jsonl"):
    return folder / f"{name.replace(':', '-')}.{ending}"


def rows_of(folder, name: str) -> list[dict]:
    return [json.loads(line) for line in file_of(folder, name).read_bytes().splitlines()]


def tokens(examples: list[dict]) -> list[list[list[int]]]:
    return [[example["inputs"].tolist(), example["targets"].tolist()] for example in examples]


def test_an_example_stands_beside_its_document(use_data_dir):
    lines = HeldOutExamples(LINES, LENGTHS).draw(ALL, TEXTS, seed=0)
    assert len({line["path"] for line in lines}) == len(lines) > 1
    for line in lines:
        assert line["content"].startswith(line["inputs_pretokenized"] + line["targets_pretokenized"])
    pieces = prompt.Codec(VOCABULARY.sp_model).piece_bytes()
    windows = HeldOutExamples(WINDOWS, LENGTHS).draw(ALL, ["inputs", "targets", "path", "content"], seed=0)
    assert {window["path"] for window in windows} >= {line["path"] for line in lines}
    for window in windows:
        text = b"".join(pieces[i] for name in ("inputs", "targets") for i in window[name])
        assert text in prompt.escape(window["content"].decode()).encode()


def test_nothing_is_lost_of_a_character_that_a_window_cuts():
    pieces = [b"", b"", b"", *(bytes([byte]) for byte in "漢".encode()), b"(", b"\x10_"]
    assert text_of([4, 5, 6, 3, 4, 5, 7, 3, 1], pieces) == "\\xbc\\xa2(漢\u2581\\xe6"


@pytest.mark.parametrize("name", [LINES, WINDOWS])
def test_the_same_examples_are_drawn_whichever_fields_are_asked_for(use_data_dir, name):
    held_out = HeldOutExamples(name, LENGTHS)
    for number in (3, ALL):
        alone = held_out.draw(number, ["inputs", "targets"], seed=0)
        beside = held_out.draw(number, ["repository", "inputs", "targets"], seed=0)
        assert list(beside[0]) == ["repository", "inputs", "targets"]
        assert tokens(alone) == tokens(beside)


def test_a_smaller_draw_is_a_part_of_a_larger_one_in_the_datasets_order(use_data_dir):
    held_out = HeldOutExamples(WINDOWS, LENGTHS)
    few, many, others, every = (
        tokens(held_out.draw(number, ["inputs", "targets"], seed=seed))
        for number, seed in ((5, 0), (30, 0), (30, 1), (ALL, 1))
    )
    assert len(few) == 5
    assert len(many) == 30 < len(every)
    assert [one for one in many if one in few] == few
    assert [one for one in every if one in many] == many
    assert others != many


def test_a_split_without_data_is_refused(use_data_dir, tmp_path):
    shutil.copytree(use_data_dir, tmp_path / "data")
    info = tmp_path / "data" / "flcc_python" / "dev" / "1.0.0" / "dataset_info.json"
    described = json.loads(info.read_text())
    described["splits"] = [split for split in described["splits"] if split["name"] != "test"]
    info.write_text(json.dumps(described))
    seqio.set_tfds_data_dir_override(str(tmp_path / "data"))
    with pytest.raises(ValueError, match=r"Unknown split 'test'\. Should be one of \['train', 'validation'\]"):
        HeldOutExamples("fl_py_dev_line:test", LENGTHS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fl_py_dev:validation", "fl_py_dev is for training: its examples are cut anew each time"),
        ("fl_py_dev_line:train", "fl_py_dev_line has no split 'train'; it has validation, test"),
        ("fl_py_dev_line", "is no held-out set: name a Task and a split"),
        ("fl_py_dev_lines:test", "Did you mean fl_py_dev_line"),
    ],
)
def test_what_is_no_held_out_set_is_refused(use_data_dir, name, message):
    with pytest.raises(ValueError, match=message):
        HeldOutExamples(name, LENGTHS)


@pytest.fixture(scope="module")
def written(trained_shared, data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written") / "above" / "predictions"
    command(*arguments(trained_shared, data_dir, folder, *both(*COLUMNS)))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", [LINES, WINDOWS])
def test_rows_hold_what_the_model_says(written, trained_shared, name):
    rows = rows_of(written, name)
    assert [list(row) for row in rows] == [COLUMNS] * len(rows)
    column = {key: [row[key] for row in rows] for key in COLUMNS}
    model = TrainedModel(str(trained_shared), batch_size=16)
    assert np.allclose(column["score"], list(model.score(column["inputs"], column["targets"])), atol=1e-4)
    assert all(score < -1 for score in column["score"])
    how = decoding.Decoding(max_new_tokens=4)
    assert column["completion"] == list(model.complete(column["prefix"], decoding=how))
    for row in rows:
        first = row["target"].split("\n")[0]
        assert row["exact_match"] is metrics.exact_match(first, row["completion"])
    if name == LINES:
        assert not any("\n" in row["target"] for row in rows)
        cut = [model.codec.encode(row["prefix"])[-len(row["inputs"]) :] for row in rows]
        assert cut == column["inputs"]
    else:
        assert column["prefix"] == [model.codec.decode(ids) for ids in column["inputs"]]
        assert column["target"] == [model.codec.decode(ids) for ids in column["targets"]]


@pytest.mark.slow
def test_sets_json_counts_the_rows(written, trained_shared):
    about = json.loads((written / "sets.json").read_text())
    record = json.loads((trained_shared / "run.json").read_text())
    assert (about["model"], about["step"], about["run"]) == (trained_shared.name, 20, record["digest"])
    assert list(about["sets"]) == [LINES, WINDOWS]
    for name, of_set in about["sets"].items():
        rows = rows_of(written, name)
        assert of_set == {
            "file": file_of(written, name).name,
            "examples": len(rows),
            "columns": COLUMNS,
            "exact_matches": sum(row["exact_match"] for row in rows),
        }
    assert about["sets"][WINDOWS]["examples"] == 20
    assert {path.name for path in written.iterdir()} == {"sets.json", *(s["file"] for s in about["sets"].values())}
    assert [path.name for path in written.parent.iterdir()] == [written.name]


@pytest.mark.slow
def test_a_second_run_gives_the_same_bytes_over_what_a_killed_one_left(written, trained_shared, data_dir, tmp_path):
    (tmp_path / "again.incomplete").mkdir()
    (tmp_path / "again.incomplete" / "left").write_text("x")
    command(*arguments(trained_shared, data_dir, tmp_path / "again", *both(*COLUMNS)))
    first, second = (
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in (written, tmp_path / "again")
    )
    assert first == second


@pytest.mark.slow
def test_parquet_holds_the_same_rows(written, trained_shared, data_dir, tmp_path):
    command(*arguments(trained_shared, data_dir, tmp_path / "rows", *both(*COLUMNS), "--format", "parquet"))
    for name in (LINES, WINDOWS):
        table = pq.read_table(file_of(tmp_path / "rows", name, "parquet"))
        assert table.to_pylist() == rows_of(written, name)
        types = {str(field.name): str(field.type) for field in table.schema}
        assert types["import_starts"] == types["inputs"] == "list<element: int32>"
        assert (types["score"], types["exact_match"], types["path"]) == ("double", "bool", "string")


@pytest.mark.slow
def test_what_is_not_asked_for_is_not_computed_and_a_failure_leaves_nothing(
    written, trained_shared, data_dir, tmp_path
):
    """A model without weights can do neither, but its held-out sets can be read."""
    shutil.copytree(trained_shared, tmp_path / "model", ignore=shutil.ignore_patterns("model.ckpt*"))
    read = [tmp_path / "model", data_dir, tmp_path / "read"]
    command(*arguments(*read, *both("target", "path")))
    for name in (LINES, WINDOWS):
        expected = [{"target": row["target"], "path": row["path"]} for row in rows_of(written, name)]
        assert rows_of(tmp_path / "read", name) == expected
    about = json.loads((tmp_path / "read" / "sets.json").read_text())
    assert [of_set["exact_matches"] for of_set in about["sets"].values()] == [None, None]
    assert "model.ckpt-20" in failing(*arguments(tmp_path / "model", data_dir, tmp_path / "scored", *both("score")))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "read"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--sets", LINES, "--columns", "path,likelihood"],
            f"{LINES} has no column likelihood: there are prefix, target, completion, exact_match, score, inputs, ",
        ),
        (["--sets", LINES, "--columns", "targets_bytes"], "has no column targets_bytes"),
        (["--sets", "fl_py_dev_line"], "--sets fl_py_dev_line: 'fl_py_dev_line' is no held-out set"),
        (["--sets", ""], "--sets names none"),
        (["--sets", LINES, "--output_dir", "{here}"], "is there already: give another --output_dir, or delete it"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(trained_shared, data_dir, tmp_path, more, message):
    more = [word.format(here=tmp_path) for word in more]
    assert message in failing(*arguments(trained_shared, data_dir, tmp_path / "out", *more))
    assert list(tmp_path.iterdir()) == []
