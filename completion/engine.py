"""Completes code with an exported model, fast enough to do it at each key.

What is kept between two calls: what the text before the line was read as, so that typing on in a line costs steps of
the decoder alone; what stands in the line so far; and what was suggested, so that typing that costs nothing.
"""

import collections
import copy
import dataclasses
import functools
import os
import threading
from collections.abc import Callable, Sequence

import numpy as np

from completion import exported, healing, ranking, runtime, search, texts
from completion import fallback as fallback_lib
from completion import filters as filters_lib
from completion.filters import Filters
from completion.requests import Layout, Request
from completion.search import Decoding

# What was read of so many places is kept: files that somebody goes back and forth between. (The base size keeps 37 MB
# of 512 tokens.)
_KEPT_READS = 4
# Answers are kept with the text that they are to: so many of them, and so many characters together.
_KEPT_ANSWERS, _KEPT_CHARACTERS = 64, 10_000_000


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """What may be put at the cursor.

    Attributes:
      text: without the newline that ended it, where it is one line.
      score: log-probability over a power of the length, see `Decoding.length_bonus`; where it is of the fallback list,
        the logarithm of a share of uses, see `fallback.Fallback.attributes`.
      tokens: ids that the model wrote, a token that was taken back written again with them; () where it wrote none.
      logprobs: of these, and of the end.
      ended: whether it came to an end, by itself or at a stop text.
      top: of each token the likeliest ones, see `search.Decoding.top_logprobs`.
      typed_again: text that stands before the cursor, with which the tokens begin, but not the text.
    """

    text: str
    score: float
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    ended: bool
    top: tuple[tuple[tuple[int, float], ...], ...] = ()
    typed_again: str = ""


