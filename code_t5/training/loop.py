"""The training function that gin binds to `utils.run.train_model_fn`.

A model directory is one run: it carries its configuration, its vocabulary and its snapshots, goes on from the last of
them, says FINISHED when it is, and is refused another configuration, data or vocabulary.
"""

import contextlib
import logging
import random
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gin
import tensorflow.compat.v1 as tf
from mesh_tensorflow.transformer import utils as mesh_utils
from tensorflow.python.util import deprecation

from code_t5.data import data_dir, vocabulary
from code_t5.training import progress, run_record, sample_folder, snapshots
from code_t5.training.budget import Budget
from code_t5.training.callbacks import Callback
from code_t5.training.input_stream import InputStream
from code_t5.training.model_session import ModelSession
from code_t5.training.run import Run

# What a process that was told to stop exits with, its snapshot saved: EX_TEMPFAIL of sysexits.h, "try again".
STOPPED_STATUS = 75


@gin.configurable(module="code_t5")
def train_code_model(
    estimator,
    vocabulary_of_task,
    sequence_length: dict[str, int],
    batch_size: int,
    train_dataset_fn: Callable[..., tf.data.Dataset],
    train_steps: int,
    ensemble_inputs: int | None = None,
    dataset_split: str = "train",
    *,
    seed: int = 0,
    epochs: int | None = None,
    max_seconds: float | None = None,
    chunk_steps: int = 10,
    callbacks: Sequence[Callback] = (),
    more_callbacks: Sequence[Callback] = (),
    force: bool = False,
    **stock: Any,
) -> None:
    """Trains until the first of `train_steps`, `epochs` and `max_seconds` is reached, or a callback ends it.

    Started again, it goes on from the last snapshot with the batch after the last one. SIGTERM and SIGINT make it save
    and exit with status 75.

    Args:
      estimator: the Estimator that Mesh TensorFlow built; what follows up to `dataset_split` comes from there, too.
      seed: of the initial weights and of dropout. (`mesh_train_dataset_fn.seed` is that of the data; plumbing.gin binds
        both to SEED.)
      epochs, max_seconds: see `budget.Budget`.
      chunk_steps: steps between two calls of the callbacks.
      callbacks: those of plumbing.gin; more_callbacks: your own, called after them.
      force: train a configuration that is not the model directory's anew, in a folder beside it.
      **stock: t5's `skip_seen_data`, `seen_data_init_step` and `checkpoint_input_pipeline`: of use on a TPU only.

    Raises:
      ValueError: gin names a GPU where there is none, or the model directory, or the checkpoint to start from, was
        trained with another vocabulary.
      run_record.OtherRunError: the model directory holds another run.
      snapshots.SnapshotError: no snapshot can be read, or the last could not be written.
    """
    check_devices(data_dir.gin_value("utils.run.mesh_devices"))
    sp_model, path = vocabulary.VOCABULARY.sp_model, vocabulary.VOCABULARY.sentencepiece_model_file
    vocabulary.check_model_dir(data_dir.init_checkpoint_dir(), sp_model, path)
    budget = Budget(train_steps, epochs, max_seconds)
    if estimator._ctx._use_tpu:
        # There the steps run in a loop on the device, which callbacks cannot look into.
        print("on a TPU t5's own loop trains: snapshots by steps, no validation, no exact resume of the input")
        vocabulary.check_model_dir(estimator.model_dir, sp_model, path)
        vocabulary.copy_to_model_dir(estimator.model_dir)
        mesh_utils.train_model(
            estimator, vocabulary_of_task, sequence_length, batch_size, train_dataset_fn, train_steps, ensemble_inputs,
            dataset_split, **stock,
        )  # fmt: skip
        return
    with _quiet_libraries():
        description = run_record.describe(data_dir.gin_value("mesh_train_dataset_fn.mixture_or_task_name"), seed=seed)
        model_dir = _directory(estimator.model_dir, description, force=force)
        vocabulary.check_model_dir(model_dir, sp_model, path)
        if _is_finished(model_dir, budget):
            return
        random.seed(seed)
        samples, batch_size = sample_folder.Samples(), batch_size * (ensemble_inputs or 1)
        if samples.folder:
            stream = sample_folder.SampleStream(samples, batch_size=batch_size, sequence_length=sequence_length)
        else:
            stream = InputStream(
                train_dataset_fn, batch_size=batch_size, epochs=epochs, sequence_length=sequence_length,
                vocabulary=vocabulary_of_task, dataset_split=dataset_split,
            )  # fmt: skip
        with contextlib.closing(stream):
            if not snapshots.steps(model_dir):
                stream.fill()
            with contextlib.closing(ModelSession(estimator, stream.shapes, seed=seed)) as model:
                vocabulary.copy_to_model_dir(model_dir)
                run = Run(
                    estimator, model_dir=model_dir, model=model, stream=stream, budget=budget,
                    callbacks=[*callbacks, *more_callbacks], sequence_length=sequence_length,
                )  # fmt: skip
                _train(run, description, chunk_steps=chunk_steps)


