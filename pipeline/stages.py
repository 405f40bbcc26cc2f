"""The stages, from repositories to the report: what each is made from, and by which command."""

import importlib.metadata
from typing import Any

from pipeline import model_gin
from pipeline.experiment import ExperimentError
from pipeline.plan import Asked, Stage, flags

# The seed of what is drawn, and the sizes, are arguments like others: what is not said is the command's own default.
_DOCUMENTS = (
    "input_format", "format", "validation_permille", "test_permille", "split_salt", "max_bytes",
    "max_mean_line_length", "max_line_length", "near_jaccard", "near_ngram", "benchmark_ngram", "benchmark_overlap",
)  # fmt: skip
_DOCUMENTS_FILES = ("input_dir", "benchmarks")
_EVALUATION = ("suite", "cases", "examples", "num_answers", "samples", "timeout_s", "seed", "no_baselines")


def _flcc_tree(asked: Asked) -> list[str]:
    if bool(asked.given.get("source")) == bool(asked.given.get("installed_packages")):
        raise ExperimentError(f"{asked.title}: FlccTree needs `source: [DIR, ...]` or `installed_packages: true`")
    return ["-m", "preprocessing.build_flcc", *flags(asked.given, ["source", "installed_packages"])]


def _packages(asked: Asked) -> dict[str, Any]:
    """The versions of installed packages, where a tree is made of these."""
    if not asked.given.get("installed_packages"):
        return {}
    if asked.elsewhere:
        raise ExperimentError(
            f"{asked.title}: FlccTree: the packages that are installed are those of here: run it here"
        )
    return {"packages": {one.name: one.version for one in importlib.metadata.distributions()}}


def _dev_tree(asked: Asked) -> list[str]:
    words = flags(asked.given, ["pattern", "max_mb", "share", "seed", "url", "sha256", "download_dir"])
    if "FlccTree" in asked.inputs:
        words.append(f"--input_dir={asked.inputs['FlccTree']}")
    return ["-m", "preprocessing.dev_tree", *words]


def _documents(asked: Asked) -> list[str]:
    tree = asked.inputs.get("DevTree") or asked.inputs.get("FlccTree") or asked.given.get("input_dir")
    if tree is None:
        raise ExperimentError(
            f"{asked.title}: there is no source code: give a section FlccTree or DevTree, or Documents an input_dir"
        )
    if asked.inputs and "input_dir" in asked.given:
        raise ExperimentError(f"{asked.title}: Documents has an input_dir beside the tree of another section")
    return [
        "-m",
        "preprocessing.run",
        f"--input_dir={tree}",
        *flags(asked.given, [*_DOCUMENTS, "benchmarks", "workers"]),
    ]


def _vocabulary(asked: Asked) -> list[str]:
    words = flags(asked.given, ["vocab_size", "sample_mb", "check_mb", "seed"])
    return ["-m", "preprocessing.vocabulary", f"--documents={asked.inputs['Documents']}", *words]


def _training_dataset(asked: Asked) -> list[str]:
    return [
        "-m", "code_t5.main.build_dataset", *flags(asked.given, ["dataset", "related_kb"]),
        f"--documents={asked.inputs['Documents']}", f"--vocabulary={asked.inputs['Vocabulary']}",
    ]  # fmt: skip


def _cached_examples(asked: Asked) -> list[str]:
    data_dir = asked.inputs["TrainingDataset"]
    return ["-m", "code_t5.main.cache", f"--tasks={_task(asked)}", f"--data_dir={data_dir}"]


def _samples(asked: Asked) -> list[str]:
    if not asked.given.get("shards"):
        raise ExperimentError(f"{asked.title}: Samples needs `shards`, the number of all; training ends after the last")
    return [
        "-m", "code_t5.main.datagen_server", "write", f"--data_dir={asked.inputs['TrainingDataset']}",
        f"--gin_location_prefix={model_gin.PREFIX}", *asked.gin.words, *_cache(asked),
        *flags(asked.given, ["shards", "partitions"]),
    ]  # fmt: skip


def _trained_model(asked: Asked) -> list[str]:
    samples = asked.inputs.get("Samples")
    return [
        "-m", "t5.models.mesh_transformer_main", f"--t5_tfds_data_dir={asked.inputs['TrainingDataset']}",
        "--module_import=code_t5", f"--gin_location_prefix={model_gin.PREFIX}", *asked.gin.words, *_cache(asked),
        *([f"--gin_param=code_t5.samples.folder = '{samples}'"] if samples else []),
    ]  # fmt: skip


def _cache(asked: Asked) -> list[str]:
    cache = asked.inputs.get("CachedExamples")
    return [f"--additional_task_cache_dirs={cache}"] if cache else []


def _gin(asked: Asked) -> dict[str, Any]:
    return {"bindings": asked.gin.determined.bindings, "until": asked.gin.determined.until}


