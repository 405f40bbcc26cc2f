"""Names that stay the same for an experiment's results, whose own names are digests.

data/results/TrainedModel/4be7d2c0aa/      a result
data/demo/model -> ../results/TrainedModel/4be7d2c0aa
"""

import os
import pathlib
from collections.abc import Mapping

from pipeline.plan import Planned

NAMES = {
    "FlccTree": "flcc", "DevTree": "dev", "Documents": "documents", "Vocabulary": "vocabulary",
    "TrainingDataset": "data_dir", "CachedExamples": "cache", "Samples": "samples", "TrainedModel": "model",
    "Predictions": "predictions", "ExportedModel": "export", "Evaluation": "evaluation", "Report": "report",
}  # fmt: skip


def place(results: pathlib.Path, experiment: str) -> pathlib.Path:
    """The folder of an experiment's links: beside that of all results."""
    return results.absolute().parent / experiment.replace(" ", "_")


def update(results: pathlib.Path, experiment: str, planned: Mapping[str, Planned]) -> list[str]:
    """Lets the names lead to what is there of an experiment.

    Returns:
      What stands in the way, a line each: a file or folder that is no link is left alone.
    """
    folder, in_the_way = place(results, experiment), []
    folder.mkdir(parents=True, exist_ok=True)
    for stage, one in planned.items():
        link = folder / NAMES[stage]
        if link.exists() and not link.is_symlink():
            in_the_way.append(f"{link} is no link and stays; {one.name} is {one.path}")
            continue
        if not one.is_there():
            continue
        # Whoever follows it meanwhile finds the old one or the new one.
        beside = folder / f".{link.name}.{os.getpid()}.incomplete"
        beside.unlink(missing_ok=True)
        beside.symlink_to(os.path.relpath(one.path, folder))
        beside.replace(link)
    return in_the_way