@gin.configurable(module="code_t5")
def stock_train_model(*arguments: Any, **more: Any) -> None:
    """t5's own loop, for comparison: `utils.run.train_model_fn = @code_t5.stock_train_model`."""
    mesh_utils.train_model(*arguments, **more)


def _train(run: Run, description: dict[str, Any], *, chunk_steps: int) -> None:
    """The run from its last snapshot to its end."""
    from_step = run.restore_snapshot()
    if from_step is not None:
        run.say(f"going on from step {from_step:,} of {run.model_dir}")
    run.record = run_record.begin(run.model_dir, description, from_step=run.step)
    every = [chunk_steps, run.estimator.config.save_checkpoints_steps or run.budget.train_steps]
    try:
        with _stopped_by_signals(run):
            for callback in run.callbacks:
                callback.begin(run)
            while not run.stopped and not (why := run.limit()):
                # A chunk ends where a snapshot is due.
                end = min(run.budget.train_steps, *(run.step - run.step % steps + steps for steps in every))
                chunk = run.train_chunk(end)
                if chunk is None and not run.limit():
                    run.stop("all samples are used")
                for callback in run.callbacks if chunk else ():
                    callback.after_chunk(run.step, run.estimator, chunk)
            why = run.stopped or why
            for callback in run.callbacks:
                callback.end(run.step, run.estimator)
    except BaseException as error:
        with contextlib.suppress(tf.errors.OpError, OSError):  # the disk may be what failed
            run_record.update(run.model_dir, run.record, status="failed", **_so_far(run), error=repr(error))
        raise
    if run.signal:
        run_record.update(run.model_dir, run.record, status="stopped", **_so_far(run), ended_by=why)
        run.say(f"{why}: saved at step {run.step:,}; the same command goes on from there")
        sys.exit(STOPPED_STATUS)
    run_record.finish(run.model_dir, run.record, **_so_far(run), why=why)
    run.say(f"finished at step {run.step:,} ({why}), {progress.duration(run.seconds)} of training: {run.model_dir}")


def _so_far(run: Run) -> dict[str, float]:
    """What was trained, over all starts: steps, and seconds without start-up and what a killed start had not saved."""
    return {"step": run.step, "seconds": round(run.seconds, 1)}


def _directory(model_dir: str, description: dict[str, Any], *, force: bool) -> str:
    """Where to train: the model directory, or with `force`, where it holds another run, a new one beside it."""
    try:
        run_record.check_same(model_dir, description)
    except run_record.OtherRunError:
        if not force:
            raise
        model_dir = run_record.own_name(model_dir, "anew", description)
        print(f"another run is in the model directory: training anew in {model_dir}")
    return model_dir


def _is_finished(model_dir: str, budget: Budget) -> bool:
    """Whether there is nothing left to do, which it says."""
    done = run_record.finished(model_dir)
    found = snapshots.steps(model_dir)
    if done is None or not found:
        return False
    try:
        state = snapshots.read_state(model_dir, found[-1])
    except snapshots.SnapshotError:
        return False  # to be told, and mended, by the run
    by_callback = "=" not in done["ended_by"]
    limit = budget.reached(step=found[-1], epochs=state["epoch"], seconds=state["seconds"])
    if not by_callback and not limit:
        return False
    print(
        f"nothing to do: {model_dir} finished at step {done['step']:,} ({done['ended_by']}). To train on, ask "
        "for more: a larger run.train_steps, code_t5.train_code_model.epochs or .max_seconds"
    )
    return True


@contextlib.contextmanager
def _stopped_by_signals(run: Run) -> Iterator[None]:
    """SIGTERM and SIGINT end the run after the step that is being trained; the same again ends the process."""
    before = {}

    def stop(number, frame):
        run.signal = signal.Signals(number).name
        run.stop(f"stopped by {run.signal}")
        signal.signal(number, before[number])

    run.signal = None
    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Warnings and errors only, from TensorFlow, Mesh TensorFlow, seqio and absl; nothing of deprecated functions."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl", None)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    told, deprecation._PRINT_DEPRECATION_WARNINGS = deprecation._PRINT_DEPRECATION_WARNINGS, False
    try:
        yield
    finally:
        deprecation._PRINT_DEPRECATION_WARNINGS = told
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def check_devices(mesh_devices: list[str] | None) -> None:
    """Refuses GPUs that are not there: TensorFlow would train on the CPU in their place, and not say so.

    Raises:
      ValueError: more GPUs are named than TensorFlow sees.
    """
    wanted = [device for device in mesh_devices or [] if "gpu" in device.lower()]
    found = tf.config.list_physical_devices("GPU")
    if len(wanted) > len(found):
        raise ValueError(
            f"utils.run.mesh_devices names {', '.join(wanted)}, and TensorFlow sees {len(found)} GPUs here. For a GPU, "
            "see requirements-gpu.txt; without one, add --gin_file=hardware/cpu.gin, or --gin_param="
            "\"utils.run.mesh_devices = ['cpu:0']\""
        )