class Engine:
    """An exported model that answers requests, one at a time; other threads wait.

    Attributes:
      description: of the model.
      codec: of the model.
      layout: what it reads for a request.
      counts: of calls and of what was kept for them: `requests`, `answers_kept`, `reads`, `reads_kept`, `steps`; of
        those with suggestions of the fallback list, `fallback`; and of suggestions that were not shown, by
        `filters.REASONS`.
    """

    def __init__(
        self,
        folder: str,
        *,
        threads: int | None = None,
        context_budget: int | None = None,
        fallback: str | os.PathLike | None = None,
    ):
        """Loads the model.

        Args:
          folder: made by `code_t5.main.export --format onnx`.
          threads: None for as many as are quickest.
          context_budget: the most tokens of other files; None for what the model was trained with.
          fallback: file of modules whose attributes are suggested by popularity, see `fallback`; None for none.

        Raises:
          exported.ExportError: the folder is no export, or a damaged one.
          fallback.FallbackError: the file holds no such list.
          OSError: the file cannot be read.
        """
        self._fallback = None if fallback is None else fallback_lib.read(fallback)
        self._runtime = runtime.Runtime(folder, threads=threads)
        self.description = self._runtime.description
        self.codec = exported.codec(folder, self.description)
        trained_with = self.description.context_budget
        self.layout = Layout(
            self.codec,
            max_inputs=self.description.max_inputs,
            max_forced=self.description.max_forced,
            delimited=self.description.delimited,
            one_row=self.description.one_row,
            context_budget=trained_with if context_budget is None else context_budget,
            infills=self.description.infills,
        )
        self._begin()

    def _begin(self) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()
        self._places: collections.OrderedDict[tuple[int, ...], _Place] = collections.OrderedDict()
        self._answers: collections.OrderedDict[tuple[str, tuple], list[Suggestion]] = collections.OrderedDict()

    @property
    def threads(self) -> int:
        return self._runtime.threads

    @property
    def runtime(self) -> runtime.Runtime:
        """The model by itself."""
        return self._runtime

    def complete(
        self,
        request: Request,
        decoding: Decoding | None = None,
        *,
        one_line: bool = True,
        stop: Sequence[str] = (),
        distinct: bool = True,
        filters: Filters | None = None,
        watch: Callable[[str], None] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Suggestion]:
        """Suggestions for a request, the best first.

        Args:
          decoding: how to write; by default greedily.
          one_line: whether to end where the line ends.
          stop: texts before the first of which a suggestion ends.
          distinct: whether of suggestions with the same text only the best is given.
          filters: leaves out what is not to be shown, which may be all; None shows all.
          watch: is told the text of a suggestion as far as it is certain, while it is written, where only one is
            written, and no beam search.
          cancelled: asked before each step.

        Raises:
          ValueError: the request needs what the model was not trained for.
          search.CancelledError: `cancelled` said so.
        """
        decoding = decoding or Decoding()
        self.layout.check(request)
        limits = texts.Limits(one_line, tuple(stop))
        with self._lock:
            self.counts["requests"] += 1
            found = self._popular(request, decoding, limits) if filters is None or filters.python else []
            if len(found) < decoding.num_answers:
                found = [*found, *self._own(request, decoding, limits, watch=watch, cancelled=cancelled)]
            if distinct:
                best: dict[str, Suggestion] = {}
                for one in found:
                    best.setdefault(one.text, one)
                found = list(best.values())
            found = found[: decoding.num_answers]
            return found if filters is None else self._shown(request, found, filters)

    def twin(self) -> "Engine":
        """The same model for another thread, of which each has an engine of its own: what is kept is not shared."""
        made = copy.copy(self)
        made._begin()
        return made

    def rank(self, request: Request, candidates: Sequence[str]) -> list[float]:
        """The log-likelihood of each candidate at the cursor, as a name that ends there, in nats.

        They can be compared with each other, not with those at other cursors: they count the cursor's line, too.

        Args:
          candidates: texts without newlines, one or more.

        Raises:
          ValueError: the request needs what the model was not trained for, or a candidate has a newline.
        """
        self.layout.check(request)
        if not candidates or any("\n" in one for one in candidates):
            raise ValueError(f"candidates are names, one or more, without newlines, got {list(candidates)!r}")
        if "\n" not in request.prompt[1:]:
            # The line that is scored is written, not read; in the first of a file there is nothing else to be read.
            request = dataclasses.replace(request, prompt="\n\n" + request.prompt)
        whole = [dataclasses.replace(request, prompt=request.prompt + one) for one in candidates]
        rows = [self.layout.rows(one, heal=False) for one in whole]
        with self._lock:
            if self.layout.delimited:
                read, lines = self.layout.rows(request, heal=False).read, [self.codec.encode(one) for one in candidates]
            elif self.layout.one_row:
                common = _common([row.read for row in rows])
                read, lines = common, [row.read[len(common) :] for row in rows]
            else:
                read, lines = rows[0].read, [row.begun for row in rows]
            common = _common(lines)
            start = self._place(tuple(read)).start(common, self._runtime, self.counts)
            further = [line[len(common) :] for line in lines]
            self.counts["steps"] += 1
            return ranking.log_likelihoods(self._runtime, start, further, ends=self._name_ends)

    def forget(self) -> None:
        """Answers anew what is asked from here on: what was read and answered before never makes a difference."""
        with self._lock:
            self._places.clear()
            self._answers.clear()

    def tokens_read(self, request: Request) -> int:
        """How many tokens of a request the model is given: those that it reads, and those of the line so far."""
        rows = self.layout.rows(request)
        return len(rows.read) + len(rows.begun) + (rows.taken_back is not None)

    def _shown(self, request: Request, found: Sequence[Suggestion], filters: Filters) -> list[Suggestion]:
        shown = []
        for one in found:
            why = filters_lib.reason(request.prompt, one.text, request.suffix, score=one.score, filters=filters)
            if why is None:
                shown.append(one)
            else:
                self.counts[why] += 1
        return shown

    def _popular(self, request: Request, decoding: Decoding, limits: texts.Limits) -> list[Suggestion]:
        """What the fallback list has for a line, unless it is the model's distribution that is asked for."""
        if self._fallback is None or not limits.one_line or _is_of_chance(decoding):
            return []
        rests = self._fallback.attributes(request.prompt, after=request.suffix or "")
        found = [Suggestion(text, score, (), (), True) for text, score in rests if not limits.reached(text)]
        if found:
            self.counts["fallback"] += 1
        return found[: decoding.num_answers]

    def _own(self, request: Request, decoding: Decoding, limits: texts.Limits, *, watch, cancelled) -> list[Suggestion]:
        """What the model suggests: kept, or written now."""
        if _is_of_chance(decoding):
            return self._write(request, decoding, limits, watch=watch, cancelled=cancelled)
        kind = (request.suffix, request.files, request.path, decoding, limits)
        found = self._typed_on(request.prompt, kind)
        if found is not None:
            self.counts["answers_kept"] += 1
            return found
        found = self._write(request, decoding, limits, watch=watch, cancelled=cancelled)
        self._keep((request.prompt, kind), found)
        return found

    def _keep(self, key: tuple[str, tuple], found: list[Suggestion]) -> None:
        self._answers[key] = found
        sizes = [_characters(*one) for one in self._answers]
        while len(sizes) > _KEPT_ANSWERS or sum(sizes) > _KEPT_CHARACTERS:
            self._answers.popitem(last=False)
            del sizes[0]

    def _typed_on(self, text: str, kind: tuple) -> list[Suggestion] | None:
        """What is left of suggestions whose beginning was typed; None where none was."""
        for (before, of_kind), suggestions in reversed(self._answers.items()):
            if of_kind != kind or not text.startswith(before):
                continue
            typed = text[len(before) :]
            left = [
                dataclasses.replace(one, text=one.text[len(typed) :])
                for one in suggestions
                if one.text.startswith(typed) and (len(one.text) > len(typed) or not typed)
            ]
            if left:
                return left
        return None

    def _write(self, request: Request, decoding: Decoding, limits: texts.Limits, *, watch, cancelled):
        # On a line that is only indented so far that is how far it is meant to be: nothing is taken back of it.
        indented = _is_indentation(request.prompt)
        rows = self.layout.rows(request, heal=not indented)
        place = self._place(tuple(rows.read))
        start = place.start(rows.begun, self._runtime, self.counts)
        allowed = self._code_begins if indented else None
        if rows.taken_back is not None:
            allowed = np.array(self.layout.piece_order.ids(self.layout.first_tokens(rows)))

        def text_of(tokens: tuple[int, ...]) -> str:
            return healing.answer(self.codec, list(tokens), taken_back=rows.taken_back) if tokens else ""

        more = {}
        if limits.stop:
            more["finished"] = lambda tokens: limits.reached(text_of(tokens))
        if watch is not None:
            more["watch"] = lambda tokens: watch(limits.certain(text_of(tokens)))
        answers = search.write(
            self._runtime,
            start,
            decoding,
            stop_ids=self.layout.stop_ids(infilling=request.suffix is not None, one_line=limits.one_line),
            allowed=allowed,
            cancelled=cancelled,
            **more,
        )
        self.counts["steps"] += max((len(answer.logprobs) for answer in answers), default=0)
        typed_again = "" if rows.taken_back is None else self.codec.decode([rows.taken_back])
        found = []
        for answer in answers:
            text = limits.cut(text_of(answer.tokens), ended=answer.ended)
            score = answer.score(decoding.length_bonus)
            found.append(
                Suggestion(text, score, answer.tokens, answer.logprobs, answer.ended, answer.top, typed_again)
            )  # fmt: skip
        return found

    @functools.cached_property
    def _name_ends(self) -> np.ndarray:
        return ranking.name_ends(self.codec)

    @functools.cached_property
    def _code_begins(self) -> np.ndarray:
        """Ids of pieces that begin with anything but a blank or a newline."""
        pieces, ranks = self.codec.piece_bytes(), self.layout.piece_order.ranks
        return np.array([i for i, rank in enumerate(ranks) if rank >= 0 and not pieces[i][:1].isspace()])

    def _place(self, read: tuple[int, ...]) -> "_Place":
        """What was read before a line: kept, or read now."""
        place = self._places.pop(read, None) or self._typed_on_place(read)
        self.counts["reads" if place is None else "reads_kept"] += 1
        self._places[read] = place = place or _Place(self._runtime.read([read]))
        while len(self._places) > _KEPT_READS:
            self._places.popitem(last=False)
        return place

    def _typed_on_place(self, read: tuple[int, ...]) -> "_Place | None":
        """Where text and line stand in one row, the place of the same text with another end; None if there is none."""
        if not self.layout.one_row or self.layout.delimited:
            return None
        old = max(self._places, key=lambda other: _same(other, read), default=())
        if _same(old, read) <= len(read) // 2:
            return None
        return self._places.pop(old).reading(self._runtime.read([read]))


