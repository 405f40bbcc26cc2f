"""Asks everybody the cases of one suite: models, servers and baselines; answers that are to be run are run."""

import collections
import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping

from completion import fallback, whole_file
from completion.engine import Engine
from completion.evaluation import code_x_glue, human_eval, likelihood, line_suite, results, runs, suites, symbol_suite
from completion.evaluation.baselines.by_name import Baselines
from completion.evaluation.cases import Case
from completion.evaluation.how import of_suite
from completion.evaluation.material import Material
from completion.evaluation.providers import EngineProvider, Provider, ServerProvider
from completion.evaluation.suites import Drawn, Suite

# The folder of lists of modules where a model had better leave its suggestions to popularity, for the engine.
FALLBACK = "fallback"
# Of held-out files, that are scored token by token.
WINDOWS = 200


@dataclasses.dataclass(frozen=True)
class Asked:
    """Who is asked, and how.

    Attributes:
      engines: by name.
      servers: name -> (address, name of the model there or None).
      baselines: that a suite has; None for none at all.
      num_answers: of models to a case of code, the best of a beam search as wide.
      samples: that are drawn of each case whose answers are run.
      timeout_s: for an answer.
      at_once: cases that a model answers at a time, on a thread each.
    """

    engines: Mapping[str, Engine]
    servers: Mapping[str, tuple[str, str | None]]
    baselines: Baselines | None
    num_answers: int = 5
    samples: int = 1
    timeout_s: float = 60.0
    at_once: int = 1


