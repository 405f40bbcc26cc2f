"""What an experiment's results will be, before anything is made: their places, and the commands that make them."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline import model_gin, own_files, salt
from pipeline.experiment import Experiment, ExperimentError, Place
from pipeline.model_gin import Gin


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a stage is asked for.

    Attributes:
      given: arguments of the experiment file.
      inputs: stage -> folder of each result that it is made from.
      gin: None where no stage is asked for that reads it.
      title: the experiment's name.
      elsewhere: whether the command runs on another machine, or in another environment.
    """

    given: Mapping[str, Any]
    inputs: Mapping[str, pathlib.Path]
    gin: Gin | None
    title: str
    elsewhere: bool = False


@dataclasses.dataclass(frozen=True)
class Stage:
    """A kind of result.

    Attributes:
      name: as "Vocabulary".
      about: one line.
      requires: the stages that it is made from, those of them that the experiment has.
      command: what was asked -> the words after the interpreter, without the output's.
      output: the flag of the folder to make.
      version: raised when the same parameters give something else.
      arguments: of the command, those that make a difference.
      free: those that make none, as a number of processes.
      files: those that are paths of files and folders of one's own: what is in them makes a difference.
      parameters: what was asked -> what determines the result beside `arguments` and what it is made from.
      reads_gin: whether the gin configuration is a part of it.
      optional: only made where the experiment has its section.
      resumes: whether its command goes on from what a killed one left in the folder.
      divided: the argument that says in how many pieces its files are, where several hosts can make them at once: its
        command takes --worker and --num_workers, and writes the pieces of that worker.
    """

    name: str
    about: str
    requires: tuple[str, ...]
    command: Callable[[Asked], list[str]]
    output: str = "--output_dir"
    version: int = 1
    arguments: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    parameters: Callable[[Asked], dict[str, Any]] = lambda asked: {}
    reads_gin: bool = False
    optional: bool = False
    resumes: bool = False
    divided: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Planned:
    """A result that is to be there.

    Attributes:
      stage: of which kind.
      digest: of all that determines it.
      parameters: of the record.
      requires: stage -> what it is made from.
      words: of its command after the interpreter, with the output's.
      inputs: what the command reads: results, and one's own files.
      path: where it is when it is whole.
      place: where it is made.
      experiment: which one asks for it.
    """

    stage: Stage
    digest: str
    parameters: Mapping[str, Any]
    requires: Mapping[str, "Planned"]
    words: tuple[str, ...]
    inputs: tuple[pathlib.Path, ...]
    path: pathlib.Path
    place: Place
    experiment: str

    @property
    def name(self) -> str:
        """Example: "Vocabulary 0c5e8c8f3b"."""
        return f"{self.stage.name} {self.digest}"

    @property
    def incomplete(self) -> pathlib.Path:
        """Where it is being made."""
        return self.path.with_name(f"{self.digest}.incomplete")

    @property
    def log(self) -> pathlib.Path:
        return self.path.with_name(f"{self.digest}.log")

    @property
    def record(self) -> salt.Record:
        """What determines it, as `salt` compares it with what is there."""
        return {
            "stage": self.stage.name, "digest": self.digest, "version": self.stage.version,
            "parameters": dict(self.parameters), "requires": {name: one.digest for name, one in self.requires.items()},
        }  # fmt: skip

    def is_there(self) -> bool:
        return self.path.exists()


def plan(
    experiment: Experiment,
    stages: Mapping[str, Stage],
    results: pathlib.Path,
    *,
    until: str | None = None,
    python: pathlib.Path = pathlib.Path(sys.executable),
) -> dict[str, Planned]:
    """The results of an experiment, the earliest first.

    Args:
      stages: by name, the earliest first.
      results: the folder of all results.
      until: the last stage that is wanted, with what it is made from; None for all.
      python: with which gin files are parsed, where the model has no environment of its own.

    Raises:
      ExperimentError: a stage lacks what it is made from, or there is no stage `until`.
      environments.SetUpError: the environment of the model could not be made.
      gin_digest.GinError: the gin configuration cannot be parsed.
      salt.SaltError: an argument is nothing that a digest can be of.
    """
    results = results.absolute()
    wanted = _wanted(experiment, stages, until)
    gin = model_gin.read(experiment, results, python) if any(stages[name].reads_gin for name in wanted) else None
    found: dict[str, Planned] = {}
    for name in wanted:
        try:
            found[name] = _planned(experiment, stages[name], results, gin, found)
        except FileNotFoundError as error:
            raise ExperimentError(f"{experiment.name}: {name}: {error}") from error
        except salt.SaltError as error:
            raise salt.SaltError(f"{experiment.name}: {name}: {error}") from error
    return found


