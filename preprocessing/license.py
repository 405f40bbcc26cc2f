"""Recognises common licences: in a licence file's text, in a package's metadata, in a folder.

The answer is an SPDX id or expression, or "" where it cannot be told: two files that disagree are not guessed at.
"""

import email.message
import pathlib
import re
import tomllib
from collections.abc import Callable, Iterable

# The beginning of each licence, in the words of its normalised text (lower case, words and single spaces only).
_GNU = re.compile(r"gnu (lesser |library |affero )?general public license version (\d)(?: (\d))?\b")
_MARKS = {
    "mit": "permission is hereby granted free of charge to any person obtaining a copy of this software and associated",
    "bsd": "redistribution and use in source and binary forms with or without modification are permitted",
    "apache": "apache license version 2 0",
    "isc": "permission to use copy modify and or distribute this software for any purpose with or without fee is",
    "isc_old": "permission to use copy modify and distribute this software for any purpose with or without fee is",
    "mpl": "mozilla public license version 2 0",
    "mpl_short": "mozilla public license v 2 0",
    "psf": "python software foundation license version 2",
    "unlicense": "this is free and unencumbered software released into the public domain",
}
# From the first words of a BSD licence to its last condition are 120 words at most.
_BSD_CHARACTERS = 1200

_FILE = re.compile(r"(?i)^(un)?(licen[cs]e|copying|lizenz)([-._].*)?$")
_NO_TEXT = (".py", ".pyc", ".pyi", ".json", ".html", ".c", ".h")
MAX_LICENSE_BYTES = 200_000

_CLASSIFIERS = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
# Free text of the `License` field, in small letters and without spaces, commas and "license".
_FIELD = {
    "mit": "MIT",
    "apache2.0": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apachev2.0": "Apache-2.0",
    "apacheversion2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "apachesoftware2.0": "Apache-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd3-clause": "BSD-3-Clause",
    "3-clausebsd": "BSD-3-Clause",
    "newbsd": "BSD-3-Clause",
    "isc": "ISC",
    "mpl-2.0": "MPL-2.0",
    "mpl2.0": "MPL-2.0",
    "gplv2": "GPL-2.0",
    "gpl-2.0": "GPL-2.0",
    "gplv3": "GPL-3.0",
    "gpl-3.0": "GPL-3.0",
    "lgplv3": "LGPL-3.0",
    "lgpl-3.0": "LGPL-3.0",
    "agplv3": "AGPL-3.0",
    "agpl-3.0": "AGPL-3.0",
    "psf": "PSF-2.0",
    "psf-2.0": "PSF-2.0",
    "unlicense": "Unlicense",
}
_IDS = {*_CLASSIFIERS.values(), *_FIELD.values()}


def license_of_text(text: str) -> str:
    """The licence with which a text begins: others that follow are those of bundled code.

    Example: `license_of_text("Apache License\\n  Version 2.0, January 2004 ...")` is `"Apache-2.0"`.
    """
    words = " ".join(re.findall(r"[a-z0-9]+", text.lower()))
    starts = {name: start for name, mark in _MARKS.items() if (start := words.find(mark)) >= 0}
    gnu = _GNU.search(words)
    if gnu:
        starts["gnu"] = gnu.start()
    if not starts:
        return ""
    first = min(starts, key=starts.get)
    if first == "gnu":
        return _gnu(gnu)
    return _NAMES[first](words[starts[first] :])


def _gnu(found: re.Match) -> str:
    kind, major, minor = found.groups()
    prefix = {"lesser ": "LGPL", "library ": "LGPL", "affero ": "AGPL"}.get(kind, "GPL")
    return f"{prefix}-{major}.{minor or 0}"


def _bsd(words: str) -> str:
    words = words[:_BSD_CHARACTERS]
    if "all advertising materials" in words:
        return "BSD-4-Clause"
    if "endorse or promote products" in words:
        return "BSD-3-Clause"
    return "BSD-2-Clause" if "redistributions in binary form must reproduce" in words else ""