def _same(old: Sequence[int], new: Sequence[int]) -> int:
    """How many tokens two rows have in common from the first on."""
    return next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _common(rows: Sequence[Sequence[int]]) -> list[int]:
    """What all rows begin with."""
    return list(rows[0][: min(_same(rows[0], row) for row in rows)])


def _is_of_chance(decoding: Decoding) -> bool:
    """Whether the model's distribution is asked for: an answer that is drawn from it, or what else was likely."""
    return bool(decoding.temperature or decoding.top_logprobs)


def _characters(prompt: str, kind: tuple) -> int:
    """Of the texts that an answer is to."""
    suffix, files, *_ = kind
    return len(prompt) + len(suffix or "") + sum(len(text) for _, text in files)


def _is_indentation(before: str) -> bool:
    """Whether the cursor stands behind blanks that begin its line, one or more.

    At the very beginning of a line it may go either way: an editor has indented it, or whoever asks leaves that to us.
    """
    line = before[before.rfind("\n") + 1 :]
    return line != "" and line.isspace()


class _Place:
    """What was read before a line, and the line as far as it was taken in."""

    def __init__(self, read: runtime.Read):
        self._read = read
        self._tokens: list[int] = []
        self._cache: runtime.Cache | None = None
        self._logits: np.ndarray | None = None

    def reading(self, read: runtime.Read) -> "_Place":
        """This place with another text, of which the tokens that were taken in are not taken in again."""
        self._read = read
        return self

    def start(self, begun: Sequence[int], runner: runtime.Runtime, counts: collections.Counter) -> search.Start:
        """After some tokens of the line; those that were taken in before are not taken in again."""
        tokens = [*self._read.before, *begun]
        same = _same(self._tokens, tokens)
        # The logits after the last token are asked for, so one is taken in again where all are the same.
        if same == len(tokens) and len(self._tokens) != same:
            same -= 1
        if same < len(tokens):
            cache = runtime.cut(self._cache, same) if self._cache is not None and same else None
            logits, self._cache = runner.step(self._read, np.array([tokens[same:]]), cache, last=True)
            self._logits, self._tokens = logits[0, -1], list(tokens)
            counts["steps"] += 1
        return search.Start(self._read, self._cache, self._logits)
