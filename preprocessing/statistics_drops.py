"""What was dropped, by reason and repository, from the list that a dataset carries along."""

import collections
import gzip
import json
import pathlib
import re
import zlib
from collections.abc import Collection

from preprocessing import contract, flcc, shards

_ROW_OF_A_FILE = re.compile(r".*:\d+")


def count_drops(
    documents: pathlib.Path, manifest: contract.Manifest, repositories: Collection[str]
) -> collections.Counter[tuple[str, str]]:
    """Counts the drops of a dataset.

    Args:
      documents, manifest: the dataset.
      repositories: those that kept a file.

    Returns:
      (reason, repository) -> files; the repository is "" where the list does not tell it.

    Raises:
      DataContractError: the list is missing or damaged, or does not add up to what the manifest says.
    """
    path = documents / shards.DROPPED_FILE
    remedy = "copy it again, or make the dataset again with `python -m preprocessing.run ... --overwrite`"
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                dropped = json.loads(line)
                found[dropped["reason"], repository_of(dropped["where"], repositories)] += 1
    except FileNotFoundError:
        raise contract.DataContractError(f"{path} is missing: {remedy}") from None
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise contract.DataContractError(f"{path} is damaged: {error!r}: {remedy}") from error
    sums = collections.Counter()
    for (reason, _), files in found.items():
        sums[reason] += files
    for reason in sorted(manifest.drops.keys() | sums.keys()):
        if sums[reason] != manifest.drops.get(reason, 0):
            raise contract.DataContractError(
                f"{path} is damaged: it lists {sums[reason]} files as {reason}, the manifest says "
                f"{manifest.drops.get(reason, 0)}: {remedy}"
            )
    return found


def repository_of(where: str, repositories: Collection[str]) -> str:
    """The repository that a line of the list speaks of; "" where it names a row of an export, or no repository.

    Args:
      where: "ann/tool/src/a.py", or a path in an FLCC tree, or "export.jsonl:17".
      repositories: names that are known to be ones.

    Example: `repository_of("v3/languages/Python/.py/ann/tool/master/a_0.py", ())` is "ann/tool".
    """
    parts = where.removeprefix(f"{flcc.FILES_FOLDER}/").split("/")
    for names in (parts[:2], parts[:1]):
        if len(parts) > len(names) and "/".join(names) in repositories:
            return "/".join(names)
    if len(parts) < 3 or _ROW_OF_A_FILE.fullmatch(where):
        return ""
    return "/".join(parts[:2])
