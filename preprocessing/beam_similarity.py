"""Pairs of almost equal files as Beam transforms: the same candidates and the same verification as on one machine."""

import itertools
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np

from preprocessing import minhash
from preprocessing.near_duplicates import Components, may_be_similar
from preprocessing.shingles import jaccard

Print = tuple[int, np.ndarray]
"""The id of a file and its set of n-grams."""


@beam.ptransform_fn
def similar_pairs(prints: beam.PCollection, threshold: float) -> beam.PCollection:
    """(id, n-grams) -> (smaller id, larger id), for all pairs of candidates with at least that Jaccard similarity."""
    pairs = (
        prints
        | "bands" >> beam.FlatMap(_bands)
        | "meet" >> beam.GroupByKey()
        | "pair" >> beam.FlatMap(lambda bucket: itertools.combinations(sorted(bucket[1]), 2))
        | "once" >> beam.Distinct()
    )
    return (pairs, prints) | "verify" >> _Verified(threshold)


@beam.ptransform_fn
def similar_between(collections: tuple[beam.PCollection, beam.PCollection], threshold: float) -> beam.PCollection:
    """Two collections of (id, n-grams), ids of the first smaller than all of the second -> (id of the first, of the
    second) of similar files."""
    first, second = collections
    pairs = (
        (first | "first bands" >> beam.FlatMap(_bands), second | "second bands" >> beam.FlatMap(_bands))
        | "meet" >> beam.CoGroupByKey()
        | "pair" >> beam.FlatMap(lambda bucket: itertools.product(*bucket[1]))
        | "once" >> beam.Distinct()
    )
    both = (first, second) | "together" >> beam.Flatten()
    return (pairs, both) | "verify" >> _Verified(threshold)


class _Verified(beam.PTransform):
    """Candidates (a, b) and (id, n-grams) -> the similar ones of the candidates."""

    def __init__(self, threshold: float):
        super().__init__()
        self._threshold = threshold

    def expand(self, collections):
        pairs, prints = collections
        half = (
            {"others": pairs, "print": prints}
            | "join first" >> beam.CoGroupByKey()
            | "send to second" >> beam.FlatMap(_send)
        )
        return (
            {"senders": half, "print": prints}
            | "join second" >> beam.CoGroupByKey()
            | "compare" >> beam.FlatMap(_compare, self._threshold)
        )


def _bands(file: Print) -> Iterator[tuple[tuple[int, int], int]]:
    id_, shingles = file
    for band, key in enumerate(minhash.band_keys(minhash.signatures([shingles]))[:, 0].view(np.int64).tolist()):
        yield (band, key), id_


def _send(joined: tuple[int, dict[str, Any]]) -> Iterator[tuple[int, Print]]:
    id_, values = joined
    for shingles in values["print"]:
        for other in values["others"]:
            yield other, (id_, shingles)


def _compare(joined: tuple[int, dict[str, Any]], threshold: float) -> Iterator[tuple[int, int]]:
    id_, values = joined
    for mine in values["print"]:
        for other, shingles in values["senders"]:
            signatures = minhash.signatures([mine, shingles])
            estimates, _ = minhash.compare(signatures[0], signatures[1:])
            if may_be_similar(estimates, threshold)[0] and jaccard(mine, shingles) >= threshold:
                yield other, id_


def components(pairs: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """All similar pairs -> (id, smallest id of its cluster) for every file that is in one."""
    ids = np.unique(np.array(pairs, np.int64).reshape(-1, 2))
    joined = Components(len(ids))
    for a, b in np.searchsorted(ids, np.array(pairs, np.int64).reshape(-1, 2)).tolist():
        joined.join(a, b)
    yield from zip(ids.tolist(), ids[joined.roots()].tolist(), strict=True)
