"""What a run is, apart from how long it lasts and where: gin's bindings, the data, the vocabulary."""

from typing import Any

import gin
import seqio

from code_t5.data import names, vocabulary
from code_t5.training import callbacks
from preprocessing import contract

# Bindings that may change while a run goes on: how long, on what, what is told and saved; not what is learnt.
_FREE_PARAMETERS = {
    ("run", name)
    for name in (
        *("train_steps", "keep_checkpoint_max", "save_checkpoints_steps", "iterations_per_loop"),
        # The vocabulary is bound as an object; its digest is told apart.
        *("mesh_devices", "mesh_shape", "vocabulary"),
    )
}
_FREE_CONFIGURABLES = {
    *("mesh_eval_dataset_fn", "score_with_estimator", "serialize_num_microbatches", "checked_mixture_name"),
    *("tpu_mesh_shape", "reading", "data_service", "samples"),
}
# Of `train_code_model` the seed alone is part of what a run is.
_LOOP, _SEED = "train_code_model", "seed"


def bindings() -> dict[str, str]:
    """gin's bindings that decide what a model learns, "configurable.parameter" -> value as text, macros resolved.

    Comments, order and the files that they stand in make no difference.
    """
    found = {}
    for (scope, selector), parameters in gin.config._CONFIG.items():
        name = selector.rsplit(".", 1)[-1]
        if name == "macro" or name in _FREE_CONFIGURABLES or _is_callback(selector):
            continue
        for parameter, value in parameters.items():
            if (name, parameter) in _FREE_PARAMETERS or (name == _LOOP and parameter != _SEED):
                continue
            found[f"{scope + '/' if scope else ''}{name}.{parameter}"] = _text(value)
    return dict(sorted(found.items()))


def _is_callback(selector: str) -> bool:
    """Whether a configurable is a `Callback`, yours too: they look on."""
    found = gin.config._REGISTRY.get_match(selector)
    return found is not None and isinstance(found.wrapped, type) and issubclass(found.wrapped, callbacks.Callback)


def _text(value: Any) -> str:
    """A value as gin would write it, with macros replaced by what they stand for."""
    if isinstance(value, gin.config.ConfigurableReference):
        if value.selector.rsplit(".", 1)[-1] == "macro":
            return _text(gin.config._CONFIG.get(value.config_key, {}).get("value"))
        return repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_text(value[key])}" for key in sorted(value, key=str)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    return repr(value)


def data(mixture_or_task_name: str) -> dict[str, str]:
    """What is trained on: Task -> digest of the documents that its dataset was made from."""
    found = {}
    for task in seqio.get_subtasks(names.find(mixture_or_task_name)):
        source = task.source
        builder = source.tfds_dataset.builder if isinstance(source, seqio.TfdsDataSource) else None
        metadata = dict(builder.info.metadata or {}) if builder is not None else {}
        found[task.name] = str(metadata.get("documents_digest", "not known"))
    return found


def vocabulary_digest() -> str:
    """SHA-256 of the SentencePiece model in use."""
    return contract.bytes_digest(vocabulary.VOCABULARY.sp_model)


def differences(before: dict[str, Any], now: dict[str, Any], *, at: str = "") -> list[str]:
    """Each value that differs between two nested dictionaries, in a line.

    Example: `differences({"a": {"x": 1}}, {"a": {"x": 2}})` is ["a: x was 1, is 2"].
    """
    found = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, at=f"{at}{key}: ")
        elif old != new:
            found.append(f"{at}{key} was {'not set' if old is None else old}, is {'not set' if new is None else new}")
    return found
