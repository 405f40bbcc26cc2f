"""The chain as a Beam pipeline: the same functions on each record, the same decisions, the same bytes.

Contents go through the runner's shuffles, never through one worker alone. One worker sees, and must have memory for:
the names of the repositories, the pairs of near-duplicates (16 bytes each), and the lines of the list of drops. Workers
read the input and write the shards where the paths say, so these must be on a file system that all of them share.
"""

import collections
import dataclasses
import gzip
import json
import pathlib
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np

from preprocessing import beam_similarity, chain, cluster_report, contract, shards, source, spills, write_pass
from preprocessing.contract import CodeFile
from preprocessing.dedup import preference
from preprocessing.earlier import EarlierDataset, read_shard
from preprocessing.examine import Examination, drop_line
from preprocessing.fingerprints import MIN_SHINGLES
from preprocessing.split import SplitParameters, assign_splits

# Ids of the files of earlier datasets are beyond those of all new files.
_FIRST_EARLIER = 1 << 62
_STEPS = ("filter", "exact_duplicate", "near_duplicate", "in_earlier_dataset", "contaminated")


class Light(NamedTuple):
    """A file without its text. `id` is `unit << 32 | place in the unit`: the order of the input."""

    id: int
    split: str
    repository: str
    path: str
    sha256: str
    size: int
    hits: tuple[Any, ...]

    @property
    def name(self) -> str:
        return f"{self.repository}/{self.path}"

    @property
    def preference(self) -> tuple:
        return preference(self.split, self.repository, self.path)


class _Examine(beam.DoFn):
    """(number, unit) -> accepted files, with tagged `prints`, `drops` and `counts`."""

    def __init__(self, examination: Examination):
        self._examination = examination

    def process(self, numbered: tuple[int, Any]) -> Iterator[Any]:
        number, unit = numbered
        counts = collections.Counter()
        for place, found in enumerate(self._examination.unit(unit)):
            id_ = number << 32 | place
            counts["files read"] += 1
            counts["bytes read"] += found.bytes_read
            counts.update(f"note {note}" for note in found.notes)
            if found.dropped:
                yield _dropped(id_, found.dropped)
                continue
            if found.shingles is not None and len(found.shingles) >= MIN_SHINGLES:
                yield beam.pvalue.TaggedOutput("prints", (id_, found.shingles))
            yield id_, (found.file, tuple(found.hits))
        yield beam.pvalue.TaggedOutput("counts", counts)


def _dropped(id_: int, dropped: source.Dropped) -> beam.pvalue.TaggedOutput:
    step = _STEPS.index(dropped.reason) if dropped.reason in _STEPS else 0
    return beam.pvalue.TaggedOutput("drops", ((step, id_), dropped.reason, drop_line(dropped)))


