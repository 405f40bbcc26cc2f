"""A benchmark of several parts: each is measured, printed and kept; one that fails does not stop the others."""

import sys
import time
from collections.abc import Callable, Mapping

from benchmarks import measure, results


def measure_parts(parts: Mapping[str, Callable[[], results.Section]], *, cores: int, write_results: bool) -> int:
    """Prints the table of each part, and all targets at the end.

    Args:
      parts: name -> what measures it.
      cores: how many are used.
      write_results: whether the tables are kept in RESULTS.md.

    Returns:
      The exit status: 1 if something could not be measured. A target that is missed is told, not an error.
    """
    commit, started = results.commit(), time.monotonic()
    sections, failed = {}, []
    for name, part in parts.items():
        print(f"{name} ...", flush=True)
        try:
            sections[name] = part()
        except (measure.BenchmarkError, OSError) as error:
            failed.append(name)
            print(f"error: {name} was not measured: {error}", file=sys.stderr)
            continue
        print(f"\n{sections[name]}\n", flush=True)
        if write_results:
            results.write({name: sections[name]}, commit=commit, cores=cores)
    targets = [target for section in sections.values() for target in section.targets]
    print(f"{sum(target.met for target in targets)} of {len(targets)} targets met, {time.monotonic() - started:.0f} s")
    for target in targets:
        print(f"  {target}")
    return 1 if failed else 0
