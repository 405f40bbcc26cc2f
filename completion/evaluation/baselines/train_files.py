"""Files of the train split, for baselines that learn: as much of it as fits into memory, drawn at random."""

import math
import pathlib

from completion import held_out_files
from completion.held_out_files import Drawn
from preprocessing import contract


def drawn(folder: pathlib.Path, *, max_bytes: int, seed: int) -> Drawn:
    """Draws so many files of a document dataset's train split that they have `max_bytes` together, in the mean.

    Returns:
      All of them where they have no more; `available` says how many there are.

    Raises:
      ImportError, contract.DataContractError: as in `held_out_files.of_documents`; or there are no files to learn from.

    Example: of 1,000 files with 20 MB in all, `max_bytes=10_000_000` draws 500.
    """
    path = folder / contract.MANIFEST_FILE
    number = None
    if path.is_file():
        manifest = contract.Manifest.from_json(path.read_text(encoding="utf-8"), where=str(path))
        counts = manifest.counts.get("train", {})
        files, size = int(counts.get("files", 0)), counts.get("bytes", 0)
        if size > max_bytes:
            number = max(1, math.floor(files * max_bytes / size))
    found = held_out_files.of_documents(folder, "train", num_files=number, seed=seed)
    if not found.files:
        raise contract.DataContractError(
            f"{folder} has no files to learn from: its train split is empty. Make the dataset with more repositories, "
            "or with other shares of the splits"
        )
    return found
