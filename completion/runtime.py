"""An exported model on ONNX Runtime: texts are read once, and answers written token by token.

What a text was read as (`Read`) and what stands in an answer (`Cache`) are values: an answer can go on from any of
them, as often as one likes.
"""

import dataclasses
import os
import pathlib
import time
from collections.abc import Callable, Sequence

import numpy as np

try:
    import onnxruntime
except ImportError as error:
    raise ImportError("the completion engine needs onnxruntime: pip install 'code_t5[completion]'") from error

from completion import exported

# Start-up: what is tried to choose the number of threads, in tokens read and steps taken.
_TRIED_TOKENS, _TRIED_STEPS = 64, 12


@dataclasses.dataclass(frozen=True)
class Read:
    """What was made of some texts.

    Attributes:
      inputs: of the decoder's graph, by their names: of an encoder-decoder the mask of the texts, and for each block of
        the decoder the keys and values that it attends to.
      before: tokens that are taken before an answer's: the padding that begins every row, and behind it, where there
        is no encoder, the text. They are given to the first step, all at once where the model is delimited: there they
        see each other.
    """

    inputs: dict[str, "onnxruntime.OrtValue"]
    before: tuple[int, ...] = (0,)


@dataclasses.dataclass(frozen=True)
class Cache:
    """Keys and values of the tokens of an answer.

    Attributes:
      length: tokens.
      values: by their names in the graph.
    """

    length: int
    values: dict[str, "onnxruntime.OrtValue"]


class Runtime:
    """The graphs of an exported model: encoder and decoder, or a decoder alone.

    Attributes:
      description: of the model.
      threads: that each product is shared among.
    """

    def __init__(self, folder: str | os.PathLike, *, threads: int | None = None):
        """Loads the model.

        Args:
          folder: made by `code_t5.main.export --format onnx`.
          threads: None measures which number is quickest here: more are not always better for small models.

        Raises:
          exported.ExportError: it is no export, or a damaged one.
        """
        self._folder = pathlib.Path(folder)
        self.description = exported.read(folder)
        if self.description.format != "onnx":
            raise exported.ExportError(
                f"{folder} is an export for {self.description.format}: the engine runs `--format onnx`"
            )
        self._present_names = [f"{kind}_{i}" for i in range(self.description.blocks) for kind in ("key", "value")]
        self._memory_names = [f"cross_{name}" for name in self._present_names]
        self.threads = threads or self._quickest()
        self._open(self.threads)

    def _open(self, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that wait by spinning take the cores from whoever types.
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if threads > 1 else "0")
        options.log_severity_level = 3
        names = [exported.DECODER] if self.description.one_row else [exported.DECODER, exported.ENCODER]
        try:
            self._decoder, *encoders = (
                onnxruntime.InferenceSession(str(self._folder / name), options, providers=["CPUExecutionProvider"])
                for name in names
            )
        except Exception as error:  # ONNX Runtime's own classes are not public
            raise exported.ExportError(f"ONNX Runtime cannot load the model in {self._folder}: {error}") from error
        self._encoder = encoders[0] if encoders else None

    def _quickest(self) -> int:
        """The number of threads with which reading and writing a little takes least."""
        cores = len(os.sched_getaffinity(0))
        candidates = sorted({1, 2, cores // 2, cores} & set(range(1, cores + 1)))
        if len(candidates) == 1:
            return candidates[0]
        return min(candidates, key=self._seconds)

    def _seconds(self, threads: int) -> float:
        self._open(threads)
        best = float("inf")
        for _ in range(2):
            started = time.perf_counter()
            read = self.read([[3] * _TRIED_TOKENS])
            _, cache = self.step(read, np.array([read.before]), None, last=True)
            for _ in range(_TRIED_STEPS):
                _, cache = self.step(read, np.full((1, 1), 3), cache)
            best = min(best, time.perf_counter() - started)
        return best

    def read(self, texts: Sequence[Sequence[int]]) -> Read:
        """Reads texts.

        Args:
          texts: ids of each, one or more; one where there is no encoder, and with its EOS where the model is delimited.
        """
        if self._encoder is None:
            (text,) = texts
            before = (0, *text)
            visible = {"visible": _value(np.array(len(before), np.int64))}
            return Read(visible if self.description.delimited else {}, before)
        longest = max(1, *map(len, texts))
        ids, mask = (np.zeros((len(texts), longest), dtype) for dtype in (np.int64, np.int32))
        for row, text in enumerate(texts):
            ids[row, : len(text)] = text
            mask[row, : max(1, len(text))] = 1
        inputs = {"input_ids": _value(ids), "input_mask": _value(mask)}
        found = self._encoder.run_with_ort_values(self._memory_names, inputs)
        return Read({"input_mask": inputs["input_mask"], **dict(zip(self._memory_names, found, strict=True))})

    def step(
        self, read: Read, tokens: np.ndarray, cache: Cache | None, *, last: bool = False
    ) -> tuple[np.ndarray, Cache]:
        """Takes tokens of answers, and says what may come after each of them.

        Args:
          read: what the answers are to; the rows of a text follow each other, as many of each.
          tokens: int64 [rows, new], `read.before` before the first token of an answer.
          cache: of the tokens before; None for none.
          last: whether to say it of the last token alone, which takes less where a text stands in the row.

        Returns:
          Logits, float32 [rows, new, vocabulary], or [rows, 1, vocabulary], and the cache with the new tokens.
        """
        if cache is None:
            nothing = _value(np.zeros((len(tokens), self.description.heads, 0, self.description.d_kv), np.float32))
            cache = Cache(0, dict.fromkeys(self._present_names, nothing))
        inputs = {
            "target_ids": _value(np.ascontiguousarray(tokens, np.int64)),
            **read.inputs,
            **{f"past_{name}": value for name, value in cache.values.items()},
        }
        if self.description.one_row:
            inputs["wanted"] = _value(np.array([1 if last else tokens.shape[1]]))
        logits, *present = self._decoder.run_with_ort_values(["logits", *self._present_names], inputs)
        values = dict(zip(self._present_names, present, strict=True))
        logits = logits.numpy()
        return logits[:, -1:] if last else logits, Cache(cache.length + tokens.shape[1], values)


def rows_of(cache: Cache, rows: Sequence[int]) -> Cache:
    """A cache of other rows: each may come often, or not at all."""
    return Cache(cache.length, _each(cache.values, lambda array: array[list(rows)]))


def cut(cache: Cache, length: int) -> Cache:
    """A cache of the first tokens alone."""
    if length >= cache.length:
        return cache
    return Cache(length, _each(cache.values, lambda array: array[:, :, :length]))


def _each(values: dict, change: Callable[[np.ndarray], np.ndarray]) -> dict:
    return {name: _value(np.ascontiguousarray(change(value.numpy()))) for name, value in values.items()}


def _value(array: np.ndarray) -> "onnxruntime.OrtValue":
    return onnxruntime.OrtValue.ortvalue_from_numpy(array)