def ask(
    name: str,
    folder: pathlib.Path,
    material: Material,
    asked: Asked,
    number: int,
    *,
    allow_unsandboxed: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> list[str]:
    """Asks all of them a suite, and keeps what they answer in a folder; goes on where that was interrupted.

    Args:
      name: of `suites.SUITES`.
      folder: of the run; the suite's own is made in it.
      number: of cases at most.
      say: is told how far it is.

    Returns:
      Who could not be asked, and why: the folder has answers of another run, or a server is not there.

    Raises:
      ValueError, OSError: the suite has no cases, or its file is not there.
      runs.RunError: the folder has other cases.
      sandbox.SandboxError: answers cannot be run here.
    """
    suite, folder = suites.SUITES[name], folder / name
    drawn = suite.draw(material, number)
    runs.keep_cases(folder, drawn.cases)
    kept = {"name": name, "left_out": drawn.left_out, "bad_rows": drawn.bad_rows}
    results.write(folder / results.SUITE, kept)
    notes: list[str] = []
    answered: dict[str, runs.Answers] = {}
    for provider, about in providers(name, suite, asked, material):

        def told(text: str, who: str = provider.name) -> None:
            say(f"{name}: {who} {text}")

        try:
            answers = runs.answer(
                folder, drawn.cases, provider, about=about,
                at_once=asked.at_once if isinstance(provider, EngineProvider) else 1,
                say=lambda done, of, told=told: told(f"{done:,} of {of:,}"),
            )  # fmt: skip
        except runs.RunError as error:
            # The others are asked all the same.
            notes.append(f"{name}: {error}")
            continue
        answered[provider.name] = answers
        if name == code_x_glue.SUITE:
            code_x_glue.write_predictions(folder / f"{provider.name}.txt", drawn.cases, answers.predictions)
        if drawn.tasks:
            _check(folder, drawn, answers, allow_unsandboxed, told)
    if name == line_suite.SUITE:
        keep_likelihood(folder, asked, material, say)
    if name == symbol_suite.SUITE and results.POPULARITY in answered:
        popularity = symbol_suite.by_symbol(drawn.cases, answered[results.POPULARITY].predictions)
        for model in asked.engines.keys() & answered.keys():
            figures = symbol_suite.by_symbol(drawn.cases, answered[model].predictions)
            path = folder / FALLBACK / f"{model}.json"
            path.parent.mkdir(exist_ok=True)
            worse = symbol_suite.fallback(figures, popularity)
            fallback.write(path, worse, material.symbols, about=asked.engines[model].description.source)
    return notes


def keep_likelihood(folder: pathlib.Path, asked: Asked, material: Material, say: Callable[[str], None]) -> None:
    """Scores `WINDOWS` windows of held-out files by every model, and those of the first by the n-gram model, too."""
    path = folder / results.LIKELIHOOD
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for number, (model, engine) in enumerate(asked.engines.items()):
        about = {
            "windows": WINDOWS, "seed": material.seed, "documents": material.digest,
            "model": dataclasses.asdict(engine.description),
        }  # fmt: skip
        wanted = [model, "n-gram"] if number == 0 and asked.baselines is not None else [model]
        left = [who for who in wanted if found.get(who, {}).get("about") != about]
        if not left:
            continue
        windows = likelihood.draw(
            material.held_out, engine.codec, engine.description, number=WINDOWS, seed=material.seed
        )
        for who in left:
            if who == model:
                scored = likelihood.by_model(
                    engine.runtime, windows, say=lambda done, of, who=who: say(f"likelihood: {who} {done} of {of}")
                )
            else:
                scored = likelihood.by_token_model(asked.baselines.ngram, windows)
            found[who] = {"about": about, **likelihood.figures(windows, scored, seed=material.seed).row()}
        results.write(path, found)


def providers(name: str, suite: Suite, asked: Asked, material: Material) -> Iterator[tuple[Provider, dict]]:
    """Who is asked a suite, and what makes each of them what it is."""
    how = of_suite(name, num_answers=asked.num_answers, samples=asked.samples, seed=material.seed)
    about = {"how": dataclasses.asdict(how)}
    for of, engine in asked.engines.items():
        made = EngineProvider(
            engine, of, decoding=how.decoding, max_block_tokens=how.max_block_tokens, stop=how.stop,
            timeout_s=asked.timeout_s,
        )  # fmt: skip
        yield made, {**about, "model": dataclasses.asdict(engine.description)}
    # A server has no way to rank candidates.
    for of, (url, model) in asked.servers.items() if suite.writes else ():
        wanted = how.decoding.num_answers if how.is_run else 1
        server = ServerProvider(
            url, of, model=model, max_tokens=how.max_block_tokens, number=wanted, timeout_s=asked.timeout_s,
            stop=how.stop, seed=material.seed,
        )  # fmt: skip
        yield server, {**about, "url": url, "model": model, "number": wanted}
    if asked.baselines is not None:
        learnt = {"documents": material.digest, "seed": material.seed, "vocabulary": asked.baselines.vocabulary}
        for baseline in suite.baselines:
            made = asked.baselines.make(baseline, name, how)
            if made is not None:
                yield made, {**about, **learnt}


def _check(
    folder: pathlib.Path, drawn: Drawn, answers: runs.Answers, allow_unsandboxed: bool, say: Callable[[str], None]
) -> None:
    """Runs what was not run yet; a row an answer, kept as it is known."""
    path = folder / suites.CHECKED / f"{answers.provider}.jsonl"
    path.parent.mkdir(exist_ok=True)
    rows = suites.read_checked(path)
    # Of the case that was interrupted not all answers may be there: they are run again.
    counts = collections.Counter(one.case for one in rows)
    whole = {id_ for id_, one in answers.predictions.items() if one.texts and counts[id_] == len(one.texts)}
    with whole_file.writing(path) as file:
        file.writelines(json.dumps(dataclasses.asdict(one)) + "\n" for one in rows if one.case in whole)
    left: list[Case] = [case for case in drawn.cases if case.id not in whole]
    count = 0
    with path.open("a", encoding="utf-8") as file:

        def keep(one: human_eval.Checked) -> None:
            nonlocal count
            count += 1
            file.write(json.dumps(dataclasses.asdict(one)) + "\n")
            file.flush()
            say(f"{count:,} answers run")

        human_eval.check(left, drawn.tasks, answers.predictions, allow_unsandboxed=allow_unsandboxed, watch=keep)
