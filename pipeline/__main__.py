"""From repositories to a report: makes what an experiment file asks for, and finds what is there already.

python -m pipeline run --experiment experiments/demo.yaml
python -m pipeline run --experiment experiments/demo.yaml --dry_run
python -m pipeline explain data/results/TrainedModel/4be7d2c0aa
python -m pipeline runs list
"""

import argparse
import sys

from pipeline import explaining, running, runs, storage_commands


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for room in (running, explaining, runs, storage_commands):
        room.add_commands(subparsers)
    arguments = parser.parse_args(argv)
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
