import collections
import gc
import warnings

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from preprocessing import symbols


def used(text: str) -> dict[str, int]:
    return dict(symbols.uses_of(text).attributes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import numpy as np\nnp.array(1)", {"numpy.array": 1}),
        ("import os.path\nos.path.join()", {"os.path": 1, "os.path.join": 1}),
        ("import os.path as p\np.join()", {"os.path.join": 1}),
        ("from os import path\npath.join()", {"os.path": 1, "os.path.join": 1}),
        ("from numpy import array\narray(1)", {"numpy.array": 1}),
        ("from os.path import join as j\nj()", {"os.path.join": 1}),
        ("import numpy as np\nnp.random.rand()", {"numpy.random": 1, "numpy.random.rand": 1}),
        ("import a, b as c, d.e\na.x; c.x; d.x", {"a.x": 1, "b.x": 1, "d.x": 1}),
        # What a call or an index gives has no type here: the chain ends.
        ("import a\na.f().g; a.h[0].i", {"a.f": 1, "a.h": 1}),
        ("import a\n(a.b\n  .c)", {"a.b": 1, "a.b.c": 1}),
        # Read, not written or deleted; what stands before the written attribute is read.
        ("import a\na.x = a.y\ndel a.z\na.b.c = 1\na.d += 1", {"a.y": 1, "a.b": 1}),
        ("import a\nprint(a)", {}),
        ("import os\nf'{os.sep}{x:{os.name}}'", {"os.sep": 1, "os.name": 1}),
        # Stars and relative imports resolve nothing.
        ("from os import *\npath.join()", {}),
        ("from . import os\nfrom .a import re\nos.x; re.y", {}),
        ("from .os import path\nimport sys\npath.x; sys.y", {"sys.y": 1}),
    ],
)
def test_chains(text, expected):
    assert used(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\nos.a\ndef f(os): os.b", {"os.a": 1}),
        ("import os\ndef f(*os, **re): os.b", {}),
        ("import os\ndef f(x=os.a) -> os.b: return x", {"os.a": 1, "os.b": 1}),
        ("import os\nlambda os=os.a: os.b", {"os.a": 1}),
        ("import os\ndef f():\n    os.a\n    os = 1", {}),
        ("import os\nos.a\nos = g()", {}),
        ("import os\ndef f():\n    for os in x: os.a\nos.b", {"os.b": 1}),
        ("import os\ndef f():\n    with x as os: os.a", {}),
        ("import os\ndef f():\n    with x as (os, y): os.a", {}),
        ("import os\ndef f():\n    try: pass\n    except E as os: os.a", {}),
        ("import os\ndef f():\n    os: int = 1\n    os.a", {}),
        ("import os\ndef f():\n    os: int\n    os.a", {}),
        ("import os\ndef f():\n    os += 1\n    os.a", {}),
        ("import os\ndef f():\n    if (os := g()): os.a", {}),
        ("import os\ndef f():\n    class os: pass\n    os.a", {}),
        ("import os\ndef f():\n    async def os(): pass\n    os.a", {}),
        ("import os\ndef f(x):\n    match x:\n        case os: os.a", {}),
        ("import os\ndef f(x):\n    match x:\n        case [*os]: os.a", {}),
        ("import os\ndef f(x):\n    match x:\n        case {**os}: os.a", {}),
        ("import os\ndef f(x):\n    match x:\n        case os.a: os.b", {"os.a": 1, "os.b": 1}),
        ("import os\ndef f():\n    del os\n    os.a", {}),
        # Comprehensions have a scope; their first iterable stands outside of it.
        ("import os\n[os.a for os in os.b]; os.c", {"os.b": 1, "os.c": 1}),
        ("import os\n{x: os.a for x in y for os in os.b}", {}),
        ("import os\n{x for x in y if os.a}; (os.b for x in y)", {"os.a": 1, "os.b": 1}),
        ("import os\n[(os := x) for x in y]\nos.a", {}),
        # The names of a class are seen in its body alone.
        ("import os\nclass A:\n    os = 1\n    os.a\n    def f(self): os.b", {"os.b": 1}),
        ("class A:\n    import os\n    os.a\n    def f(self): os.b", {"os.a": 1}),
        ("import os\nclass A:\n    os = 1\n    x = [os.a for _ in os.b]", {"os.a": 1}),
        ("import abc\n@abc.a\nclass A(abc.b, metaclass=abc.c):\n    @abc.d(1)\n    def f(self): pass", None),
        # Imports in functions belong to them, unless said otherwise.
        ("def f():\n    import os\n    os.a\n    def g(): os.b\nos.c", {"os.a": 1, "os.b": 1}),
        ("def f():\n    global os\n    import os\nos.a", {"os.a": 1}),
        ("import os\ndef f():\n    global os\n    os = 1\nos.a", {}),
        ("import os\ndef f(os):\n    def g():\n        global os\n        os.a", {"os.a": 1}),
        ("def f():\n    import os\n    def g():\n        nonlocal os\n        os.a", {"os.a": 1}),
        ("def f():\n    import os\n    os.a\n    def g():\n        nonlocal os\n        os = 1", {}),
        # Deleting a name of the module does not make it another thing.
        ("import os\nx = os.a\ndel os", {"os.a": 1}),
    ],
)
def test_scopes(text, expected):
    expected = {"abc.a": 1, "abc.b": 1, "abc.c": 1, "abc.d": 1} if expected is None else expected
    assert used(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("try:\n    import np\nexcept ImportError:\n    np = None\nnp.a", {"np.a": 1}),
        ("np = None\ndef f():\n    global np\n    import numpy as np\n    np.a", {"numpy.a": 1}),
        ("try:\n    import np\nexcept ImportError:\n    np = Fake()\nnp.a", {"np.a": 1}),
        ("try:\n    from m import f\nexcept ImportError:\n    def f(): pass\nf()", {"m.f": 1}),
        ("try:\n    from m import f\nexcept ImportError:\n    from .m import f\nf()", {"m.f": 1}),
        ("try:\n    import np\nexcept ImportError:\n    pass\nelse:\n    np = g()\nnp.a", {}),
        ("try:\n    import a\nexcept ImportError:\n    b = Fake()\nimport b\nb.x; a.x", {"a.x": 1}),
        # The standard library before others, else the first.
        ("try:\n    import simplejson as json\nexcept ImportError:\n    import json\njson.a", {"json.a": 1}),
        ("try:\n    import json\nexcept ImportError:\n    import simplejson as json\njson.a", {"json.a": 1}),
        ("try:\n    from simplejson import f\nexcept ImportError:\n    from json import f\nf()", {"json.f": 1}),
        ("if x:\n    from b import f\nelse:\n    from a import f\nf()", {"b.f": 1}),
        ("if x:\n    import a\nelse:\n    a = g()\na.b", {}),
    ],
)
def test_alternatives(text, expected):
    assert used(text) == expected


