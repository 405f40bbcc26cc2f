"""Documents that are damaged in every way: whoever reads them refuses them, names the file, and leaves nothing."""

import json
import pathlib
import shutil
import sys
from collections.abc import Callable

import pytest

from preprocessing import contract, run, shards, statistics, vocabulary, weights
from tests.faults import processes
from tests.flcc_tree import write_flcc


def flipped(position: Callable[[int], int]) -> Callable[[bytes], bytes]:
    """Changes one bit of the byte at a position, which is given the length."""

    def damage(whole: bytes) -> bytes:
        changed = bytearray(whole)
        changed[position(len(whole))] ^= 1
        return bytes(changed)

    return damage


# A Parquet file: "PAR1", pages, the footer, its length in 4 bytes, "PAR1".
SHARD_DAMAGES = {
    "a bit of the first mark": flipped(lambda size: 0),
    "a bit of the first page": flipped(lambda size: 40),
    "a bit in the middle": flipped(lambda size: size // 2),
    "a bit of the footer": flipped(lambda size: size - 100),
    "a bit of the footer's length": flipped(lambda size: size - 8),
    "a bit of the last mark": flipped(lambda size: size - 1),
    "one byte cut off": lambda whole: whole[:-1],
    "half of it cut off": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "one byte more": lambda whole: whole + b"\0",
    "zeros where a block was": lambda whole: whole[:4096] + bytes(4096) + whole[8192:],
    "missing": None,
}


def edited(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    def damage(whole: bytes) -> bytes:
        manifest = json.loads(whole)
        change(manifest)
        return json.dumps(manifest).encode()

    return damage


MANIFEST_DAMAGES = {
    "another count": edited(lambda manifest: manifest["counts"]["train"].update(files=1)),
    "no shards": edited(lambda manifest: manifest["shards"].clear()),
    "another digest of a shard": edited(
        lambda manifest: next(iter(manifest["shards"].values())).update(sha256="0" * 64)
    ),
    "another schema": edited(lambda manifest: manifest.update(schema_version=1)),
    "a field missing": edited(lambda manifest: manifest.pop("drops")),
    "half of it cut off": lambda whole: whole[: len(whole) // 2],
    "a bit": flipped(lambda size: size // 2),
    "not UTF-8": lambda whole: b"\xff" + whole,
    "empty": lambda whole: b"",
    "missing": None,
}


def documents_with(made, folder: pathlib.Path, name: str, damage: Callable[[bytes], bytes] | None) -> pathlib.Path:
    """A copy of the documents with one file damaged, or missing where `damage` is None."""
    made.undisturbed("run")
    documents = folder / "documents"
    shutil.copytree(made.folder / "run" / "out", documents)
    file = documents / name
    whole = file.read_bytes()
    file.unlink()
    if damage:
        file.write_bytes(damage(whole))
    return documents


def largest(made, split: str) -> str:
    """The name of the largest shard of a split."""
    made.undisturbed("run")
    files = (made.folder / "run" / "out").glob(f"{split}-*")
    return max(files, key=lambda file: file.stat().st_size).name


def read_against(documents: pathlib.Path, out: pathlib.Path) -> None:
    tree = write_flcc(out.parent / "tree", {"new/one": {"a.py": "x = 1\n"}})
    run.main(f"--input_dir {tree} --output_dir {out} --workers 1 --against {documents}".split())


def read_for_vocabulary(documents: pathlib.Path, out: pathlib.Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", f"vocabulary --documents {documents} --output_dir {out} --vocab_size 600".split())
        vocabulary.main()


def read_for_statistics(documents: pathlib.Path, out: pathlib.Path) -> None:
    statistics.main(f"--documents {documents} --output_dir {out} --workers 1".split())


def read_for_weights(documents: pathlib.Path, out: pathlib.Path) -> None:
    weights.main(f"--documents {documents} --output_dir {out} --workers 1 --by repository".split())


READERS = [read_against, read_for_vocabulary, read_for_statistics, read_for_weights]


def assert_refused(reader, documents: pathlib.Path, capsys, *, names: str) -> None:
    out = documents.parent / "out"
    with pytest.raises(SystemExit) as stopped:
        reader(documents, out)
    # `sys.exit` with a text prints it and gives status 1.
    error = stopped.value.code if isinstance(stopped.value.code, str) else capsys.readouterr().err
    assert stopped.value.code not in (0, None)
    assert error.startswith("error: ")
    assert error.count("\n") <= 1
    assert f"{documents}/{names}" in error or (names == contract.MANIFEST_FILE and f"there is no {names}" in error)
    assert sorted(path.name for path in documents.parent.iterdir() if path.name != "tree") == ["documents"]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("damage", SHARD_DAMAGES)
def test_a_damaged_shard(made, tmp_path, capsys, reader, damage):
    name = largest(made, "train")
    documents = documents_with(made, tmp_path, name, SHARD_DAMAGES[damage])
    assert_refused(reader, documents, capsys, names=name)


@pytest.mark.parametrize("reader", READERS)
def test_a_shard_with_the_content_of_another(made, tmp_path, capsys, reader):
    name, other = largest(made, "train"), largest(made, "test")
    content = (made.folder / "run" / "out" / other).read_bytes()
    assert_refused(reader, documents_with(made, tmp_path, name, lambda _: content), capsys, names=name)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("damage", MANIFEST_DAMAGES)
def test_a_damaged_manifest(made, tmp_path, capsys, reader, damage):
    documents = documents_with(made, tmp_path, contract.MANIFEST_FILE, MANIFEST_DAMAGES[damage])
    assert_refused(reader, documents, capsys, names=contract.MANIFEST_FILE)


@pytest.mark.parametrize("name", ["statistics", "weights", "vocabulary"])
def test_the_last_shard_that_is_read(made, tmp_path, name):
    """Held-out documents are read last; by then the work is half done, in processes of its own."""
    shard = largest(made, "test")
    documents = documents_with(made, tmp_path, shard, SHARD_DAMAGES["a bit in the middle"])
    stage = made.stages[name]
    argv = [str(documents) if part.endswith("/run/out") else part for part in stage.argv(tmp_path / "out")]
    with processes.running(argv) as command:
        assert command.wait() == 1
        line = processes.error_line(command.stderr)
        assert command.wait_until_gone() == []
    assert line.startswith(f"error: {documents / shard} is damaged: its SHA-256 is not the manifest's")
    assert [path.name for path in tmp_path.iterdir()] == ["documents"]


@pytest.mark.parametrize(
    "damage", [flipped(lambda size: size // 2), lambda whole: whole[:-9], lambda whole: b"", None], ids=range(4)
)
def test_a_damaged_list_of_drops(made, tmp_path, capsys, damage):
    documents = documents_with(made, tmp_path, shards.DROPPED_FILE, damage)
    assert_refused(read_for_statistics, documents, capsys, names=shards.DROPPED_FILE)


PROGRAM = """
import json, sys, tensorflow_datasets as tfds
import code_t5
from code_t5.main import build_dataset
documents, vocabulary, errors = json.loads(sys.argv[1]), sys.argv[2], {}
for folder in documents:
    try:
        tfds.builder("flcc_python/dev", data_dir=folder + "-data", documents_dir=folder).download_and_prepare()
    except Exception as error:
        errors[folder] = [type(error).__name__, str(error)]
try:
    build_dataset.place_vocabulary(vocabulary, vocabulary + "-data")
except Exception as error:
    errors[vocabulary] = [type(error).__name__, str(error)]
print(json.dumps(errors), file=sys.stderr)
"""


@pytest.mark.slow
def test_a_dataset_is_not_built_of_damaged_documents_nor_with_a_damaged_vocabulary(made, tmp_path):
    """One process tries all of them, because TensorFlow takes ten seconds to be imported."""
    made.undisturbed("vocabulary")
    shard = largest(made, "train")
    damages = [(shard, damage) for damage in SHARD_DAMAGES.values()]
    damages += [(contract.MANIFEST_FILE, damage) for damage in MANIFEST_DAMAGES.values()]
    names = {
        str(documents_with(made, tmp_path / str(number), name, damage)): name
        for number, (name, damage) in enumerate(damages)
    }
    damaged = tmp_path / "vocabulary"
    shutil.copytree(made.folder / "vocabulary" / "out", damaged)
    model = damaged / vocabulary.MODEL_FILE
    model.write_bytes(flipped(lambda size: size // 2)(model.read_bytes()))
    with processes.running(["python", "-c", PROGRAM, json.dumps(list(names)), damaged]) as command:
        assert command.wait() == 0, command.stderr
        errors = json.loads(command.stderr.splitlines()[-1])
    kind, error = errors.pop(str(damaged))
    assert (kind, error.partition(": its")[0]) == ("ValueError", f"{model} is damaged")
    assert errors.keys() == names.keys()
    for documents, (kind, error) in errors.items():
        assert kind == "DataContractError", error
        assert names[documents] in error
    assert list(tmp_path.rglob("*-data/**/1.0.0*")) + list(tmp_path.rglob("*-data/**/code.model*")) == []
