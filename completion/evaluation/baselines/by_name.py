"""The baselines by name; each learns when it is first asked for, and is kept for the suites that come after."""

import dataclasses
import functools
import time
from collections.abc import Callable

from completion.evaluation import argument_suite, symbol_suite
from completion.evaluation.baselines.copying import CopyFromFile
from completion.evaluation.baselines.ngram import NgramProvider
from completion.evaluation.baselines.popular_lines import PopularLines
from completion.evaluation.cases import Case, Prediction
from completion.evaluation.how import How
from completion.evaluation.material import Material
from completion.evaluation.providers import Provider
from preprocessing import prompt


class _Late:
    """A baseline that learns when it is first asked: where all of its answers are there already, it never is.

    What learning takes is not counted as answering.
    """

    def __init__(self, name: str, make: Callable[[], Provider]):
        self.name, self._make = name, functools.cache(make)

    def answer(self, case: Case) -> Prediction:
        made = self._make()
        started = time.perf_counter()
        found = made.answer(case)
        return dataclasses.replace(found, milliseconds=(time.perf_counter() - started) * 1000)


class _First:
    """Of a baseline that ranks its answers the first alone: where answers are drawn, its others are none of these."""

    def __init__(self, provider: Provider):
        self.name, self._provider = provider.name, provider

    def answer(self, case: Case) -> Prediction:
        found = self._provider.answer(case)
        return dataclasses.replace(found, texts=found.texts[:1], scores=found.scores[:1])


class Baselines:
    """Of one document dataset.

    Attributes:
      codec: of the model beside which the n-gram model stands; without one there is none. vocabulary: its digest.
    """

    def __init__(self, material: Material, codec: prompt.Codec | None, vocabulary: str = ""):
        """Takes a dataset.

        Args:
          vocabulary: SHA-256 of the codec's, "" without one.
        """
        self.codec, self.vocabulary, self._material = codec, vocabulary, material

    def make(self, name: str, suite: str, how: How) -> Provider | None:
        """A baseline of a suite; None where it cannot be had: an n-gram model without a model's tokens.

        Args:
          name: "n-gram", "popularity", "alphabetical" or "copy".
          how: the suite is asked.
        """
        if name == "n-gram":
            if self.codec is None:
                return None
            return _Late(name, lambda: self.ngram.asked(how.decoding, how.max_block_tokens, how.stop))
        made: Provider
        if name == "alphabetical":
            made = symbol_suite.Alphabetical()
        elif name == "copy":
            made = argument_suite.LastCall() if suite == argument_suite.SUITE else CopyFromFile()
        elif name != "popularity":
            raise ValueError(f"no baseline {name!r}")
        elif suite == symbol_suite.SUITE:
            made = symbol_suite.Popularity(self._material.symbols)
        elif suite == argument_suite.SUITE:
            made = _Late(name, lambda: self._popular_arguments)
        else:
            made = _Late(name, lambda: self._popular_lines)
        return _First(made) if how.is_run else made

    @functools.cached_property
    def ngram(self) -> NgramProvider:
        return NgramProvider.learn(self._material.documents, self.codec, seed=self._material.seed)

    @functools.cached_property
    def _popular_lines(self) -> PopularLines:
        return PopularLines.learn(self._material.documents, seed=self._material.seed)

    @functools.cached_property
    def _popular_arguments(self) -> argument_suite.Popularity:
        return argument_suite.Popularity(argument_suite.learn(self._material.train))
