"""Tables of training runs, made from their records alone."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import infilling_lines, run_records
from benchmarks.results import Section, Target
from benchmarks.training_variants import PACKED, PREDECESSOR_VOCABULARY, STOCK

Record = dict[str, Any]
# The long run is to need at most so much of what xz needs with the same context.
OF_XZ = 2 / 3


def objectives(records: Sequence[Record]) -> Section:
    """t5's prefix-LM and its pipeline against ours, over the seeds: bits per byte and line exact match."""
    run_records.check_comparable(records)
    # Of `benchmarks.more_lines`, where all runs have it.
    key = "more_lines" if all("more_lines" in record["figures"] for record in records) else "line_completion"
    columns = {
        "bits/byte": _bits,
        "lines exact, %": lambda record: record["figures"][key]["exact_match"],
        "edit similarity": lambda record: record["figures"][key]["edit_similarity"],
    }
    formats = {"bits/byte": "{:.3f}", "lines exact, %": "{:.1f}", "edit similarity": "{:.1f}"}
    groups = _by_variant(records)
    rows = []
    for group in groups.values():
        cells = [_cell(group, value, formats[name]) for name, value in columns.items()]
        rows.append([_about(group[0]), str(len(group)), f"{statistics.median(r['steps'] for r in group):,.0f}", *cells])
    stock, ours = groups[STOCK.name], groups[PACKED.name]
    lines = ours[0]["figures"][key]["cases"]
    return Section(
        title="The objective and its pipeline",
        about=(
            f"{_said(records)} {lines:,} lines of held-out files are completed at the end, greedily. Medians of the "
            "seeds, with the least and the most; the spread is the difference of these. The curves: `objectives.svg`."
        ),
        columns=["trained with", "seeds", "steps", *columns],
        rows=rows,
        targets=[
            _better("bits per byte", stock, ours, _bits, less=True),
            _better("percent of lines", stock, ours, columns["lines exact, %"], less=False),
        ],
        raw=_raw(records),
    )


def tokenizers(records: Sequence[Record]) -> Section:
    """The predecessor's vocabulary against ours, in bits per byte of the source text."""
    run_records.check_comparable(records)
    groups = _by_variant(records)
    rows = []
    for group in groups.values():
        figures = group[0]["figures"]
        rows.append(
            [
                _about(group[0]),
                str(len(group)),
                f"{figures['scored_bytes'] / figures['scored_tokens']:.2f}",
                _cell(group, _bits, "{:.3f}"),
                _cell(group, lambda record: record["figures"]["bits_per_byte_of_pieces"], "{:.3f}"),
            ]
        )
    old, ours = groups[PREDECESSOR_VOCABULARY.name], groups[PACKED.name]
    return Section(
        title="The vocabulary, in bits per byte",
        about=(
            f"{_said(records)} All with the same objective and as many pieces. Bits are divided by the bytes of the "
            "source text. The last column divides them by the UTF-8 bytes of the pieces instead: in the "
            "predecessor's a newline is a character of two bytes, and what it loses of the text has none, so that "
            "column is not to be compared."
        ),
        columns=["vocabulary", "seeds", "bytes/token", "bits/byte", "bits/byte of pieces"],
        rows=rows,
        targets=[_better("bits per byte", old, ours, _bits, less=True)],
        raw=_raw(records),
    )


def infilling(records: Sequence[Record]) -> Section | None:
    """Single lines filled in with what stands after the gap and without it; None where no record has that."""
    records = [record for record in records if "infilling" in record["figures"]]
    if not records:
        return None
    record = records[0]
    found = record["figures"]["infilling"]
    names = {"rest": "from a character to the line's end", "line": "the line behind its indentation", "all": "together"}
    rows = []
    for kind in (*infilling_lines.KINDS, "all"):
        with_suffix, without = (found[side][kind] for side in ("with_suffix", "without_suffix"))
        figures = [f"{side[key]:.1f}" for key in ("exact_match", "edit_similarity") for side in (with_suffix, without)]
        rows.append([names[kind], str(with_suffix["cases"]), *figures])
    exact = [found[side]["all"]["exact_match"] for side in ("with_suffix", "without_suffix")]
    return Section(
        title="Single lines filled in",
        about=(
            f"{_said([record])} Half of its windows had gaps to fill. One line in each of "
            f"{found['with_suffix']['all']['cases']} held-out files, cut out; the model writes one line, greedily, "
            "with the text after the gap and without."
        ),
        columns=["gap", "cases", "exact, %", "without suffix", "edit similarity", "without suffix"],
        rows=rows,
        targets=[
            Target(
                "more lines exact with the suffix than without",
                f"{exact[0]:.1f} against {exact[1]:.1f} %",
                exact[0] > exact[1],
            )
        ],
        raw=_raw([record]),
    )


