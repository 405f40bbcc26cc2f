import random

from benchmarks.repositories_in_turn import take_turns
from preprocessing.contract import CodeFile


def files(**repositories: str) -> list[CodeFile]:
    return [CodeFile.of(name, f"{c}.py", c) for name, contents in repositories.items() for c in contents]


def test_repositories_take_turns_until_nothing_is_left():
    order = list(take_turns(files(large="abcd", small="x"), random.Random(0)))
    assert order[1] == "x"
    assert sorted(order) == list("abcdx")


def test_the_same_chance_gives_the_same_order():
    first, again, other = (list(take_turns(files(a="abcdefgh"), random.Random(seed))) for seed in (1, 1, 2))
    assert first == again != other
