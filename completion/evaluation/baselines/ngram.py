"""The baseline that counts: a modified Kneser-Ney model (`kneser_ney`) of the train split, over the model's own tokens.

It answers as our engine does, by the same search: the line is healed at the cursor (`healing`), the tokens that end an
answer are one event, and candidates are scored as names that end there. So what is between the two is what was
learnt. It reads the last few tokens before the cursor, and nothing behind it, nor other files.
"""

import dataclasses
import pathlib
import random
import time
from collections.abc import Iterator, Sequence

import numpy as np
import onnxruntime

from completion import healing, ranking, runtime, search, texts
from completion.evaluation.baselines import train_files
from completion.evaluation.baselines.kneser_ney import ORDER, KneserNey
from completion.evaluation.cases import Case, Prediction
from completion.requests import Layout, Request
from completion.search import Decoding, Start
from preprocessing import contract, prompt

# What it learns from at most: it takes time and memory in proportion.
MAX_TOKENS = 20_000_000
# More than a token of code has in the mean in any vocabulary, so that enough files are drawn.
_BYTES_OF_A_TOKEN = 8
DECODING = Decoding(64, beam_size=5, num_answers=5)


@dataclasses.dataclass(frozen=True)
class Learnt:
    """What was learnt from.

    Attributes:
      files: how many were read.
      available: how many the train split has.
      tokens: in these files, each with its end; the last file is cut off at the most tokens.
    """

    files: int
    available: int
    tokens: int


