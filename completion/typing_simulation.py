r"""Simulates a person who types held-out files with an exported model at hand, and says how much it would have helped.

python -m completion.typing_simulation --model EXPORT --documents DOCUMENTS --num_files 100 --output figures.json
python -m completion.typing_simulation --model EXPORT --files a.py b.py --trace suggestions.jsonl

How the person types: each file from its top, each line from its left. The indentation of a line is the editor's work,
and blanks at its end are nobody's: neither is typed, suggested or counted. Enter ends a line. A suggestion is asked for

- at the start of a line, behind its indentation,
- after a dot,
- in mid-line, after any other character that is not part of a word, such as ` `, `(` or `=`; with --every_key after
  each character;

not behind the last character of a line, where Enter comes next. It is the engine's best suggestion, with its filters,
and it is made of what stands before the cursor: what comes after is not yet written. With --infill the lines below
are, as if the person wrote this line last. What is shown and is right is accepted with one key: it is all of the rest
of the line, or it is the beginning of that, ends with a token, and has three characters or more. Anything else is
typed past: also a suggestion that begins with more indentation than the editor gave. A wrong one that goes on fitting
is shown again at the next place, as editors do. Licences and imports stand at the top of a file and are foreseen more
often than the rest: figures with different --max_lines cannot be compared.

What it gives, over all files, and for each kind of place:

- The ratio of completed code: characters that were accepted, of all characters of code. This is what JetBrains measures
  with users of its Full Line Code Completion (https://arxiv.org/abs/2405.08704); here the typing is simulated. Its
  95 % interval is a bootstrap over files: how it may be in as many other files of the kind.
- Perfect lines: of the lines that are not blank, those that came whole as the suggestion at the start of the line.
  Lines finished later: those whose end came from a suggestion further on.
- Matched characters a suggestion: with which it and the rest of the line begin alike, the mean of all that are shown.
- Keystrokes saved: one for each character and each Enter without suggestions; with them one for each acceptance.
- Milliseconds until a suggestion is there, or until it is known that none is to be shown.

Example: "    return math.pi * r\n" has 18 characters of code and takes 19 keys. At its start "return None" is
suggested, which is wrong, but begins with 7 right characters; after "return " "None", and after "math." "pi * r", which
is accepted. 12 characters are typed and 6 accepted: the ratio of completed code is 6 / 18 = 33 %, keystrokes saved are
1 - (12 + 1 + 1) / 19 = 26 %, matched characters (7 + 0 + 6) / 3 = 4.33. The line is no perfect one; it was finished
later.
"""

import argparse
import contextlib
import dataclasses
import json
import pathlib
import sys
from typing import Any, TextIO

from completion import filters, held_out_files, typing_figures, typist, whole_file
from completion.engine import Engine
from completion.held_out_files import Drawn
from completion.progress_line import ProgressLine
from completion.search import Decoding
from completion.typist import Person, lines_of, type_file
from preprocessing import contract


def simulate(
    engine: Engine, drawn: Drawn, person: Person, *, trace: TextIO | None = None, seed: int = 0
) -> dict[str, Any]:
    """Types files, and tells on stderr how far it is.

    Args:
      trace: written to, a line of JSON for each suggestion that is shown.
      seed: of the bootstrap.

    Returns:
      The figures of `typing_figures.Totals`, the "seconds" it took, how many files were "available", and "left_out":
      the reason of each file that was drawn and not typed.

    Raises:
      ValueError: none of the files can be typed, or the model was not trained for what `person` asks of it.
    """
    sizes = [sum(len(line.code) for line in lines_of(file.text, person.max_lines)) for file in drawn.files]
    empty = [(file.name, "empty") for file, size in zip(drawn.files, sizes, strict=True) if not size]
    left_out = [{"file": name, "reason": reason} for name, reason in [*drawn.left_out, *empty]]
    if not any(sizes):
        raise ValueError(f"none of {drawn.available} files can be typed; left out: {left_out or 'nothing'}")
    totals, progress = typing_figures.Totals(), _Progress(sum(sizes))
    for file, size in zip(drawn.files, sizes, strict=True):
        if not size:
            continue
        typed = type_file(engine, file, person, after_line=progress.add)
        totals.add(typed)
        for ask in typed.asks if trace else ():
            if ask.suggestion is not None:
                row = {"file": file.name, **dataclasses.asdict(ask), "accepted": ask.accepted > 0}
                trace.write(json.dumps({**row, "matched": ask.matched}, ensure_ascii=False) + "\n")
    seconds = progress.end()
    return {**totals.figures(seed=seed), "seconds": seconds, "available": drawn.available, "left_out": left_out}


