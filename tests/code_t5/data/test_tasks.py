"""The Tasks over a real data directory: only what they need is read, and what they give obeys their laws."""

import subprocess
import sys

import gin
import numpy as np
import pytest
import seqio
import tensorflow_datasets as tfds

from code_t5.data import imports, mixtures, names, tasks
from code_t5.data.vocabulary import VOCABULARY
from preprocessing import shards
from preprocessing.contract import EOS_ID, HELD_OUT_SPLITS, SPLITS

LENGTHS = {"inputs": 32, "targets": 24}


@pytest.fixture(autouse=True)
def _no_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def examples(task: str, split: str, **kwargs) -> list[dict]:
    kwargs = {"shuffle": False, "seed": 0, **kwargs}
    return list(tfds.as_numpy(names.find(task).get_dataset(LENGTHS, split=split, **kwargs)))


def contents(documents, split: str) -> list[str]:
    return [file.content for file in shards.read_documents(documents, split)]


def test_the_predecessors_names_are_kept():
    assert {row.task for row in tasks.TABLE} == {
        "fl_py_dev", "fl_py_50stars_top5k_2019", "fl_py_50stars_2019", "fl_py_10stars_2019",
        "bq_py_2016_minus_ethpy150", "bq_py_2016_dedup", "at_py_2020",
    }  # fmt: skip
    assert set(mixtures.TABLE) == {"fl_py_2019_mix", "fl_bq_py_mix", "bq_at_py_mix"}


@pytest.mark.parametrize("row", tasks.TABLE, ids=lambda row: row.task)
def test_each_row_gives_three_tasks_with_their_splits(row):
    assert tuple(seqio.TaskRegistry.get(row.task).source.splits) == SPLITS
    for suffix in ("_line", "_heldout"):
        assert tuple(seqio.TaskRegistry.get(row.task + suffix).source.splits) == HELD_OUT_SPLITS
    assert not any(feature.add_eos for feature in seqio.TaskRegistry.get(row.task).output_features.values())


def test_mixtures_hold_registered_tasks():
    for name, members in mixtures.TABLE.items():
        assert {task.name for task in seqio.get_subtasks(seqio.MixtureRegistry.get(name))} == set(members)


def test_importing_reads_no_file_and_needs_no_data_directory(tmp_path):
    """A data directory that does not exist, and flags that are not parsed, are no reason to fail."""
    code = (
        "import code_t5\n"
        "from code_t5.data.vocabulary import VOCABULARY\n"
        "assert VOCABULARY._model is None\n"
        "from absl import flags\n"
        "assert not flags.FLAGS.is_parsed()\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "TFDS_DATA_DIR": str(tmp_path / "nowhere"), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert not (tmp_path / "nowhere").exists()


def test_train_examples_are_the_documents_and_nothing_else(use_data_dir, documents):
    text = "".join(
        VOCABULARY.decode([t for t in (*e["inputs"], *e["targets"]) if t != EOS_ID])
        for e in examples("fl_py_dev", "validation")
    )
    expected = contents(documents, "validation")
    assert len(text) == sum(map(len, expected))
    assert sorted(text) == sorted("".join(expected))
    assert all(content in text for content in expected)


def test_only_the_text_and_what_accompanies_it_are_read(use_data_dir):
    dataset = seqio.TaskRegistry.get("fl_py_dev").source.get_dataset("validation", shuffle=False)
    assert set(dataset.element_spec) == {"content", "weight", *imports.FEATURES}


def test_the_same_seed_gives_the_same_epoch(use_data_dir):
    first, again, other = (examples("fl_py_dev", "validation", seed=seed, shuffle=True) for seed in (1, 1, 2))
    assert all(np.array_equal(a["inputs"], b["inputs"]) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a["inputs"], b["inputs"]) for a, b in zip(first, other, strict=False))


def test_line_examples_are_cut_on_the_left_and_repeatable(use_data_dir, documents):
    lines = examples("fl_py_dev_line", "validation")
    files = contents(documents, "validation")
    for line in lines:
        before, rest = line["inputs_pretokenized"].decode(), line["targets_pretokenized"].decode()
        assert any(content.startswith(before + rest) for content in files)
        kept = VOCABULARY.encode(before)[-LENGTHS["inputs"] :]
        assert line["inputs"].tolist() == kept
        assert line["targets"].tolist() == VOCABULARY.encode(rest)[: LENGTHS["targets"]]
        assert EOS_ID not in (*line["inputs"], *line["targets"])
    again = examples("fl_py_dev_line", "validation", seed=9)
    assert [line["inputs_pretokenized"] for line in lines] == [line["inputs_pretokenized"] for line in again]


def test_heldout_windows_cover_every_byte_once_and_are_repeatable(use_data_dir, documents):
    windows = examples("fl_py_dev_heldout", "validation")
    codec_bytes = sum(len(content.encode()) for content in contents(documents, "validation"))
    text = b"".join(VOCABULARY.decode(w["inputs"].tolist()).encode() for w in windows)
    assert sum(int(w["targets_bytes"]) for w in windows) + len(text) == codec_bytes
    for window in windows:
        target = VOCABULARY.decode([t for t in window["targets"].tolist() if t != EOS_ID])
        assert window["targets_pretokenized"].decode() == target
        assert int(window["targets_bytes"]) == len(target.encode())
        assert len(window["inputs"]) <= LENGTHS["inputs"]
        assert len(window["targets"]) <= LENGTHS["targets"]
    full = [w for w in windows if len(w["inputs"]) == LENGTHS["inputs"]]
    assert len(full) > len(windows) / 2
    again = examples("fl_py_dev_heldout", "validation", seed=9)
    assert all(np.array_equal(a["targets"], b["targets"]) for a, b in zip(windows, again, strict=True))


@pytest.mark.parametrize("suffix", ["", "_line", "_heldout"])
def test_delimited_examples_end_in_one_eos_each(use_data_dir, suffix):
    gin.bind_parameter("code_t5.delimiter.append_eos", True)
    for example in examples(f"fl_py_dev{suffix}", "validation"):
        for name, length in LENGTHS.items():
            assert example[name].tolist().count(EOS_ID) == 1
            assert example[name][-1] == EOS_ID
            assert len(example[name]) <= length


def test_a_data_directory_without_the_dataset_says_what_makes_it(use_data_dir, tmp_path):
    seqio.set_tfds_data_dir_override(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"(?s)no dataset flcc_python/50stars_2019/1.0.0 in .*build_dataset"):
        names.find("fl_py_50stars_2019").source.get_dataset("train")
    with pytest.raises(FileNotFoundError, match=r"no dataset flcc_python/[15]0stars_2019/1.0.0 in"):
        names.find("fl_py_2019_mix").get_dataset(LENGTHS, split="train")
    assert not list(tmp_path.iterdir())


def test_unknown_names_get_a_hint():
    with pytest.raises(ValueError, match=r"no Task or Mixture is named 'fl_py_deb'. Did you mean fl_py_dev"):
        names.find("fl_py_deb")