def _planned(
    experiment: Experiment, stage: Stage, results: pathlib.Path, gin: Gin | None, earlier: Mapping[str, Planned]
) -> Planned:
    given, place = dict(experiment.sections.get(stage.name, {})), experiment.places.get(stage.name, Place())
    if place.hosts and not stage.divided:
        raise ExperimentError(
            f"{experiment.name}: places: {stage.name} is made by one command: give `host`, not `hosts`"
        )
    paths = _own_paths(experiment, stage, given, results)
    # As they are from anywhere: another machine is sent what they lead to.
    given |= {
        one: [str(path) for path in of] if isinstance(given[one], list) else str(of[0]) for one, of in paths.items()
    }
    requires = {other: earlier[other] for other in stage.requires if other in earlier}
    asked = Asked(
        given, {other: one.path for other, one in requires.items()}, gin, experiment.name, elsewhere=place != Place()
    )
    # A flag that is not set is none; 0 is a value.
    parameters = {one: given[one] for one in stage.arguments if given.get(one) is not None and given[one] is not False}
    parameters |= {one: [[path.name, own_files.digest(path)] for path in of] for one, of in paths.items()}
    parameters |= stage.parameters(asked)
    digest = salt.digest(stage.name, stage.version, parameters, {key: one.digest for key, one in requires.items()})
    path = results / stage.name / digest
    output = path.with_name(f"{digest}.incomplete")
    inputs = [*(one.path for one in requires.values()), *(path for of in paths.values() for path in of)]
    if stage.reads_gin:
        inputs += gin.own_files
        gin.check_can_be_sent(f"{experiment.name}: {stage.name}", place)
    return Planned(
        stage, digest, parameters, requires, (*stage.command(asked), f"{stage.output}={output}"), tuple(inputs), path,
        place, experiment.name,
    )  # fmt: skip


def _own_paths(
    experiment: Experiment, stage: Stage, given: Mapping[str, Any], results: pathlib.Path
) -> dict[str, list[pathlib.Path]]:
    """The files and folders of one's own that a stage reads: argument -> absolute paths."""
    found = {}
    for name in (name for name in stage.files if given.get(name)):
        values = given[name] if isinstance(given[name], list) else [given[name]]
        found[name] = [own_files.absolute(pathlib.Path(value).expanduser()) for value in values]
        for path in found[name]:
            if results.resolve().is_relative_to(path.resolve()):
                raise ExperimentError(
                    f"{experiment.name}: {stage.name}: the results are in {path}, which is to be read: it would be "
                    "another one after each run. Name the folders beside the results', or give --results a folder "
                    "elsewhere"
                )
    return found


def flags(given: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Arguments as argparse takes them: a list as several words, true as a flag alone, false as none."""
    found: list[str] = []
    for name in names:
        value = given.get(name)
        if value is None or value is False:
            continue
        found.append(f"--{name}") if value is True or isinstance(value, list) else found.append(f"--{name}={value}")
        found += [str(one) for one in value] if isinstance(value, list) else []
    return found


def _wanted(experiment: Experiment, stages: Mapping[str, Stage], until: str | None) -> list[str]:
    """The names of the stages that the experiment has, up to one of them, the earliest first."""
    has = [name for name, stage in stages.items() if not stage.optional or name in experiment.sections]
    if until is None:
        return has
    if until not in has:
        raise ExperimentError(f"{experiment.name} has no stage {until}; it has {', '.join(has)}")
    needed = {until}
    for name in reversed(has):
        if name in needed:
            needed |= set(stages[name].requires)
    return [name for name in has if name in needed]