def test_imports_are_counted_as_they_are_written():
    text = "import os.path, os\nimport os as o\nfrom os import path, sep\ndef f():\n    import os\nfrom a.b import *\n"
    uses = symbols.uses_of(text + "from . import c\nfrom .d import e, f\nfrom __future__ import annotations as g\n")
    assert uses.imports == {"os.path": 1, "os": 4, "a.b": 1, "__future__": 1}
    assert uses.relative_imports == 2


def test_calls_are_the_part_that_is_called():
    text = "import a\nfrom a import f\n@a.d\n@a.e()\ndef g(): a.b(a.c, *a.h)(); f(f)\nclass A(a.B()): pass\n"
    uses = symbols.uses_of(text)
    assert uses.calls == {"a.e": 1, "a.b": 1, "a.f": 1, "a.B": 1}
    assert uses.attributes == {"a.d": 1, "a.e": 1, "a.b": 1, "a.c": 1, "a.h": 1, "a.f": 2, "a.B": 1}


def test_accesses_stand_where_they_say_in_the_order_of_the_text():
    text = "from os import path\nimport numpy as np\né = np.random . rand(\n  (np)\n  .π, path.join)\n"
    found = list(symbols.accesses(symbols.parse(text)))
    lines = text.encode().splitlines()
    for access in found:
        assert lines[access.line - 1][access.column :].startswith(access.attribute.encode())
    assert found == [
        symbols.Access(3, 8, "numpy", "random", False, True),
        symbols.Access(3, 17, "numpy.random", "rand", True, True),
        symbols.Access(5, 3, "numpy", "π", False, True),
        symbols.Access(5, 7, "os", "path", False, False),
        symbols.Access(5, 12, "os.path", "join", False, True),
    ]


def test_accesses_are_what_is_counted():
    text = "import os, re\nfrom re import sub\nclass A(os.X):\n    def f(self, re): return os.y(re.z, sub(os.y))\n"
    uses = symbols.uses_of(text)
    found = list(symbols.accesses(symbols.parse(text)))
    assert collections.Counter(f"{access.module}.{access.attribute}" for access in found) == uses.attributes
    calls = [access for access in found if access.is_call]
    assert collections.Counter(f"{access.module}.{access.attribute}" for access in calls) == uses.calls


def test_a_long_sum_is_no_deep_recursion():
    assert used("import a\nx = " + " + ".join(["a.b"] * 2000)) == {"a.b": 2000}


@pytest.mark.parametrize(
    "text",
    ["print 1", "a\0b", "x = " + "(" * 1000 + ")" * 1000, "x = " + " + ".join(["a"] * 30_000), "def f(:", "\ud800"],
)
def test_what_python_cannot_parse_is_a_syntax_error(text):
    with pytest.raises(SyntaxError):
        symbols.uses_of(text)


def test_warnings_of_the_parser_are_not_shown():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert used("import os\nx = '\\d'\n1 is 1\nos.sep") == {"os.sep": 1}


@pytest.mark.parametrize("running", [True, False])
def test_the_collector_is_left_as_it_was(running):
    was_running = gc.isenabled()
    try:
        gc.enable() if running else gc.disable()
        symbols.uses_of("import a")
        with pytest.raises(SyntaxError):
            symbols.uses_of("print 1")
        assert gc.isenabled() == running
    finally:
        gc.enable() if was_running else gc.disable()


def test_a_distribution_is_read_back(tmp_path):
    rows = [("train", "os", "path", 3), ("train", "os", "sep", 1), ("test", "os", "path", 9), ("train", "re", "sub", 2)]
    names = ("split", "module", "attribute", "uses")
    pq.write_table(pa.table(list(map(list, zip(*rows, strict=True))), names), tmp_path / symbols.SYMBOLS_FILE)
    assert symbols.read_symbols(tmp_path, "train") == {"os": {"path": 3, "sep": 1}, "re": {"sub": 2}}
    assert symbols.read_symbols(tmp_path, "validation") == {}
    with pytest.raises(ValueError, match="no split 'dev': it is one of train, validation, test"):
        symbols.read_symbols(tmp_path, "dev")
    with pytest.raises(FileNotFoundError, match=r"no symbols: there is no symbols.parquet. Make it with `python -m"):
        symbols.read_symbols(tmp_path / "none", "train")
