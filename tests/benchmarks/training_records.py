"""Records of training runs that never were, to make tables and plots of."""

from typing import Any

from benchmarks.training_variants import Settings, Variant

MACHINE = {"processor": "a processor", "cores": "2 of 2"}


def settings(variant: Variant, seed: int = 0, **more) -> Settings:
    return Settings(variant, seed, more.pop("minutes", 10.0), **more)


def record(made: Settings, bits: float, *, exact: float = 5.0, infilling: bool = False, **more) -> dict[str, Any]:
    """As `run_records.find` gives it, the bits per byte of its checkpoints 2.0, 1.0 and 0.0 above those of the last."""
    figures: dict[str, Any] = {
        "bits_per_byte": bits,
        "bits_per_byte_of_pieces": bits * 0.9,
        "scored_bytes": 300_000,
        "scored_text": "t" * 64,
        "scored_tokens": 80_000,
    }
    if made.lines:
        figures["line_completion"] = {"exact_match": exact, "edit_similarity": 40.0, "cases": made.lines}
    if infilling:
        scores = {
            kind: {"exact_match": exact, "edit_similarity": 50.0, "cases": 100} for kind in ("rest", "line", "all")
        }
        better = {kind: {**row, "exact_match": exact + 3} for kind, row in scores.items()}
        figures["infilling"] = {"with_suffix": better, "without_suffix": scores}
    curve = [
        {"step": 1000 * number, "minutes": made.minutes * number / 3, "bits_per_byte": bits + 3.0 - number}
        for number in (1, 2, 3)
    ]
    return {
        "settings": made.as_json(),
        "digest": made.digest,
        "curve": curve,
        "figures": figures,
        "losses": [[1.0, 5.0]],
        "steps": 3000,
        "seconds": made.minutes * 60,
        "tokens": 3000 * 1024,
        "starts": 1,
        "machine": MACHINE,
        "digests": {"documents": "d" * 64, "vocabulary": "v" * 64, "gin": "g" * 64},
        **more,
    }
