"""What the pipeline is asked to make: an experiment file, which points at data and gin files, and overrides.

A section is called as a stage, and holds the arguments of the stage's command; the configuration of a model stays in
gin files. With lists under `grid`, one file asks for several experiments:

    base: demo.yaml                                  # what it has, and is not said here, stands here too
    DevTree: {pattern: "A*"}
    TrainedModel:
      gin_files: [models/shared-prefix_lm.gin, sizes/tiny.gin]
      gin_params: {run.train_steps: 100}
    grid:
      Vocabulary.vocab_size: [4000, 8000]
      TrainedModel.gin_params.run.train_steps: [100, 200]
    places: {TrainedModel: {host: gpu1}, Samples: {hosts: [cpu1, cpu2]}, Documents: {environment: new}}
    hosts: hosts.yaml
    environments: {new: {python: /usr/bin/python3.12, lock: requirements-new.lock}}
"""

import dataclasses
import hashlib
import itertools
import pathlib
import re
from collections.abc import Collection, Mapping
from typing import Any

import yaml

from pipeline.environments import Environment
from pipeline.hosts import Host, read_hosts

_BESIDE_STAGES = ("base", "grid", "places", "hosts", "environments")
# Arguments that are not one value each. Others may be lists, too, as `suite`.
_LISTS = ("source", "benchmarks", "gin_files")
_MAPPINGS = ("gin_params",)