class _Progress:
    """Says how much is typed, and for how long it will go on."""

    def __init__(self, characters: int):
        self._all, self._typed, self._line = characters, 0, ProgressLine()

    def add(self, characters: int) -> None:
        self._typed += characters
        left = self._line.seconds * (self._all - self._typed) / max(self._typed, 1)
        self._line.say(f"{self._typed:,} of {self._all:,} characters typed, {left:,.0f} s left")

    def end(self) -> float:
        return self._line.end()


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m completion.typing_simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="made by code_t5.main.export --format onnx")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--documents", type=pathlib.Path, metavar="DIR", help="made by preprocessing.run")
    what.add_argument("--files", type=pathlib.Path, nargs="+", metavar="FILE", help="of source, or these")
    add("--split", choices=contract.SPLITS, default="test", help="of the documents (%(default)s)")
    add("--num_files", type=int, metavar="N", help="so many, at random; by default all")
    add("--max_lines", type=int, metavar="N", help="so many from the top of each file; by default all")
    add(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of the files drawn, and of the interval (%(default)s)",
    )
    add("--infill", action="store_true", help="the lines below are there already; for models trained to fill in")
    add("--every_key", action="store_true", help="ask after each character")
    add("--beam_size", type=int, default=1, metavar="N", help="above 1: beam search (%(default)s)")
    add("--max_new_tokens", type=int, default=32, metavar="N", help="the most tokens of a suggestion (%(default)s)")
    add("--min_score", type=float, metavar="S", help="show no suggestion of a lower score; by default all")
    add("--threads", type=int, metavar="N", help="by default as many as are quickest")
    add("--output", type=pathlib.Path, metavar="FILE", help="JSON with all figures and parameters")
    add("--trace", type=pathlib.Path, metavar="FILE", help="JSONL, a row for each suggestion that is shown")
    arguments = parser.parse_args(argv)
    for name in ("num_files", "max_lines"):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            parser.error(f"--{name} must be 1 or more, got {getattr(arguments, name)}")
    try:
        figures, engine = _run(arguments)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(_summary(figures, engine))
    return 0


def _run(arguments: argparse.Namespace) -> tuple[dict[str, Any], Engine]:
    how = {"num_files": arguments.num_files, "seed": arguments.seed}
    if arguments.documents is not None:
        drawn = held_out_files.of_documents(arguments.documents, arguments.split, **how)
    else:
        drawn = held_out_files.of_files(arguments.files, **how)
    person = Person(
        Decoding(max_new_tokens=arguments.max_new_tokens, beam_size=arguments.beam_size),
        min_score=arguments.min_score,
        infill=arguments.infill,
        every_key=arguments.every_key,
        max_lines=arguments.max_lines,
    )
    engine = Engine(arguments.model, threads=arguments.threads)
    with contextlib.ExitStack() as stack:
        trace = stack.enter_context(whole_file.writing(arguments.trace)) if arguments.trace else None
        figures = simulate(engine, drawn, person, trace=trace, seed=arguments.seed)
    figures["not_shown"] = {reason: engine.counts[reason] for reason in filters.REASONS if engine.counts[reason]}
    if arguments.output:
        model = dataclasses.asdict(engine.description)
        report = {
            "parameters": {**vars(arguments), "threads": engine.threads, "least": typist.LEAST},
            "model": {name: model[name] for name in ("source", "precision", "vocabulary", "max_inputs")},
            "figures": figures,
        }
        whole_file.write(arguments.output, json.dumps(report, indent=1, default=str) + "\n")
    return figures, engine


def _summary(figures: dict[str, Any], engine: Engine) -> str:
    source = engine.description.source
    lines = [
        f"{source.get('model', 'a model')}, step {source.get('step', '?')}, {engine.description.precision}: "
        f"{figures['files']:,} of {figures['available']:,} files, {figures['lines']:,} lines "
        f"({figures['lines_of_code']:,} not blank), {figures['characters']:,} characters of code, "
        f"{figures['seconds']:,.0f} s, {engine.threads} threads",
        "",
        typing_figures.table(figures),
    ]
    if figures["not_shown"]:
        lines.append(f"\nnot shown: {', '.join(f'{why} {count:,}' for why, count in figures['not_shown'].items())}")
    if figures["left_out"]:
        lines.append(
            f"\nleft out {len(figures['left_out'])}: "
            + ", ".join(f"{one['file']} ({one['reason']})" for one in figures["left_out"])
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