_NAMES: dict[str, Callable[[str], str]] = {
    "mit": lambda words: "MIT" if "this permission notice shall be included" in words[:800] else "MIT-0",
    "bsd": _bsd,
    "apache": lambda words: "Apache-2.0",
    "isc": lambda words: "ISC" if "this permission notice appear in all copies" in words[:400] else "0BSD",
    "isc_old": lambda words: "ISC" if "this permission notice appear in all copies" in words[:400] else "",
    "mpl": lambda words: "MPL-2.0",
    "mpl_short": lambda words: "MPL-2.0",
    "psf": lambda words: "Python-2.0" if "beopen" in words else "PSF-2.0",
    "unlicense": lambda words: "Unlicense",
}


def is_license_file(name: str) -> bool:
    """Whether a file is a licence by its name: `LICENSE`, `LICENCE.txt`, `COPYING.LESSER`, `UNLICENSE`, ..."""
    return bool(_FILE.match(name)) and not name.lower().endswith(_NO_TEXT)


def license_of_files(files: Iterable[pathlib.Path]) -> str:
    """The one licence that the licence files among some files speak of; "" for none, or for more than one.

    The LGPL is an addition to the GPL, and projects under it carry both texts: together they are the LGPL.
    """
    found = set()
    for file in files:
        if is_license_file(file.name):
            try:
                with file.open("rb") as opened:
                    found.add(license_of_text(opened.read(MAX_LICENSE_BYTES).decode("utf-8", "replace")))
            except OSError:
                continue
    found.discard("")
    lesser = {license for license in found if license.startswith("LGPL")}
    if lesser:
        found = {license for license in found if not license.startswith("GPL")}
    return found.pop() if len(found) == 1 else ""


def license_of_metadata(*, classifiers: Iterable[str] = (), field: str = "") -> str:
    """The licence that a Python package's older metadata name.

    Args:
      classifiers: all classifiers; the ones about licences count if they agree.
      field: the `License` field: an id, a name or the whole text of a licence.

    Example: `license_of_metadata(classifiers=["License :: OSI Approved :: MIT License"])` is `"MIT"`.
    """
    names = {name.rsplit(" :: ", 1)[-1] for name in classifiers if name.startswith("License ::")}
    named = {_CLASSIFIERS.get(name, "") for name in names - {"OSI Approved"}}
    if len(named) == 1 and "" not in named:
        return named.pop()
    short = re.sub(r"[\s,]|\bthe\b|licen[cs]ed?", "", field.lower())
    return _FIELD.get(short, "") or license_of_text(field)


def license_of_distribution(metadata: email.message.Message, files: Iterable[pathlib.Path]) -> str:
    """The licence of an installed distribution: an SPDX expression in its metadata, else its files, else the rest.

    Args:
      metadata: as `importlib.metadata` gives them.
      files: its licence files.
    """
    declared = metadata.get("License-Expression") or ""
    field = metadata.get("License") or ""
    if not declared and is_expression(field):
        declared = field
    rest = license_of_metadata(classifiers=metadata.get_all("Classifier", []), field=field)
    return declared.strip() or license_of_files(files) or rest


def license_of_folder(folder: pathlib.Path) -> str:
    """The licence of a repository: of its licence files at the top, else as its `pyproject.toml` declares it."""
    try:
        found = license_of_files(sorted(folder.iterdir()))
        if found:
            return found
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8")).get("project", {})
        declared = project.get("license", "")
        text = declared.get("text", "") if isinstance(declared, dict) else str(declared)
        classifiers = [str(name) for name in project.get("classifiers", [])]
    except (OSError, ValueError, AttributeError, TypeError):
        return ""
    return text if is_expression(text) else license_of_metadata(classifiers=classifiers, field=text)


def is_expression(text: str) -> bool:
    """Whether a text is an SPDX expression of licences that are known here, such as `"MPL-2.0 AND MIT"`."""
    return bool(re.fullmatch(r"\S+( (AND|OR) \S+)*", text)) and set(text.split()) <= {*_IDS, "AND", "OR"}