class NgramProvider:
    """Answers with an n-gram model.

    Attributes:
      model: with its order.
      learnt: what from; None where that is not known.
    """

    name = "n-gram"

    def __init__(
        self, codec: prompt.Codec, model: KneserNey, *, decoding: Decoding = DECODING,
        max_block_tokens: int | None = None, stop: Sequence[str] = (), learnt: Learnt | None = None,
    ):  # fmt: skip
        """Takes a model.

        Args:
          codec: whose tokens it has counted, with EOS at the ends of documents.
          decoding, max_block_tokens, stop: as of `providers.EngineProvider`.
        """
        self.model, self.learnt = model, learnt
        self._codec, self._decoding, self._stop = codec, decoding, tuple(stop)
        self._of_block = dataclasses.replace(decoding, max_new_tokens=max_block_tokens or decoding.max_new_tokens)
        # One token more than it can use: a prompt that has fewer is the beginning of its file.
        self._layout = Layout(codec, max_inputs=model.order, max_forced=1, delimited=False, one_row=True)
        pieces = codec.piece_bytes()
        ranks = self._layout.piece_order.ranks
        self._code_begins = np.array([i for i, rank in enumerate(ranks) if rank >= 0 and not pieces[i][:1].isspace()])
        self._name_ends = ranking.name_ends(codec)

    @classmethod
    def learn(
        cls,
        folder: pathlib.Path,
        codec: prompt.Codec,
        *,
        order: int = ORDER,
        max_tokens: int = MAX_TOKENS,
        seed: int = 0,
        decoding: Decoding = DECODING,
    ) -> "NgramProvider":
        """Counts the train split of a document dataset.

        Args:
          folder: made by `preprocessing.run`.
          codec: of the model that it stands beside.
          max_tokens: where there are more, files are drawn with the seed.

        Raises:
          ImportError, contract.DataContractError: as in `train_files.drawn`.
        """
        drawn = train_files.drawn(folder, max_bytes=max_tokens * _BYTES_OF_A_TOKEN, seed=seed)
        files = random.Random(seed).sample(drawn.files, len(drawn.files))
        documents: list[np.ndarray] = []
        left = max_tokens
        for file in files:
            # The end takes a token, too.
            ids = codec.encode(file.text)[: left - 1]
            documents.append(np.array(ids, np.int32))
            left -= len(ids) + 1
            if left <= 1:
                break
        model = KneserNey(documents, codec.vocab_size, order=order, end=contract.EOS_ID)
        return cls(codec, model, decoding=decoding, learnt=Learnt(len(documents), drawn.available, max_tokens - left))

    def asked(self, decoding: Decoding, max_block_tokens: int, stop: Sequence[str]) -> "NgramProvider":
        """The same model, asked otherwise."""
        return NgramProvider(
            self._codec, self.model, decoding=decoding, max_block_tokens=max_block_tokens, stop=stop, learnt=self.learnt
        )

    def answer(self, case: Case) -> Prediction:
        """See `providers.Provider`; texts are in the order of `Decoding.length_bonus`, as those of the engine."""
        started = time.perf_counter()
        error, found = None, []
        try:
            self._layout.check(Request(case.prompt))
            found = self._ranked(case) if case.candidates else self._written(case)
        except ValueError as wrong:
            error = str(wrong)
        milliseconds = (time.perf_counter() - started) * 1000
        return Prediction(
            case.id, case.suite, self.name, tuple(text for text, _ in found), tuple(score for _, score in found),
            milliseconds, error=error,
        )  # fmt: skip

    def _written(self, case: Case) -> list[tuple[str, float]]:
        line = case.prompt[case.prompt.rfind("\n") + 1 :]
        # As the engine has it: of a line that is only indented so far nothing is taken back.
        indented = line != "" and line.isspace()
        rows = self._layout.rows(Request(case.prompt), heal=not indented)
        allowed = self._code_begins if indented else None
        if rows.taken_back is not None:
            allowed = np.array(self._layout.piece_order.ids(self._layout.first_tokens(rows)))
        decoding = self._decoding if case.one_line else self._of_block
        limits = texts.Limits(case.one_line, () if case.one_line else self._stop)

        def text_of(tokens: tuple[int, ...]) -> str:
            return healing.answer(self._codec, tokens, taken_back=rows.taken_back) if tokens else ""

        more = {"finished": lambda tokens: limits.reached(text_of(tokens))} if limits.stop else {}
        stop_ids = self._layout.stop_ids(infilling=False, one_line=case.one_line)
        steps = _Steps(self.model)
        answers = search.write(steps, steps.start(rows.read), decoding, stop_ids=stop_ids, allowed=allowed, **more)
        found = [(limits.cut(text_of(answer.tokens), ended=answer.ended), answer.logprob) for answer in answers]
        if decoding.temperature:  # of drawn ones each counts
            return found
        best: dict[str, float] = {}
        for text, score in found:
            best.setdefault(text, score)
        return list(best.items())

    def _ranked(self, case: Case) -> list[tuple[str, float]]:
        if any("\n" in one for one in case.candidates):
            raise ValueError(f"candidates are names without newlines, got {list(case.candidates)!r}")
        border = max(case.prompt.rfind("\n"), 0)
        read = self._layout.rows(Request(case.prompt[:border]), heal=False).read if border else []
        lines = [self._codec.encode(case.prompt[border:] + one) for one in case.candidates]
        common = 0
        while all(len(line) > common and line[common] == lines[0][common] for line in lines):
            common += 1
        steps = _Steps(self.model)
        start = steps.start([*read, *lines[0][:common]])
        scores = ranking.log_likelihoods(steps, start, [line[common:] for line in lines], ends=self._name_ends)
        return sorted(zip(case.candidates, scores, strict=True), key=lambda one: -one[1])

    def logprobs(self, tokens: Sequence[int]) -> np.ndarray:
        """Of each token of a file, after those before it, in nats: float64 [tokens]."""
        return np.fromiter(self._each_logprob(tokens), np.float64, len(tokens))

    def _each_logprob(self, tokens: Sequence[int]) -> Iterator[float]:
        whole = [self.model.end, *tokens]
        for place, token in enumerate(tokens, start=1):
            yield float(np.log(self.model.probabilities(whole[max(0, place - self.model.order + 1) : place])[token]))

    def bits_per_byte(self, text: str) -> float:
        """Bits that a file takes, its end not among them, for each byte of its UTF-8.

        Example: a text of 1,000 bytes whose 250 tokens have 6 bits each has 1.5.

        Raises:
          ValueError: the text is empty.
        """
        if not text:
            raise ValueError("an empty text has no bits per byte: leave empty files out")
        return float(-self.logprobs(self._codec.encode(text)).sum() / np.log(2) / len(text.encode()))


class _Steps:
    """An n-gram model in the place of `runtime.Runtime`, as far as searching and ranking need it."""

    def __init__(self, model: KneserNey):
        self._model = model

    def start(self, read: Sequence[int]) -> Start:
        whole = list(read) if len(read) >= self._model.order else [self._model.end, *read]
        return Start(None, _cache(np.array([whole])), np.log(self._model.probabilities(whole)))

    def step(self, read: None, tokens: np.ndarray, cache: runtime.Cache) -> tuple[np.ndarray, runtime.Cache]:
        before = cache.values["tokens"].numpy()
        rows = np.concatenate([before, tokens], axis=1)
        first = before.shape[1] + 1
        logits = [[np.log(self._model.probabilities(row[:end])) for end in range(first, len(row) + 1)] for row in rows]
        return np.array(logits), _cache(rows[:, -self._model.order :])


def _cache(rows: np.ndarray) -> runtime.Cache:
    values = {"tokens": onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(rows, np.int64))}
    return runtime.Cache(rows.shape[1], values)
