"""What is trained on: documents, vocabularies and TFDS datasets, made as the demo makes them where they are missing."""

import dataclasses
import json
import pathlib

from benchmarks import inputs, measure, predecessor_vocabulary
from benchmarks.training_variants import DATASET, PREDECESSOR
from preprocessing import shards

# As in experiments/demo.yaml: repositories of 40 MB together, with a seed that draws many rather than a few large ones.
DEMO_MB, DEMO_SEED, DEMO_PERMILLE = 40, 5, 100
WHOLE_PERMILLE = 20


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Where data are, and where they are made.

    Attributes:
      folder: the benchmark's work folder.
      documents_given: name -> documents that were made before; others are made into the work folder.
    """

    folder: pathlib.Path
    documents_given: dict[str, pathlib.Path]

    def documents(self, data: str) -> pathlib.Path:
        """The documents `demo` or `whole`."""
        given = self.documents_given.get(data)
        if given and (given / "manifest.json").exists():
            return given
        target = self.folder / "documents" / data
        if not (target / "manifest.json").exists():
            tree, permille = self._tree(), WHOLE_PERMILLE
            if data == "demo":
                part, permille = self.folder / "part", DEMO_PERMILLE
                words = ["scripts/dev_dataset.sh", "--input_dir", tree, "--output_dir", part, "--pattern", "*"]
                measure.run([*words, "--max_mb", str(DEMO_MB), "--seed", str(DEMO_SEED)])
                tree = part
            target.parent.mkdir(parents=True, exist_ok=True)
            words = [*inputs.module("preprocessing.run"), "--input_dir", tree, "--output_dir", target]
            words += ["--validation_permille", str(permille), "--test_permille", str(permille)]
            measure.run(words)
        return target

    def _tree(self) -> pathlib.Path:
        tree = self.folder / "tree"
        if not tree.exists():
            measure.run([*inputs.module("preprocessing.build_flcc"), "--installed_packages", "--output_dir", tree])
        return tree

    def vocabulary_dir(self, data: str, kind: str, vocab_size: int) -> pathlib.Path:
        """Where a vocabulary is, or is to be made; other documents have another place."""
        digest = shards.read_manifest(self.documents(data)).digest[:8]
        return self.folder / "vocabularies" / f"{data}-{digest}-{kind}-{vocab_size}"

    def vocabulary(self, data: str, kind: str, vocab_size: int) -> pathlib.Path:
        """A vocabulary of those documents' train split, OURS or PREDECESSOR's."""
        documents, target = self.documents(data), self.vocabulary_dir(data, kind, vocab_size)
        # Our own command sees for itself whether there is anything to do: the trainer may have changed.
        if kind != PREDECESSOR or not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            name = predecessor_vocabulary.__name__ if kind == PREDECESSOR else "preprocessing.vocabulary"
            words = [*inputs.module(name), "--documents", documents, "--output_dir", target]
            measure.run([*words, "--vocab_size", str(vocab_size)])
        return target

    def vocabulary_digest(self, data: str, kind: str, vocab_size: int) -> str:
        """SHA-256 of a vocabulary that was made."""
        description = self.vocabulary_dir(data, kind, vocab_size) / "vocabulary.json"
        return json.loads(description.read_text(encoding="utf-8"))["sha256"]

    def data_dir(self, data: str, kind: str, vocab_size: int) -> pathlib.Path:
        """A data directory, as `--t5_tfds_data_dir` takes it; another vocabulary has another one."""
        vocabulary = self.vocabulary(data, kind, vocab_size)
        name = f"{vocabulary.name}-{self.vocabulary_digest(data, kind, vocab_size)[:8]}"
        target = self.folder / "data_dirs" / name
        if not target.exists():
            beside = inputs.Work(self.folder).empty(f"data_dir-{name}")
            words = [*inputs.module("code_t5.main.build_dataset"), "--dataset", DATASET, "--data_dir", beside]
            measure.run([*words, "--documents", self.documents(data), "--vocabulary", vocabulary])
            target.parent.mkdir(parents=True, exist_ok=True)
            beside.rename(target)
        return target
