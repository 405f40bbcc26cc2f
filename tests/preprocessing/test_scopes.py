"""Scopes, against what Python's own compiler makes of the same names."""

import ast
import dis
import pathlib
import sysconfig
import types
from collections.abc import Iterator

import pytest

from preprocessing import scopes

STDLIB = pathlib.Path(sysconfig.get_path("stdlib"))
TRICKY = """
import os, re, sys, json, time
from typing import Any as A

class Outer:
    import re
    os = 1
    found = re.x, os, sys
    def method(self, sys=sys):
        global json
        import json
        return re, os, sys, json, [sys for time in time], {time: os for os in sys if re}
    class Inner:
        re = os
        again = re, [re for _ in re], lambda re, sys=sys: (re, sys, os)

def outer(re, *os, key=A, **json):
    import time
    def inner():
        nonlocal time
        import time
        return time, re, json, sys
    def other():
        return [(sys := time) for _ in os], sys, re
    try:
        pass
    except A as sys:
        return sys
    match os:
        case [time.x, *re] if re:
            return re
        case {"a": re, **json} if json:
            return re, json
    del time
    for sys in A: pass
    with sys as json: json
    async def later():
        async for re in os: yield re, sys
    return time, (lambda: time), key
"""


def loads(code: types.CodeType) -> Iterator[tuple[tuple[int, int, int], str]]:
    """Position of each load of a name in bytecode, and whose name the compiler took it for."""
    for instruction in dis.get_instructions(code):
        kind = {
            "LOAD_NAME": "here or global",
            "LOAD_GLOBAL": "global",
            "LOAD_FAST": "local",
            "LOAD_CLASSDEREF": "outer",
            "LOAD_DEREF": "outer" if instruction.argval in code.co_freevars else "local",
        }.get(instruction.opname)
        where = instruction.positions
        if kind and where.lineno == where.end_lineno:
            yield (where.lineno, where.col_offset, where.end_col_offset), kind
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from loads(constant)


def disagreements(text: str) -> tuple[int, list[str]]:
    """How many names were compared, and those that Python finds elsewhere."""
    compiled: dict[tuple[int, int, int], set[str]] = {}
    for position, kind in loads(compile(text, "a.py", "exec", dont_inherit=True)):
        compiled.setdefault(position, set()).add(kind)
    seen = scopes.scan(ast.parse(text))
    wanted = scopes.bind(seen)
    compared, found = 0, []
    for scope in seen.scopes:
        for name, node in scope.uses:
            while isinstance(node, ast.Attribute):
                node = node.value
            kinds = compiled.get((node.lineno, node.col_offset, node.end_col_offset), set())
            # A `finally` is compiled twice, f-strings have positions of their own: nothing to compare where not unique.
            if name not in wanted or len(kinds) != 1:
                continue
            place = scopes.place_of(scope, name, seen)
            if place is scope:
                ours = {"module": ("here or global",), "class": ("here or global",)}.get(scope.kind, ("local",))
            elif place is None or place.kind == "module":
                ours = ("global", "here or global")
            else:
                ours = ("outer",)
            compared += 1
            if not kinds.intersection(ours):
                found.append(f"line {node.lineno}: {name} is {kinds}, not {ours}")
    return compared, found


def test_tricky_scopes_are_the_compilers():
    compared, found = disagreements(TRICKY)
    assert found == []
    assert compared > 40


@pytest.mark.parametrize("name", ["ast", "typing", "dataclasses", "inspect", "subprocess", "doctest", "pdb", "tarfile"])
def test_scopes_of_real_files_are_the_compilers(name):
    compared, found = disagreements((STDLIB / f"{name}.py").read_text(encoding="utf-8"))
    assert found == []
    assert compared > 20
