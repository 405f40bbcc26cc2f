"""The short digest in a result's path, of everything that determines it; what it stands for, and how two differ.

A result's digest is of its stage, the stage's version, its parameters, and the digests of what it requires. So it
changes with anything earlier, and each result finds its own way back through the records beside the results.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_DIGITS = 10
# What a digest is of, in a record.
_DETERMINES = ("stage", "version", "parameters", "requires")

Record = dict[str, Any]
# Stage and digest -> the record; None where there is none.
Find = Callable[[str, str], Record | None]


class SaltError(ValueError):
    """Something cannot be digested, or two results have one digest."""


def canonical(value: Any) -> str:
    """One JSON text for all ways to write a value: sorted keys, tuples as lists, 1e-3 as 0.001; 1 and 1.0 stay two.

    Example: `canonical({"b": (1, 2.0), "a": 1e-3})` is '{"a":0.001,"b":[1,2.0]}'.

    Raises:
      SaltError: it is not JSON; the message says where: a key that is no text, NaN, a set, a path...
    """
    _check(value, "value")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _check(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise SaltError(f"{where} has the key {key!r}, a {type(key).__name__}: JSON's keys are text")
            _check(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            _check(inner, f"{where}[{number}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise SaltError(f"{where} is {value!r}, which JSON does not have")
    elif not (value is None or isinstance(value, str | int | float)):
        raise SaltError(f"{where} is {value!r}, a {type(value).__name__}: give text, numbers, true, false, null, lists")


def digest(stage: str, version: int, parameters: Mapping[str, Any], requires: Mapping[str, str]) -> str:
    """10 hex digits of all that determines a result.

    Args:
      stage: as "TrainedModel".
      version: of the stage; raised when its code makes something else of the same parameters.
      parameters: those that change the result.
      requires: stage -> digest of each result that it is made from; a stage that is needed twice stands as "Documents"
        and "Documents:1".

    Raises:
      SaltError: a parameter is not JSON.
    """
    content = canonical([stage, version, dict(parameters), dict(requires)])
    return hashlib.sha256(content.encode()).hexdigest()[:_DIGITS]


def check_no_collision(before: Record, now: Record) -> None:
    """Refuses two results of one digest and different content.

    Args:
      before: the record that is there.
      now: that of the result that is to be made, or found, under the same digest.

    Raises:
      SaltError: they collide, or a record's digest is not that of its content.
    """
    for record in (before, now):
        expected = digest(*(record[name] for name in _DETERMINES))
        if record["digest"] != expected:
            raise SaltError(
                f"the record of {_name(record)} was changed after it was written: its content has the digest "
                f"{expected}. Remove the result, and it is made again"
            )
    one, other = ({name: record[name] for name in _DETERMINES} for record in (before, now))
    if before["digest"] == now["digest"] and canonical(one) != canonical(other):
        found = "\n".join(f"  {line}" for line in _changes(one, other))
        raise SaltError(
            f"two results have the digest {now['digest']}:\n{found}\nRaise the version of the stage {now['stage']}"
        )


def explain(record: Record, find: Find) -> str:
    """What a digest stands for: each stage of the chain with its parameters, the earliest first.

    Example of two stages:

        Vocabulary 0c5e8c8f3b, version 1
          size = 16000
        TrainedModel 4be7d2c0aa, version 1, from Vocabulary 0c5e8c8f3b
          rate = 0.01
    """
    lines: list[str] = []
    for one in _chain(record, find, seen=set()):
        if isinstance(one, str):
            lines.append(one)
            continue
        made_from = ", ".join(f"{name} {digest}" for name, digest in sorted(one["requires"].items()))
        lines.append(f"{_name(one)}, version {one['version']}{', from ' if made_from else ''}{made_from}")
        lines += [f"  {name} = {_text(value)}" for name, value in sorted(_leaves(one["parameters"]).items())]
    return "\n".join(lines)


def _chain(record: Record, find: Find, *, seen: set[tuple[str, str]]) -> Iterator[Record | str]:
    """The records in the order in which they were made, each once; a line for one that is not there."""
    for name, required in sorted(record["requires"].items()):
        stage = _stage(name)
        if (stage, required) in seen:
            continue
        seen.add((stage, required))
        found = find(stage, required)
        if found is None:
            yield f"{stage} {required}: its record is not here"
        else:
            yield from _chain(found, find, seen=seen)
    yield record


def difference(one: Record, other: Record, find: Find) -> str:
    """Where two results of one stage begin to differ: the earliest stages that do, with old and new values.

    Example:

        TrainedModel 4be7d2c0aa and 91d0f6a2c3 differ first in
        Vocabulary 0c5e8c8f3b and 7a61e0b1d9: size was 16000, is 32000
    """
    pair = f"{_name(one)} and {other['digest'] if one['stage'] == other['stage'] else _name(other)}"
    if one["stage"] != other["stage"]:
        return f"{pair} are of different stages"
    if one["digest"] == other["digest"]:
        return f"{_name(one)} is one and the same"
    # Two ways may lead to one stage; it is told once.
    return "\n".join([f"{pair} differ first in", *dict.fromkeys(_first_differences(one, other, find))])


def _first_differences(one: Record, other: Record, find: Find) -> Iterator[str]:
    earlier = False
    for name in sorted({*one["requires"]} & {*other["requires"]}):
        was, now = one["requires"][name], other["requires"][name]
        if was == now:
            continue
        earlier = True
        found = find(_stage(name), was), find(_stage(name), now)
        if None in found:
            missing = " and ".join(digest for digest, record in zip((was, now), found, strict=True) if record is None)
            yield f"{_stage(name)} {was} and {now}: the record of {missing} is not here"
        else:
            yield from _first_differences(*found, find)
    changes = list(_changes(one, other, requires=not earlier))
    if earlier and not changes:
        return
    yield from (f"{_name(one)} and {other['digest']}: {line}" for line in changes)


def _changes(one: Record, other: Record, *, requires: bool = True) -> Iterator[str]:
    """A line for each thing in which two records differ themselves."""
    for name in ("stage", "version"):
        if one[name] != other[name]:
            yield f"{name} was {one[name]}, is {other[name]}"
    before, now = _leaves(one["parameters"]), _leaves(other["parameters"])
    if requires or {*one["requires"]} != {*other["requires"]}:
        before |= {f"requires.{name}": digest for name, digest in one["requires"].items()}
        now |= {f"requires.{name}": digest for name, digest in other["requires"].items()}
    for name in sorted({*before, *now}):
        was, value = (_text(side[name]) if name in side else "not set" for side in (before, now))
        if was != value:
            yield f"{name} was {was}, is {value}"


def _leaves(parameters: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The values of nested dictionaries by their dotted names; a list is one value."""
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        found |= _leaves(value, f"{above}{name}.") if isinstance(value, dict) and value else {f"{above}{name}": value}
    return found


def _text(value: Any) -> str:
    return canonical(value)


def _stage(name: str) -> str:
    return name.partition(":")[0]


def _name(record: Record) -> str:
    return f"{record['stage']} {record['digest']}"
