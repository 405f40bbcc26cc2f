"""What every room agrees on: the record, the dataset manifest, split names, special token ids.

Nothing but the standard library is imported here, so that every room, and every worker process, can read it.
"""

import dataclasses
import hashlib
import json
from typing import Any

SPLITS = ("train", "validation", "test")
HELD_OUT_SPLITS = ("validation", "test")

DOCUMENT_SCHEMA_VERSION = 2
MANIFEST_FILE = "manifest.json"
NUM_SHARDS = 8

# Why a file may be missing from the documents. The keys are stable: they stand in manifests, plots and papers.
DROP_REASONS = {
    "unreadable": "a broken link, no permission, or an error of the disk",
    "other_branch": "the repository has several branch folders; this file is not on the one that was taken",
    "out_of_place": "what the layout does not have there: a file beside folders, a folder among files, not `.py`",
    "not_utf8": "the bytes, or the path, are not UTF-8",
    "nul_bytes": "a NUL byte in it: not text that Python would run",
    "empty": "nothing but white space",
    "too_large": "more than `max_bytes` bytes",
    "line_too_long": "a line of more than `max_line_length` characters",
    "mean_line_too_long": "lines of more than `max_mean_line_length` characters on average",
    "generated": "a generator's mark in the first 256 characters",
    "exact_duplicate": "the same bytes as a file that is kept",
    "near_duplicate": "almost the same text as a file that is kept",
    "in_earlier_dataset": "the same or almost the same text as a file of a dataset given with --against",
    "contaminated": "shares text with a benchmark",
    "broken_row": "a row of an export that could not be parsed or has no content",
}

# What is worth knowing about a file that is kept all the same.
NOTES = {
    "bom_removed": "began with a UTF-8 byte order mark, which was taken off",
    "paths_json_missing": "its repository has no paths.json: the flat file name stands for the path",
    "paths_json_broken": "its repository's paths.json could not be read: the flat file name stands for the path",
    "not_in_paths_json": "paths.json does not name it: the flat file name stands for the path",
    "path_not_unique": "paths.json gives another file the same path: the flat file name stands for the path",
    "repository_json_broken": "its repository's repository.json could not be read: no licence is known",
}

PAD_ID = 0
EOS_ID = 1
UNK_ID = 2

# The last 128 ids of every vocabulary are control pieces that no text can produce.
NUM_RESERVED = 128
NUM_SENTINELS = 100
_FILL_NAMES = ("fill_prefix", "fill_suffix", "fill_middle", "path_marker", "end_of_insertion")


class DataContractError(ValueError):
    """Data on disk is not what its contract promises: a damaged shard, an unfinished dataset, a foreign file."""


@dataclasses.dataclass(frozen=True, slots=True)
class CodeFile:
    """One source file, the record that flows through all of preprocessing.

    Attributes:
      repository: "owner/name".
      path: the path inside the repository, "/" between its parts.
      content: the text, newlines as they are.
      license: an SPDX id such as "MIT", or "" where it could not be told.
      sha256: of the UTF-8 bytes of `content`, 64 hex digits.
      size: the number of those bytes.
    """

    repository: str
    path: str
    content: str
    license: str
    sha256: str
    size: int

    @classmethod
    def of(cls, repository: str, path: str, content: str, *, license: str = "") -> "CodeFile":
        """Makes the record of a text, computing its hash and its size.

        Example: `CodeFile.of("ann/tool", "a.py", "x\\n").size` is 2.
        """
        data = content.encode("utf-8")
        return cls(repository, path, content, license, hashlib.sha256(data).hexdigest(), len(data))


@dataclasses.dataclass
class Manifest:
    """What a document dataset says of itself; written last, so a folder without it is not finished.

    Attributes:
      parameters: every argument that changes the output.
      source: what was read: kind, files, bytes, and a digest of names and sizes.
      counts: split -> {"files", "bytes", "repositories"}, and "weight", the sum of the weights, where there are any.
      drops: drop reason -> number of files (reasons that did not occur stand with 0).
      notes: note -> number of files.
      near_duplicates: {"clusters", "files", "largest"}, of clusters of two files or more; empty if not looked for.
      shards: file name -> {"sha256", "rows", "bytes"}.
      salt: 16 hex digits of what determines the output: schema, parameters and source digest.
      versions: of the code and of the libraries that write the shards.
    """

    parameters: dict[str, Any]
    source: dict[str, Any]
    counts: dict[str, dict[str, float]]
    drops: dict[str, int]
    notes: dict[str, int]
    near_duplicates: dict[str, int]
    shards: dict[str, dict[str, Any]]
    salt: str
    versions: dict[str, str]
    schema_version: int = DOCUMENT_SCHEMA_VERSION

    @property
    def digest(self) -> str:
        """SHA-256 of everything but `versions`: equal digests mean equal datasets."""
        fields = dataclasses.asdict(self)
        del fields["versions"]
        return canonical_digest(fields)

    def to_json(self) -> str:
        return json.dumps({**dataclasses.asdict(self), "digest": self.digest}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str) -> "Manifest":
        """Reads a manifest back.

        Args:
          text: what `to_json` wrote.
          where: the file's address, for the error.

        Raises:
          DataContractError: not JSON, a field missing, another schema version, or a digest that does not match.
        """
        try:
            fields = json.loads(text)
            digest = fields.pop("digest")
            version = fields["schema_version"]
            manifest = cls(**fields) if version == DOCUMENT_SCHEMA_VERSION else None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataContractError(f"{where} is not a manifest of a document dataset: {error!r}") from error
        if manifest is None:
            raise DataContractError(
                f"{where} has schema version {version}, this code reads {DOCUMENT_SCHEMA_VERSION}: "
                "make the documents again with `python -m preprocessing.run`"
            )
        if manifest.digest != digest:
            raise DataContractError(f"{where} was changed after it was written: its digest does not match")
        return manifest


def canonical_digest(value: Any) -> str:
    """SHA-256, in hex, of a JSON-like value; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def bytes_digest(data: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()


def reserved_pieces() -> list[str]:
    """The pieces of the last 128 ids, in order of id.

    The very last id is sentinel 0, the one before it sentinel 1, and so on down, because t5's `sentinel_id` counts
    down from the end of the vocabulary.

    Example: for 16,000 pieces, id 15999 is `<extra_id_0>`, 15900 is `<extra_id_99>`, 15899 is `<fill_prefix>`.
    """
    downwards = [f"<extra_id_{i}>" for i in range(NUM_SENTINELS)]
    downwards += [f"<{name}>" for name in _FILL_NAMES]
    downwards += [f"<reserved_{i}>" for i in range(NUM_RESERVED - len(downwards))]
    return downwards[::-1]


def special_ids(vocab_size: int) -> dict[str, int]:
    """The ids that mean something, by name.

    Example: `special_ids(16000)["fill_prefix"]` is 15899.
    """
    first_fill = vocab_size - NUM_SENTINELS - 1
    return {
        "pad": PAD_ID,
        "eos": EOS_ID,
        "unk": UNK_ID,
        "first_sentinel": vocab_size - 1,
        "last_sentinel": vocab_size - NUM_SENTINELS,
        **{name: first_fill - i for i, name in enumerate(_FILL_NAMES)},
        "first_reserved": vocab_size - NUM_RESERVED,
    }