def _of_model(module: str, asked: Asked, arguments: tuple[str, ...]) -> list[str]:
    """A command of ours on a model, with absl's flags: lists have commas."""
    given = {name: ",".join(value) if isinstance(value, list) else value for name, value in asked.given.items()}
    return [
        "-m", module, f"--model_dir={asked.inputs['TrainedModel']}", f"--data_dir={asked.inputs['TrainingDataset']}",
        *flags(given, arguments),
    ]  # fmt: skip


_PREDICTIONS = ("sets", "number", "format", "columns", "seed", "max_new_tokens", "beam_size", "checkpoint_step")
_EXPORT = ("format", "precision", "num_examples", "split", "checkpoint_step")


def _evaluation(asked: Asked) -> list[str]:
    return [
        "-m", "completion.evaluate", f"--model=model={asked.inputs['ExportedModel']}",
        f"--documents={asked.inputs['Documents']}", *flags(asked.given, [*_EVALUATION, "threads", "allow_unsandboxed"]),
    ]  # fmt: skip


def _report(asked: Asked) -> list[str]:
    of = {
        "Documents": "documents", "TrainedModel": "model", "ExportedModel": "export", "Evaluation": "evaluation",
        "Predictions": "predictions",
    }  # fmt: skip
    inputs = [f"--{flag}={asked.inputs[stage]}" for stage, flag in of.items() if stage in asked.inputs]
    return ["-m", "pipeline.report", f"--title={asked.title}", *inputs, *flags(asked.given, ["prompts"])]


def _task(asked: Asked) -> str:
    if not asked.gin.task:
        raise ExperimentError(f"{asked.title}: the gin files name no Task: add datasets/fl_py_dev.gin, or MIXTURE_NAME")
    return asked.gin.task


_ALL = (
    Stage(
        "FlccTree", "source code in the layout of Full Line Code Completion", (), _flcc_tree,
        arguments=("installed_packages",), files=("source",), parameters=_packages, optional=True,
    ),
    Stage(
        "DevTree", "a smaller tree: owners by a pattern, or a sample", ("FlccTree",), _dev_tree,
        arguments=("pattern", "max_mb", "share", "seed", "url", "sha256"), free=("download_dir",), optional=True,
    ),
    Stage(
        "Documents", "files without duplicates, split by repository", ("FlccTree", "DevTree"), _documents,
        arguments=_DOCUMENTS, free=("workers",), files=_DOCUMENTS_FILES,
    ),
    Stage(
        "Vocabulary", "the pieces of text that the model reads", ("Documents",), _vocabulary,
        arguments=("vocab_size", "sample_mb", "check_mb", "seed"),
    ),
    Stage(
        "TrainingDataset", "the TFDS dataset, and the vocabulary with it", ("Documents", "Vocabulary"),
        _training_dataset, output="--data_dir", arguments=("dataset", "related_kb"),
    ),
    Stage(
        "CachedExamples", "the Task's examples, as tokens", ("TrainingDataset",), _cached_examples,
        output="--cache_dir", parameters=lambda asked: {"task": _task(asked)}, reads_gin=True, optional=True,
        resumes=True,
    ),
    Stage(
        "Samples", "training examples, in numbered shards", ("TrainingDataset", "CachedExamples"),
        _samples, output="--folder", arguments=("shards", "partitions"), reads_gin=True, optional=True, resumes=True,
        parameters=lambda asked: {"bindings": asked.gin.determined.examples}, divided="shards",
    ),
    Stage(
        "TrainedModel", "checkpoints", ("TrainingDataset", "CachedExamples", "Samples"), _trained_model,
        output="--model_dir", free=("gin_files", "gin_params"), parameters=_gin, reads_gin=True, resumes=True,
    ),
    Stage(
        "Predictions", "what the model writes on held-out sets", ("TrainingDataset", "TrainedModel"),
        lambda asked: _of_model("code_t5.main.predict_held_out", asked, _PREDICTIONS), arguments=_PREDICTIONS,
        optional=True,
    ),
    Stage(
        "ExportedModel", "the model for the completion engine", ("TrainingDataset", "TrainedModel"),
        lambda asked: _of_model("code_t5.main.export", asked, _EXPORT), arguments=_EXPORT,
    ),
    Stage(
        "Evaluation", "the model beside baselines, case by case", ("Documents", "ExportedModel"), _evaluation,
        arguments=_EVALUATION, free=("threads", "allow_unsandboxed"), resumes=True,
    ),
    Stage(
        "Report", "all of it on one page",
        ("Documents", "TrainedModel", "Predictions", "ExportedModel", "Evaluation"), _report,
        files=("prompts",), parameters=lambda asked: {"title": asked.title},
    ),
)  # fmt: skip
# By name, the earliest first.
STAGES = {stage.name: stage for stage in _ALL}
# The arguments of each, for the experiment file.
ARGUMENTS = {stage.name: (*stage.arguments, *stage.free, *stage.files) for stage in _ALL}