class ExperimentError(ValueError):
    """An experiment file asks for what there is not."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a stage runs; it makes no difference to what comes out.

    Attributes:
      host: None for here.
      hosts: several that make it at once, each some of its parts.
      environment: None for the pipeline's own.
    """

    host: Host | None = None
    hosts: tuple[Host, ...] = ()
    environment: Environment | None = None

    def __str__(self) -> str:
        """Example: "cpu1, cpu2"; "here" where it is no other machine."""
        return ", ".join(one.name for one in ([self.host] if self.host else self.hosts)) or "here"


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What is to be made.

    Attributes:
      name: the file's, and behind it what a grid sets, as "demo vocab_size=8000".
      sections: stage -> argument -> value.
      places: stage -> where it runs, for those that do not run here.
    """

    name: str
    sections: Mapping[str, Mapping[str, Any]]
    places: Mapping[str, Place]


def read(path: pathlib.Path, stages: Mapping[str, Collection[str]]) -> list[Experiment]:
    """Reads an experiment file.

    Args:
      stages: the name of each -> the arguments that it takes.

    Returns:
      The experiments of its grid; one without.

    Raises:
      ExperimentError: it is not there, not YAML, has a section, an argument or a place that there is not, or says
        something twice; the message says where.
    """
    content = _content(path, seen=())
    for name in content:
        if name not in stages and name not in _BESIDE_STAGES:
            raise ExperimentError(f"{path}: {name} is no stage; there are {', '.join(stages)}")
    sections = {name: section for name, section in content.items() if name in stages}
    places = _places(path, content, stages)
    found = []
    for setting in _settings(path, content.get("grid") or {}, stages):
        name = " ".join(
            [path.stem, *(f"{place.rpartition('.')[2]}={_short(value)}" for place, value in setting.items())]
        )
        merged = sections
        for place, value in setting.items():
            stage, *inner = place.split(".", 2)
            merged = _merged(merged, {stage: _nested(inner, value)})
        for stage, section in merged.items():
            _check_arguments(path, stage, section, stages[stage])
        found.append(Experiment(name, merged, places))
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ExperimentError(
            f"{path}: grid: two experiments would be called {twice!r}: give values that read otherwise"
        )
    return found


def gin_params(values: Mapping[str, Any]) -> list[str]:
    """Bindings as --gin_param takes them; a text that begins with @ or % is a reference, any other is quoted.

    Example: {"run.train_steps": 100, "MIXTURE_NAME": "fl_py_dev"} gives ["run.train_steps = 100",
    "MIXTURE_NAME = 'fl_py_dev'"].
    """
    return [
        f"{name} = {value if isinstance(value, str) and value[:1] in ('@', '%') else repr(value)}"
        for name, value in values.items()
    ]


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number, and nothing may stand twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        names: list[Any] = []
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in names:
                raise yaml.constructor.ConstructorError(None, None, f"{name} stands there twice", key.start_mark)
            names.append(name)
        return super().construct_mapping(node, deep)


# YAML 1.1 wants a point and a sign in a number with an exponent.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)


def _content(path: pathlib.Path, seen: tuple[pathlib.Path, ...]) -> dict[str, Any]:
    """What a file says, over what its base says."""
    if path.resolve() in seen:
        raise ExperimentError(f"{path} is its own base")
    try:
        with path.open(encoding="utf-8") as file:
            content = yaml.load(file, _Loader)
    except OSError as error:
        raise ExperimentError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ExperimentError(f"{path} is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise ExperimentError(f"{path} has no sections: expected a mapping from stages to arguments")
    content = {name: {} if section is None else section for name, section in content.items()}
    for name, section in content.items():
        if name not in ("base", "hosts") and not isinstance(section, dict):
            raise ExperimentError(f"{path}: {name} is {section!r}, not a mapping")
    # Paths in a file are from the folder that the pipeline runs in, as in commands; its base stands beside it.
    base = content.pop("base", None)
    return content if base is None else _merged(_content(path.parent / base, (*seen, path.resolve())), content)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(below)
    for name, value in above.items():
        both = isinstance(value, Mapping) and isinstance(found.get(name), Mapping)
        found[name] = _merged(found[name], value) if both else value
    return found


def _nested(names: list[str], value: Any) -> Any:
    return {names[0]: _nested(names[1:], value)} if names else value


def _check_arguments(path: pathlib.Path, stage: str, arguments: Mapping[str, Any], known: Collection[str]) -> None:
    for name, value in arguments.items():
        if name not in known:
            raise ExperimentError(f"{path}: {stage} has no argument {name}; it takes {', '.join(known) or 'none'}")
        kind = "a list" if name in _LISTS else "a mapping" if name in _MAPPINGS else "no mapping"
        right = {"a list": isinstance(value, list), "a mapping": isinstance(value, Mapping)}
        if value is not None and not right.get(kind, not isinstance(value, Mapping)):
            raise ExperimentError(f"{path}: {stage}: {name} is {value!r}; it must be {kind}")


def _settings(path: pathlib.Path, grid: Mapping[str, Any], stages: Mapping[str, Collection[str]]) -> list[dict]:
    """Each combination of what a grid lists; one that sets nothing, without a grid."""
    for place, values in grid.items():
        stage, _, rest = str(place).partition(".")
        if stage not in stages or not rest:
            raise ExperimentError(f"{path}: grid: {place} is no place, as Vocabulary.vocab_size is")
        if not isinstance(values, list) or not values:
            raise ExperimentError(f"{path}: grid: {place} is {values!r}, not a list of values")
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def _short(value: Any) -> str:
    """A value in a name: what stands apart in it is joined, and what is long is cut, and told apart by a digest."""
    text = re.sub(r"[^\w.+-]+", "_", str(value)).strip("_")
    return text if len(text) <= 40 else f"{text[:33]}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _places(path: pathlib.Path, content: Mapping[str, Any], stages: Collection[str]) -> dict[str, Place]:
    wanted: Mapping[str, Mapping[str, Any]] = content.get("places") or {}
    hosts: dict[str, Host] = {}
    try:
        if "hosts" in content:
            hosts = read_hosts(content["hosts"])
        environments = {
            str(name): _environment(str(name), of) for name, of in (content.get("environments") or {}).items()
        }
    except (OSError, ValueError, TypeError) as error:
        raise ExperimentError(f"{path}: hosts and environments: {error}") from error
    found = {}
    for stage, place in wanted.items():
        if stage not in stages:
            raise ExperimentError(f"{path}: places: {stage} is no stage; there are {', '.join(stages)}")
        if not isinstance(place, Mapping):
            raise ExperimentError(f"{path}: places: {stage} is {place!r}; expected {{host: NAME, environment: NAME}}")
        found[stage] = _place(f"{path}: places: {stage}", place, hosts, environments)
    return found


def _place(
    where: str, place: Mapping[str, Any], hosts: Mapping[str, Host], environments: Mapping[str, Environment]
) -> Place:
    if unknown := sorted(set(place) - {"host", "hosts", "environment"}):
        raise ExperimentError(f"{where} has {unknown[0]}: there are host, hosts and environment")
    given = {kind: value for kind, value in place.items() if value is not None}
    if len(given) > 1:
        raise ExperimentError(
            f"{where} has {' and '.join(given)}: it takes one of them (a host's environment is `python` of its entry)"
        )
    several = given.get("hosts", [])
    if (
        not isinstance(several, list)
        or ("hosts" in given and not several)
        or len(set(map(str, several))) < len(several)
    ):
        raise ExperimentError(f"{where}: hosts is {several!r}; expected a list of different names")

    def named(kind: str, name: Any, known: Mapping[str, Any]) -> Any:
        if str(name) not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            raise ExperimentError(f"{where}: no {kind} is called {name}; {there}")
        return known[str(name)]

    return Place(
        host=named("host", given["host"], hosts) if "host" in given else None,
        hosts=tuple(named("host", name, hosts) for name in several),
        environment=named("environment", given["environment"], environments) if "environment" in given else None,
    )


def _environment(name: str, fields: Any) -> Environment:
    if not isinstance(fields, Mapping) or "python" not in fields or set(fields) - {"python", "lock"}:
        raise ValueError(f"{name} is {fields!r}; expected {{python: INTERPRETER, lock: FILE}}, or a python alone")
    return Environment(
        name, pathlib.Path(fields["python"]), pathlib.Path(fields["lock"]) if fields.get("lock") else None
    )