def build(
    pipeline: beam.Pipeline, units: list[source.Unit], *, parameters: chain.ChainParameters, work: pathlib.Path
) -> None:
    """Adds the whole chain to a pipeline.

    Args:
      units: of the source.
      work: a folder on a file system that all workers share; shards and reports go to `documents` in it, and
        `outcome.json`, with what the manifest says, beside.
    """
    folder = work / "documents"
    examined = (
        pipeline
        | "units" >> beam.Create(list(enumerate(units)))
        | "spread" >> beam.Reshuffle()
        | "examine"
        >> beam.ParDo(_Examine(parameters.examination)).with_outputs("prints", "drops", "counts", main="files")
    )
    splits = (
        examined.files
        | "repository" >> beam.Map(lambda file: file[1][0].repository)
        | "repositories" >> beam.Distinct()
        | "all repositories" >> beam.combiners.ToList()
        | "split" >> beam.Map(_assign_splits, parameters.split)
    )
    files = examined.files | "light" >> beam.Map(_light, beam.pvalue.AsSingleton(splits))
    drops, outcome = [examined.drops], []

    kept = (
        files
        | "by content" >> beam.Map(lambda file: (file.sha256, file))
        | "same content" >> beam.GroupByKey()
        | "exact" >> beam.FlatMap(_one_of_equals).with_outputs("drops", main="kept")
    )
    drops.append(kept.drops)
    files = kept.kept
    clusters = pipeline | "no clusters" >> beam.Create([])
    threshold = parameters.near.near_jaccard
    if threshold:
        near = (files, examined.prints) | "near" >> _near_duplicates(threshold, folder)
        files, clusters = near["files"], near["clusters"]
        drops.append(near["drops"])
        outcome.append(near["report"])
    if parameters.against:
        left = (files, examined.prints) | "against" >> _against(pipeline, parameters)
        drops.append(left.drops)
        files = left.kept
    if parameters.benchmarks:
        left = files | "decontaminate" >> beam.FlatMap(_decontaminate).with_outputs("drops", main="kept")
        drops.append(left.drops)
        files = left.kept

    outcome += [
        (files, examined.files, clusters) | "write" >> _write_shards(pipeline, folder, parameters.format),
        files
        | "by repository" >> beam.Map(lambda file: ((file.split, file.repository), (1, file.size)))
        | "count" >> beam.CombinePerKey(_sum_pairs)
        | "count of repository" >> beam.Map(lambda count: ("count", [*count[0], *count[1]])),
        examined.counts
        | "all counts" >> beam.CombineGlobally(_sum_counters)
        | "what was read" >> beam.Map(lambda counts: ("read", dict(counts))),
        drops
        | "all drops" >> beam.Flatten()
        | "list of drops" >> beam.combiners.ToList()
        | "write drops" >> beam.Map(_write_drops, folder),
    ]
    _ = (
        outcome
        | "all outcome" >> beam.Flatten()
        | "list of outcome" >> beam.combiners.ToList()
        | "write outcome" >> beam.Map(_write_json, work / "outcome.json")
    )


def _assign_splits(repositories: list[str], parameters: SplitParameters) -> dict[str, str]:
    return assign_splits(repositories, parameters)


def _light(accepted: tuple[int, tuple[CodeFile, Any]], splits: dict[str, str]) -> Light:
    id_, (file, hits) = accepted
    return Light(id_, splits[file.repository], file.repository, file.path, file.sha256, file.size, hits)


def _one_of_equals(group: tuple[str, Iterable[Light]]) -> Iterator[Any]:
    files = sorted(group[1], key=lambda file: (file.preference, file.id))
    yield files[0]
    for file in files[1:]:
        yield _dropped(file.id, source.Dropped("exact_duplicate", file.name))


@beam.ptransform_fn
def _near_duplicates(collections_: tuple, threshold: float, folder: pathlib.Path) -> dict[str, beam.PCollection]:
    files, prints = collections_
    by_id = files | "file by id" >> beam.Map(lambda file: (file.id, file))
    roots = (
        (by_id, prints)
        | "prints of kept" >> beam.CoGroupByKey()
        | "only kept" >> beam.FlatMap(lambda joined: [(joined[0], one) for one in joined[1][1] if joined[1][0]])
        | "pairs" >> beam_similarity.similar_pairs(threshold)
        | "all pairs" >> beam.combiners.ToList()
        | "components" >> beam.FlatMap(beam_similarity.components)
    )
    parts = (
        {"file": by_id, "root": roots}
        | "clustered" >> beam.CoGroupByKey()
        | "clustered or not" >> beam.FlatMap(_clustered_or_not).with_outputs("clustered", main="alone")
    )
    groups = (
        parts.clustered
        | "clusters" >> beam.GroupByKey()
        | "kept first" >> beam.Map(lambda group: sorted(group[1], key=lambda file: (file.preference, file.id)))
    )
    numbers = (
        groups
        | "kept names" >> beam.Map(lambda group: (group[0].repository, group[0].path, group[0].id))
        | "all kept names" >> beam.combiners.ToList()
        | "numbers" >> beam.Map(lambda names: {name[2]: number for number, name in enumerate(sorted(names))})
    )
    decided = groups | "one of a cluster" >> beam.FlatMap(
        _one_of_cluster, beam.pvalue.AsSingleton(numbers)
    ).with_outputs("drops", "clusters", "report", main="kept")
    report = (
        decided.report
        | "all clusters" >> beam.combiners.ToList()
        | "report" >> beam.Map(_write_report, threshold, folder)
    )
    files = (parts.alone, decided.kept) | "alone or kept" >> beam.Flatten()
    return {"files": files, "clusters": decided.clusters, "drops": decided.drops, "report": report}