def decoders(records: Sequence[Record]) -> Section:
    """A deep encoder with a deep and with a shallow decoder, after the same time."""
    run_records.check_comparable(records)
    rows = []
    for record in records:
        lines = record["figures"]["line_completion"]
        figures = [f"{_bits(record):.3f}", f"{lines['exact_match']:.1f}", f"{lines['edit_similarity']:.1f}"]
        rows.append([_about(record), f"{record['steps']:,}", *figures])
    return Section(
        title="A deep encoder with a shallow decoder",
        about=(
            f"{_said(records)} Not the model named there: models/prefix_lm.gin, whose encoder and decoder have weights "
            "of their own, as wide as sizes/tiny.gin. How quick they complete: python -m benchmarks.completion."
        ),
        columns=["decoder", "steps", "bits/byte", "lines exact, %", "edit similarity"],
        rows=rows,
        raw=_raw(records),
    )


def long_run(records: Sequence[Record]) -> Section | None:
    """One long run: the figures of `code_t5.main.evaluate`; None where it was not made."""
    if not records:
        return None
    record = records[0]
    bits, lines = (record["evaluation"][name] for name in ("bits_per_byte", "line_completion"))
    share = bits["model"] / bits["xz_same_context"]
    rows = [
        ["the model", f"{bits['model']:.3f}", f"{lines['exact_match']:.1f}", f"{lines['edit_similarity']:.1f}"],
        ["unigram model, same tokens", f"{bits['unigram']:.3f}", "", ""],
        ["xz, same context", f"{bits['xz_same_context']:.3f}", "", ""],
        ["xz over whole files", f"{record['evaluation']['xz_whole_files']:.3f}", "", ""],
    ]
    return Section(
        title="A long run",
        about=(
            f"{_said([record])} {record['steps']:,} steps, {record['tokens'] / 1e6:.0f} million tokens. Scored by "
            "`python -m code_t5.main.evaluate` on the validation split."
        ),
        columns=["", "bits/byte", "lines exact, %", "edit similarity"],
        rows=rows,
        targets=[Target("a third fewer bits than xz with the same context", f"{1 - share:.0%} fewer", share <= OF_XZ)],
        raw=_raw([record]),
    )


def _bits(record: Record) -> float:
    return record["figures"]["bits_per_byte"]


def _about(record: Record) -> str:
    return record["settings"]["variant"]["about"]


def _by_variant(records: Sequence[Record]) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["settings"]["variant"]["name"], []).append(record)
    return groups


def _cell(group: Sequence[Record], value: Callable[[Record], float], form: str) -> str:
    """The median, and the least and the most where there are several: "2.210 (2.201 to 2.215)"."""
    values = sorted(map(value, group))
    middle = form.format(statistics.median(values))
    return f"{middle} ({form.format(values[0])} to {form.format(values[-1])})" if len(values) > 1 else middle


def _better(
    what: str, theirs: Sequence[Record], ours: Sequence[Record], value: Callable[[Record], float], *, less: bool
) -> Target:
    """Better by more than the spread of the seeds: of the larger one, if they differ; one seed has none to show."""
    values = [list(map(value, group)) for group in (theirs, ours)]
    gain = (statistics.median(values[0]) - statistics.median(values[1])) * (1 if less else -1)
    spread = max(max(group) - min(group) for group in values)
    enough = min(map(len, values)) > 1 and gain > spread
    return Target(
        f"better in {what} by more than the spread of the seeds",
        f"{gain:.3f} better, spread {spread:.3f}, {min(map(len, values))} seeds",
        enough,
    )


def _said(records: Sequence[Record]) -> str:
    """How the runs were made, in words."""
    settings, figures, machine = (records[0][key] for key in ("settings", "figures", "machine"))
    data = {"demo": "40 MB of repositories", "whole": "all installed packages"}[settings["data"]]
    rate = statistics.median(record["steps"] / record["seconds"] for record in records)
    return (
        f"The model of {' + '.join(settings['model'][:2])}, {settings['vocab_size']:,} pieces, "
        f"{settings['lengths']['inputs']} + {settings['lengths']['targets']} tokens, {settings['batch_size']} rows a "
        f"step, on {data}; {settings['minutes']:g} minutes of training each from the end of the first step on, with "
        f"{rate:.1f} steps a second, on {machine['cores']} cores, {machine['processor']}. The learning rate falls to "
        f"zero over the last 30 % of the time. Bits are counted over {figures['scored_bytes'] / 1000:.0f} kB of "
        "held-out repositories, the same text for all, each token once after the tokens before it."
    )


def _raw(records: Sequence[Record]) -> dict[str, Any]:
    """Where the single figures are: the records are files of their own."""
    return {"runs": [f"{run_records.name_of(record)}.json" for record in records]}
