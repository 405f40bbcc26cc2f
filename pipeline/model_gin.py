"""The gin configuration of an experiment's model: what it determines, its flags, and where its files are."""

import dataclasses
import pathlib

from pipeline import environments, gin_digest, own_files
from pipeline.experiment import Experiment, ExperimentError, Place, gin_params

# Where t5's program looks for gin files, beside its own.
PREFIX = "gin_configs/"
_CODE = pathlib.Path(__file__).parents[1]
_TASK = "mesh_train_dataset_fn.mixture_or_task_name"


@dataclasses.dataclass(frozen=True)
class Gin:
    """The configuration of a model.

    Attributes:
      determined: what it determines.
      words: its flags.
      task: that is trained on; "" where it names none.
      own_files: those of its files that are not in the repository, and so not on another machine.
    """

    determined: gin_digest.Determined
    words: tuple[str, ...]
    task: str
    own_files: tuple[pathlib.Path, ...] = ()

    def check_can_be_sent(self, what: str, place: Place) -> None:
        """A gin file of one's own is sent; what it includes would be looked for where it is here.

        Args:
          what: that it is the configuration of, for the message.

        Raises:
          ExperimentError: on another machine something would be missing.
        """
        outside = {path for path in map(pathlib.Path, self.determined.files) if not path.is_relative_to(_CODE)}
        included = sorted(path for path in outside - set(self.own_files) if "site-packages" not in path.parts)
        if (place.host or place.hosts) and included:
            raise ExperimentError(
                f"{what} runs on {place}, which has no {included[0]}: that file is included by another one and lies "
                f"outside the repository: name it in gin_files, or move it to {PREFIX}"
            )


def read(experiment: Experiment, results: pathlib.Path, python: pathlib.Path) -> Gin:
    """Parses the configuration of an experiment's model.

    Args:
      results: the folder of all results.
      python: with which it is parsed, where the model has no environment of its own.

    Raises:
      ExperimentError: it names no gin file.
      environments.SetUpError: the environment of the model could not be made.
      gin_digest.GinError: it cannot be parsed.
    """
    section = experiment.sections.get("TrainedModel", {})
    if not section.get("gin_files"):
        raise ExperimentError(f"{experiment.name}: TrainedModel needs gin_files, as [models/shared-prefix_lm.gin]")
    values = dict(section.get("gin_params") or {})
    if "CachedExamples" in experiment.sections:
        values["mesh_train_dataset_fn.use_cached"] = True
    environment = experiment.places.get("TrainedModel", Place()).environment
    if environment is not None:
        python = environments.python_of(environment, results)
    files, params = section["gin_files"], gin_params(values)
    found = gin_digest.determined(results, python, gin_files=files, gin_params=params, location_prefixes=[PREFIX])
    # As they are from anywhere, where they are one's own: another machine is sent them.
    absolute = {name: own_files.absolute(pathlib.Path(name)) for name in files}
    own = {name: path for name, path in absolute.items() if str(path) in found.files and not path.is_relative_to(_CODE)}
    words = [f"--gin_file={own.get(name, name)}" for name in files] + [f"--gin_param={binding}" for binding in params]
    return Gin(found, tuple(words), found.bindings.get(_TASK, "").strip("'\""), tuple(own.values()))