def _clustered_or_not(joined: tuple[int, dict[str, Any]]) -> Iterator[Any]:
    for file in joined[1]["file"]:
        roots = joined[1]["root"]
        yield beam.pvalue.TaggedOutput("clustered", (roots[0], file)) if roots else file


def _one_of_cluster(group: list[Light], numbers: dict[int, int]) -> Iterator[Any]:
    first, *others = group
    number = numbers[first.id]
    yield first
    yield beam.pvalue.TaggedOutput("clusters", (first.id, number))
    members = [{"file": file.name, "split": file.split} for file in group]
    yield beam.pvalue.TaggedOutput("report", (number, members))
    for file in others:
        yield _dropped(file.id, source.Dropped("near_duplicate", file.name, {"cluster": number, "kept": first.name}))


def _write_report(
    clusters: list[tuple[int, Any]], threshold: float, folder: pathlib.Path
) -> tuple[str, dict[str, int]]:
    members = [[first, *sorted(others, key=lambda file: file["file"])] for _, (first, *others) in sorted(clusters)]
    sizes = np.array([len(files) for files in members], np.int64)
    found = cluster_report.write(folder, sizes, members_of=members.__getitem__, threshold=threshold)
    return "near_duplicates", found


@beam.ptransform_fn
def _against(collections_: tuple, pipeline: beam.Pipeline, parameters: chain.ChainParameters):
    files, prints = collections_
    by_id = files | "file by id" >> beam.Map(lambda file: (file.id, file))
    shards_ = [
        (number, dataset, split, shard)
        for number, (dataset, split, shard) in enumerate(
            (dataset, split, shard)
            for dataset in parameters.against
            for split in contract.SPLITS
            for shard in range(len(shards.shard_names(shards.read_manifest(dataset.folder), split)))
        )
    ]
    earlier = (
        pipeline
        | "earlier shards" >> beam.Create(shards_)
        | "spread earlier" >> beam.Reshuffle()
        | "read earlier"
        >> beam.FlatMap(_read_earlier, parameters.examination.ngram).with_outputs("prints", "names", main="digests")
    )
    matches = [
        (files | "new digests" >> beam.Map(lambda file: (file.sha256, file.id)), earlier.digests)
        | "same digest" >> beam.CoGroupByKey()
        | "exact matches" >> beam.FlatMap(lambda group: [(id_, old) for id_ in group[1][0] for old in group[1][1]])
    ]
    if parameters.near.near_jaccard:
        new_prints = (
            (by_id, prints)
            | "prints of kept" >> beam.CoGroupByKey()
            | "only kept" >> beam.FlatMap(lambda joined: [(joined[0], one) for one in joined[1][1] if joined[1][0]])
        )
        similar = (new_prints, earlier.prints) | "similar" >> beam_similarity.similar_between(
            parameters.near.near_jaccard
        )
        matches.append(
            ({"new": similar | "turned" >> beam.Map(lambda pair: pair[::-1]), "name": earlier.names})
            | "name of match" >> beam.CoGroupByKey()
            | "near matches"
            >> beam.FlatMap(lambda group: [(id_, name) for id_ in group[1]["new"] for name in group[1]["name"]])
        )
    first = matches | "all matches" >> beam.Flatten() | "first match" >> beam.CombinePerKey(min)
    return (
        {"file": by_id, "match": first}
        | "matched" >> beam.CoGroupByKey()
        | "matched or not" >> beam.FlatMap(_unmatched).with_outputs("drops", main="kept")
    )


