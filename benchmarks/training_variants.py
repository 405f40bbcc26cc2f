"""What is trained against what: one row a contestant, and the command of t5's own program that trains it."""

import dataclasses
import hashlib
import json
import pathlib
import sys
from collections.abc import Mapping, Sequence

TASK, DATASET = "fl_py_dev", "flcc_python/dev"
OURS, PREDECESSOR = "ours", "predecessor"


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to train, apart from the seed and the time.

    Attributes:
      name: part of its records' names.
      about: what it is, in a table's cell.
      gin_files: put after the model's.
      dataset_fn: the function that these bind to `utils.run.train_dataset_fn`.
      vocabulary: OURS or PREDECESSOR.
      params: gin parameters, (name, value).
    """

    name: str
    about: str
    gin_files: tuple[str, ...]
    dataset_fn: str
    vocabulary: str = OURS
    params: tuple[tuple[str, str], ...] = ()


_STOCK_DATASET, _OUR_DATASET = "t5.models.mesh_transformer.mesh_train_dataset_fn", "code_t5.packing.train_dataset"
_OURS = ("objectives/code_prefix_lm.gin",)

STOCK = Variant("stock_prefix_lm", "t5's prefix-LM and pipeline", ("objectives/stock_prefix_lm.gin",), _STOCK_DATASET)
PACKED = Variant("packed_prefix_lm", "ours", _OURS, _OUR_DATASET)
WITH_INFILLING = Variant(
    "packed_with_infilling",
    "ours, infilling in half of the windows",
    (*_OURS, "objectives/code_infilling.gin"),
    _OUR_DATASET,
)
PREDECESSOR_VOCABULARY = Variant(
    "predecessor_vocabulary", "ours, the predecessor's vocabulary", _OURS, _OUR_DATASET, vocabulary=PREDECESSOR
)
_APART = ("models/prefix_lm.gin", "sizes/tiny.gin", "hardware/cpu.gin", *_OURS)
_DEEP = (("num_layers", "12"),)
DEEP = Variant("deep_decoder", "12+12 layers", _APART, _OUR_DATASET, params=_DEEP)
SHALLOW = Variant(
    "shallow_decoder", "12+2 layers", _APART, _OUR_DATASET,
    params=(*_DEEP, ("decoder/transformer.make_layer_stack.num_layers", "2")),
)  # fmt: skip
LONG = Variant("long", "ours, infilling in half of the windows", WITH_INFILLING.gin_files, _OUR_DATASET)

# The same for all, so that nothing but the variant differs. 4 sequences a batch: many small steps learn more in the
# same time than few large ones. The rate is T5's for pre-training, brought to zero over the last 30 % of the time.
MODEL_FILES = ("models/shared-prefix_lm.gin", "sizes/tiny.gin", "hardware/cpu.gin")
LENGTHS = {"inputs": 128, "targets": 128}
BATCH_SIZE = 4
SCHEDULE = "[@learning_rate_schedules.truncated_rsqrt, @benchmarks.decay_by_time]"
# No run gets there: it ends by the clock.
STEPS = 10_000_000
MODULES = ("code_t5", "benchmarks.timed_training", "benchmarks.input_turns")


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that makes one training run, and its evaluation, different from another; the record's key.

    Attributes:
      variant: the row of the table.
      seed: of the initial weights and of the order of the data.
      minutes: of training.
      points: checkpoints that are scored, equally spaced in time, the last at the end.
      vocab_size: pieces.
      data: `demo`, 40 MB of repositories, or `whole`, all installed packages.
      scored_kb: text of held-out files whose bits are counted, 1,000 bytes each.
      lines: line completions at the end, and gaps to fill where the model was trained for it; 0 for none.
      evaluate: also run `code_t5.main.evaluate`, for the table of the README.
    """

    variant: Variant
    seed: int
    minutes: float
    points: int = 4
    vocab_size: int = 8000
    data: str = "demo"
    scored_kb: int = 200
    lines: int = 500
    evaluate: bool = False

    @property
    def name(self) -> str:
        return f"{self.variant.name}-{self.minutes:g}min-seed{self.seed}"

    def as_json(self) -> dict:
        """JSON-like; with it what is the same for all: a change there makes another run, too."""
        same = {"model": MODEL_FILES, "lengths": LENGTHS, "batch_size": BATCH_SIZE, "schedule": SCHEDULE}
        found = json.loads(json.dumps({**dataclasses.asdict(self), **same}))
        if not self.variant.params:  # most have none, and their records were made before there were any
            del found["variant"]["params"]
        return found

    @property
    def digest(self) -> str:
        """16 hex digits of `as_json`; a row's words for the table are no part of it."""
        settings = self.as_json()
        del settings["variant"]["about"]
        text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def gin_layers(
    settings: Settings, *, more_files: Sequence[str] = (), more: Mapping[str, str] | None = None
) -> tuple[list[str], list[str]]:
    """What `--gin_file` and `--gin_param` are given, each as "name = value".

    Args:
      more_files: further gin files.
      more: further gin parameters, name -> value; they win.
    """
    params = {
        "MIXTURE_NAME": f"'{TASK}'",
        "run.train_steps": str(STEPS),
        # Every checkpoint is kept until it is scored.
        "run.keep_checkpoint_max": str(settings.points + 2),
        "run.save_checkpoints_steps": str(STEPS),
        "utils.run.sequence_length": str(LENGTHS),
        "utils.run.batch_size": f"('sequences_per_batch', {BATCH_SIZE})",
        "utils.run.learning_rate_schedule": SCHEDULE,
        "code_t5.train_code_model.max_seconds": str(settings.minutes * 60),
        "code_t5.train_code_model.callbacks": "[@code_t5.Progress(), @benchmarks.Points()]",
        "benchmarks.Points.points": str(settings.points),
        "SEED": str(settings.seed),
        **dict(settings.variant.params),
        **(more or {}),
    }
    files = [*MODEL_FILES, *settings.variant.gin_files, *more_files]
    return files, [f"{name} = {value}" for name, value in params.items()]


def train_command(
    model_dir: pathlib.Path, data_dir: pathlib.Path, *, layers: tuple[Sequence[str], Sequence[str]]
) -> list[str]:
    """The words that start t5's program with some `gin_layers`."""
    files, params = layers
    return [
        *(sys.executable, "-m", "t5.models.mesh_transformer_main"),
        *(f"--model_dir={model_dir}", f"--t5_tfds_data_dir={data_dir}"),
        *(f"--module_import={name}" for name in MODULES),
        "--gin_location_prefix=gin_configs/",
        *(f"--gin_file={name}" for name in files),
        *(f"--gin_param={param}" for param in params),
    ]
