"""The Python packages that are installed in this environment, as repositories."""

import collections
import csv
import importlib.metadata
import os
import pathlib
import re
import sys
from collections.abc import Iterator

from preprocessing.flcc_names import is_utf8
from preprocessing.license import license_of_distribution

_PACKAGE_FOLDERS = ("site-packages", "dist-packages")


class InstalledPackages:
    """Goes through the installed distributions, in the order of their names, and counts what it leaves out.

    A file is taken if the distribution's RECORD names it, it exists, ends in `.py` and lies inside site-packages; one
    that two distributions claim goes to the first by name.

    Attributes:
      skipped: what was left out, in words, and how often: {"distributions without Python files": 3}.
    """

    def __init__(self):
        self.skipped: collections.Counter[str] = collections.Counter()

    def repositories(self) -> Iterator[tuple[str, list[tuple[str, pathlib.Path]], str]]:
        """Yields name, files and licence: ("absl-py/absl-py", [("absl/app.py", file), ...], "Apache-2.0")."""
        claimed: set[str] = set()
        for name, distribution in self._distributions():
            base = os.path.normpath(distribution.locate_file(""))
            record = distribution.read_text("RECORD")
            listed = [row[0] for row in csv.reader(record.splitlines()) if row] if record else []
            # Older ways to install leave another list, which importlib.metadata knows how to find.
            listed = listed or [str(file) for file in distribution.files or ()]
            files = []
            for path in sorted({os.path.normpath(path) for path in listed if path.endswith(".py")}):
                file = f"{base}/{path}"
                reason = _reason(path, file, claimed)
                self.skipped[reason] += bool(reason)
                if not reason:
                    claimed.add(file)
                    files.append((path, pathlib.Path(file)))
            if files:
                licenses = [pathlib.Path(base, path) for path in sorted(listed) if _is_about_itself(path)]
                yield f"{name}/{name}", files, license_of_distribution(distribution.metadata, licenses)
            else:
                self.skipped["distributions without Python files"] += 1

    def _distributions(self) -> list[tuple[str, importlib.metadata.Distribution]]:
        found = {}
        # The import order, and within a folder the version: the disk's order there is no one's choice.
        place = {os.path.normpath(folder): position for position, folder in enumerate(sys.path)}
        candidates = []
        for distribution in importlib.metadata.distributions():
            base = os.path.normpath(distribution.locate_file(""))
            name, version = _name_and_version(distribution)
            if not name or base.rsplit("/", 1)[-1] not in _PACKAGE_FOLDERS:
                self.skipped["distributions outside site-packages"] += 1
            else:
                candidates.append((place.get(base, len(place)), base, version, name, distribution))
        for *_, name, distribution in sorted(candidates, key=lambda candidate: candidate[:4]):
            key = re.sub(r"[-_.]+", "-", name).lower()
            if key in found:
                self.skipped["distributions that are there twice"] += 1
            found.setdefault(key, (name, distribution))
        return [found[key] for key in sorted(found)]


def _name_and_version(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    try:
        return distribution.metadata["Name"] or "", distribution.metadata["Version"] or ""
    except TypeError:
        # An empty .dist-info folder, left by an uninstall that did not finish.
        return "", ""


def _reason(path: str, file: str, claimed: set[str]) -> str:
    """Why a file is left out, or ""."""
    if path.startswith("../") or path.startswith("/"):
        return "files outside site-packages"
    if path.rsplit("/", 1)[-1].startswith("__editable__"):
        return "finders of editable installs"
    if not is_utf8(path):
        return "names that are not UTF-8"
    if file in claimed:
        return "files of another distribution"
    return "" if pathlib.Path(file).is_file() else "files that are not there"


def _is_about_itself(path: str) -> bool:
    """Whether a file lies in the distribution's own `.dist-info`, not in that of something bundled."""
    parts = path.split("/")
    return parts[0].endswith((".dist-info", ".egg-info")) and (len(parts) == 2 or parts[1:-1] == ["licenses"])