def _read_earlier(shard: tuple[int, EarlierDataset, str, int], ngram: int) -> Iterator[Any]:
    number, dataset, split, part = shard
    for place, (file, shingle_set) in enumerate(read_shard(dataset.folder, split, part, ngram=ngram)):
        id_, name = _FIRST_EARLIER + (number << 32 | place), f"{file.repository}/{file.path}"
        yield file.sha256, name
        if shingle_set is not None and len(shingle_set) >= MIN_SHINGLES:
            yield beam.pvalue.TaggedOutput("prints", (id_, shingle_set))
            yield beam.pvalue.TaggedOutput("names", (id_, name))


def _unmatched(joined: tuple[int, dict[str, Any]]) -> Iterator[Any]:
    for file in joined[1]["file"]:
        matches = joined[1]["match"]
        if matches:
            yield _dropped(file.id, source.Dropped("in_earlier_dataset", file.name, {"earlier": matches[0]}))
        else:
            yield file


def _decontaminate(file: Light) -> Iterator[Any]:
    if file.hits:
        evidence = {"hits": [dataclasses.asdict(hit) for hit in file.hits]}
        yield _dropped(file.id, source.Dropped("contaminated", file.name, evidence))
    else:
        yield file


@beam.ptransform_fn
def _write_shards(collections_: tuple, pipeline: beam.Pipeline, folder: pathlib.Path, format: str) -> beam.PCollection:
    files, contents, clusters = collections_
    names = [
        shards.shard_name(split, i, format=format) for split in contract.SPLITS for i in range(contract.NUM_SHARDS)
    ]
    targets = files | "target" >> beam.Map(
        lambda file: (file.id, shards.shard_name(file.split, shards.shard_of(file.repository), format=format))
    )
    rows = (
        {"target": targets, "content": contents, "cluster": clusters}
        | "contents of kept" >> beam.CoGroupByKey()
        | "row" >> beam.FlatMap(_row)
    )
    return (
        {"rows": rows, "name": pipeline | "all shards" >> beam.Create([(name, None) for name in names])}
        | "rows of a shard" >> beam.CoGroupByKey()
        | "write shard" >> beam.Map(_write_shard, folder, format)
    )


def _row(joined: tuple[int, dict[str, Any]]) -> Iterator[tuple[str, tuple[CodeFile, int]]]:
    for target in joined[1]["target"]:
        (file, _), *_ = joined[1]["content"]
        yield target, (file, next(iter(joined[1]["cluster"]), shards.NO_CLUSTER))


def _write_shard(shard: tuple[str, dict[str, Any]], folder: pathlib.Path, format: str) -> tuple[str, Any]:
    """Spills the rows on this worker's own disk, then writes them in order, as the second pass on one machine does."""
    name, values = shard
    clusters = []
    with tempfile.TemporaryDirectory() as own:
        spill_folder = pathlib.Path(own)
        with spills.SpillWriter(spill_folder / spills.spill_name(0)) as writer:
            for file, cluster in values["rows"]:
                writer.add(file)
                clusters.append(cluster)
        locations = spills.locations(0, len(clusters))
        # A worker that is slow, or taken for dead, may write the same shard at the same time as another.
        beside = folder / f"{name}.{uuid.uuid4().hex}"
        task = write_pass.ShardTask(spill_folder, beside, locations, np.array(clusters, np.int64), format)
        entry = write_pass.write_shard(task)
    beside.rename(beside.with_name(name))
    return "shard", [name, entry]


def _write_drops(drops: list[tuple[tuple[int, int], str, str]], folder: pathlib.Path) -> tuple[str, dict[str, int]]:
    with (folder / shards.DROPPED_FILE).open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as out:
        for _, _, line in sorted(drops):
            out.write(line.encode())
    return "drops", dict(collections.Counter(reason for _, reason, _ in drops))


def _write_json(value: Any, path: pathlib.Path) -> None:
    path.write_text(json.dumps(value))


def _sum_pairs(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    files, size = 0, 0
    for more_files, more_size in pairs:
        files, size = files + more_files, size + more_size
    return files, size


def _sum_counters(counters: Iterable[collections.Counter]) -> collections.Counter:
    total = collections.Counter()
    for counter in counters:
        total.update(counter)
    return total
