import pytest

from completion.imported_files import imported_files

OTHERS = {
    "src/app/names.py": "n",
    "src/app/__init__.py": "i",
    "src/app/views/list.py": "l",
    "top.py": "t",
    "src/app/main.py": "itself",
    "notes.txt": "x",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import top\n", ["top.py"]),
        ("import os, app.names as n, top", ["src/app/names.py", "top.py"]),
        ("from app import names", ["src/app/names.py"]),
        ("from app import Thing", ["src/app/__init__.py"]),
        ("from app.names import Thing, other", ["src/app/names.py"]),
        ("from . import names", ["src/app/names.py"]),
        ("from .views.list import *\nfrom .names import a", ["src/app/views/list.py", "src/app/names.py"]),
        ("from ..app import names", ["src/app/names.py"]),
        ("from ... import top", ["top.py"]),
        ("from .... import top", []),
        ("from app import (\n    Thing,  # names\n    names,\n)\n", ["src/app/__init__.py", "src/app/names.py"]),
        ("def f():\n    import top  # here\n    x = (", ["top.py"]),
        ("important = top\nfrom_ = 1\nfrom \nimport \nfrom app", []),
        ("import ames, app.main, notes", []),
    ],
)
def test_imports_are_found_in_the_order_of_the_text(text, expected):
    found = imported_files("src/app/main.py", text, OTHERS)
    assert found == tuple((path, OTHERS[path]) for path in expected)
