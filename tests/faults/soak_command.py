"""The command of a soak that kills something again and again: its flags, its folder, and how it ends."""

import argparse
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Sequence

# Of what went wrong, so many lines are printed.
MAX_LINES = 20


def run(soak: Callable[..., list[str]], *, name: str, about: str, right: str, argv: Sequence[str] | None = None) -> int:
    """Runs a soak in a new folder, which is kept if something went wrong.

    Args:
      soak: takes an empty folder, `kills` (so many) and `seed`, and gives what went wrong, a line each.
      name: of its module, without the package.
      about: what --help says.
      right: the last line where nothing went wrong.
      argv: the command line without the program; None: this process's.

    Returns:
      The exit status, 1 if something went wrong.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.faults.{name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=10, metavar="N", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (%(default)s)")
    arguments = parser.parse_args(argv)
    made = pathlib.Path(tempfile.mkdtemp(prefix=f"code_t5-{name}-"))
    wrong = soak(made, kills=arguments.kills, seed=arguments.seed)
    if wrong:
        print("\n".join(wrong[:MAX_LINES]) + f"\nwhat went wrong is kept in {made}")
        return 1
    shutil.rmtree(made)
    print(right)
    return 0
