"""The TFDS datasets, read back with TFDS alone."""

import json
import subprocess
import sys

import pytest

from preprocessing import shards
from preprocessing.contract import SPLITS
from tests.code_t5.conftest import command


def test_tfds_alone_reads_it_with_sub_splits_and_counts(data_dir, documents):
    code = (
        "import sys, json, tensorflow_datasets as tfds\n"
        f"builder = tfds.builder_from_directory({str(data_dir / 'flcc_python' / 'dev' / '1.0.0')!r})\n"
        "rows = {s: sorted(e['path'].decode() + e['sha256'].decode()\n"
        "         for e in tfds.as_numpy(builder.as_dataset(split=s))) for s in builder.info.splits}\n"
        "half = len(builder.as_dataset(split='train[:50%]'))\n"
        "assert 'code_t5' not in sys.modules\n"
        "counts = {s: i.num_examples for s, i in builder.info.splits.items()}\n"
        "print(json.dumps([rows, half, counts, builder.info.metadata['documents_digest']]))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    rows, half, counts, digest = json.loads(result.stdout.splitlines()[-1])
    manifest = shards.read_manifest(documents)
    assert counts == {split: manifest.counts[split]["files"] for split in SPLITS}
    assert half == round(counts["train"] / 2)
    assert digest == manifest.digest
    for split in SPLITS:
        assert rows[split] == sorted(f.path + f.sha256 for f in shards.read_documents(documents, split))


def test_building_again_is_a_word_and_other_documents_are_refused(data_dir, documents, tmp_path):
    again = command("code_t5.main.build_dataset", "--documents", documents, "--data_dir", data_dir)
    assert "already made" in again.stdout
    command("preprocessing.run", "--input_dir", documents.parent / "flcc", "--output_dir", tmp_path / "other",
            "--split_salt", "another")  # fmt: skip
    with pytest.raises(AssertionError, match=r"error: .* was made from other documents .*--overwrite"):
        command("code_t5.main.build_dataset", "--documents", tmp_path / "other", "--data_dir", data_dir)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--documents", "nowhere", "--data_dir", "{tmp}"], "nowhere holds no finished document dataset"),
        (["--documents", "{documents}"], "Give --data_dir, or set TFDS_DATA_DIR"),
        (["--documents", "{documents}", "--data_dir", "{tmp}", "--vocabulary", "nowhere"], "no vocabulary at nowhere"),
        (["--documents", "{documents}", "--data_dir", "{tmp}", "extra"], "is not a flag"),
    ],
)
def test_wrong_use_is_one_clear_line(documents, tmp_path, monkeypatch, arguments, message):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    arguments = [a.format(documents=documents, tmp=tmp_path / "data") for a in arguments]
    result = subprocess.run(
        [sys.executable, "-m", "code_t5.main.build_dataset", *arguments], capture_output=True, text=True
    )
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_data_directory_holds_one_vocabulary(data_dir, documents, vocabulary_dir, tmp_path):
    other = tmp_path / "vocabulary"
    other.mkdir()
    for name in ("code.model", "vocabulary.json"):
        (other / name).write_bytes((vocabulary_dir / name).read_bytes() + b" ")
    with pytest.raises(AssertionError, match=r"is another vocabulary .* share one"):
        command("code_t5.main.build_dataset", "--documents", documents, "--data_dir", data_dir, "--vocabulary", other)
