"""A digest of Python code: of what some functions do, and of all that they call outside of installed libraries.

It tells whether work that was begun with one version of the code may be finished with another. It is made of byte code
and constants, so comments, docstrings of other functions, and lines moved up or down do not change it.
"""

import functools
import hashlib
import inspect
import pathlib
import sys
import sysconfig
import types
from typing import Any

import numpy as np
import seqio

from preprocessing import contract

_PLAIN = (type(None), type(...), bool, int, float, complex, str, bytes)
_WRAPPERS = staticmethod | classmethod | property | functools.cached_property
_LIBRARY_FOLDERS = [pathlib.Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
# An environment may see those of another one.
_PACKAGES = {"site-packages", "dist-packages", pathlib.Path(sysconfig.get_path("purelib")).name}


def code_digest(*objects: Any) -> str:
    """SHA-256, in hex, of functions, and of what they reach through their globals, closures, defaults and bases.

    Args:
      objects: functions, `functools.partial`s, classes or instances. Of an installed library (site-packages, the
        standard library) only the name and `__version__` count.

    Not seen: methods called on objects that are arguments, and what is read from files.

    Example: with `def f(x): return g(x) + 1`, editing `g`, or the 1, gives another digest; a comment does not.
    """
    walk = _Walk()
    for value in objects:
        walk.visit(value)
    return contract.canonical_digest(walk.lines)


def vocabulary_digest(vocabulary: seqio.Vocabulary) -> str:
    """SHA-256, in hex, of what decides a vocabulary's ids: its pieces, its special ids and how it encodes text."""
    pieces = vocabulary.sp_model if isinstance(vocabulary, seqio.SentencePieceVocabulary) else b""
    ids = [vocabulary.vocab_size, vocabulary.pad_id, vocabulary.eos_id, vocabulary.unk_id, vocabulary.extra_ids]
    encode = code_digest(type(vocabulary)._encode, type(vocabulary)._encode_tf)
    return contract.canonical_digest([contract.bytes_digest(pieces), ids, encode])


class _Walk:
    def __init__(self):
        self.lines: list[str] = []
        self._seen: dict[int, Any] = {}  # keeps what it saw alive: an id may be given again
        self._inside: set[str] = set()

    def visit(self, value: Any) -> None:
        if isinstance(value, _PLAIN):
            self.lines.append(repr(value))
            return
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, functools.partial):
            self._visit_all([value.func, value.args, value.keywords])
        elif isinstance(value, types.MethodType):
            self._visit_all([value.__func__, value.__self__])
        elif isinstance(value, staticmethod | classmethod):
            self.visit(value.__func__)
        elif isinstance(value, property | functools.cached_property):
            self.visit(value.fget if isinstance(value, property) else value.func)
        elif isinstance(value, list | tuple):
            self._visit_all(value)
        elif isinstance(value, set | frozenset):
            self._visit_all(sorted(value, key=repr))
        elif isinstance(value, dict):
            for key in sorted(value, key=repr):
                self._visit_all([key, value[key]])
        elif isinstance(value, np.ndarray):
            self.lines.append(f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}")
        elif isinstance(value, seqio.Vocabulary):
            self.lines.append(vocabulary_digest(value))
        elif isinstance(value, types.FunctionType):
            self._visit_function(inspect.unwrap(value))
        elif isinstance(value, type):
            self._visit_class(value)
        else:
            self.visit(type(value))
            if not _is_library(type(value).__module__):
                self.visit(getattr(value, "__dict__", {}))

    def _visit_all(self, values: Any) -> None:
        for value in values:
            self.visit(value)

    def _visit_function(self, function: types.FunctionType) -> None:
        if self._names_library(function):
            return
        self.lines.append(function.__qualname__)
        names = self._visit_code(function.__code__)
        self._visit_all([function.__defaults__, function.__kwdefaults__])
        for cell in function.__closure__ or ():
            try:
                self.visit(cell.cell_contents)
            except ValueError:  # not bound yet: a function that names itself
                continue
        self._visit_names(function.__globals__, names)

    def _visit_code(self, code: types.CodeType) -> list[str]:
        """Notes byte code and constants; gives the names of globals and attributes in it, inner functions' too."""
        self.lines.append(f"{code.co_code.hex()} {code.co_names} {code.co_varnames}")
        names = list(code.co_names)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                names += self._visit_code(constant)
            else:
                self.visit(constant)
        return names

    def _visit_names(self, names_there: dict[str, Any], names: list[str]) -> None:
        for name in names:
            value = names_there.get(name)
            if isinstance(value, types.ModuleType):
                # `prompt.escape(text)` names both; `escape` is looked up in every module that is named.
                if value.__name__ not in self._inside and not self._names_library(value):
                    self._inside.add(value.__name__)
                    self._visit_names(vars(value), names)
                    self._inside.discard(value.__name__)
            elif name in names_there:
                self.visit(value)

    def _visit_class(self, class_: type) -> None:
        if self._names_library(class_):
            return
        self.lines.append(class_.__qualname__)
        for name in sorted(vars(class_)):
            value = vars(class_)[name]
            if isinstance(value, types.FunctionType | _WRAPPERS):
                self.visit(value)
            elif not name.startswith("__") and isinstance(value, (*_PLAIN, tuple, list, dict)):
                self._visit_all([name, value])
        self._visit_all(class_.__bases__)

    def _names_library(self, value: Any) -> bool:
        """Whether something is a library's; if so its name and version are noted, and its inside is not looked at."""
        module = value.__name__ if isinstance(value, types.ModuleType) else value.__module__
        # What `exec` made is in no module.
        if module is None or not _is_library(module):
            return False
        top = module.partition(".")[0]
        version = getattr(sys.modules.get(top), "__version__", "")
        self.lines.append(f"{module} {getattr(value, '__qualname__', '')} {version}")
        return True


@functools.cache
def _is_library(module: str) -> bool:
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return module != "__main__"
    parents = pathlib.Path(file).parents
    return any(folder in parents for folder in _LIBRARY_FOLDERS) or any(one.name in _PACKAGES for one in parents)
