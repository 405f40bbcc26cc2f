"""Executes a notebook and writes it with its outputs, without what changes from run to run (times, versions, ids).

python notebooks/execute.py notebooks/dev_dataset_walk.ipynb                       # in place: before a commit
python notebooks/execute.py notebooks/dev_dataset_walk.ipynb --output copy.ipynb   # leaves the original as it is
"""

import argparse
import pathlib
import re
import sys

import nbclient
import nbformat


def execute(source: pathlib.Path, *, timeout_s: int) -> nbformat.NotebookNode:
    """Runs all cells in the notebook's own folder, as an editor does.

    Raises:
      nbclient.exceptions.CellExecutionError: a cell failed; its message holds the cell and the traceback.
    """
    notebook = nbformat.read(source, as_version=4)
    nbclient.NotebookClient(
        notebook,
        timeout=timeout_s,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(source.resolve().parent)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id, cell.metadata = f"cell-{number:02d}", {}
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, help="where to write it; in place where not given")
    parser.add_argument("--timeout_s", type=int, default=600, help="the longest that a cell may take (%(default)s)")
    arguments = parser.parse_args()
    try:
        notebook = execute(arguments.notebook, timeout_s=arguments.timeout_s)
    except nbclient.exceptions.CellExecutionError as error:
        plain = re.sub(r"\x1b\[[\d;]*m", "", str(error))  # without the colours of the traceback
        sys.exit(f"error: {arguments.notebook} failed, nothing was written\n{plain}")
    nbformat.write(notebook, arguments.output or arguments.notebook)


if __name__ == "__main__":
    main()
