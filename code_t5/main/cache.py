"""Tokenises Tasks once, so that training reads tokens instead of text (`mesh_train_dataset_fn.use_cached = True`).

python -m code_t5.main.cache --tasks fl_py_dev --cache_dir CACHE --data_dir DATA_DIR
python -m code_t5.main.cache --tasks fl_py_dev --cache_dir CACHE --verify

An interrupted run is gone on with by the same command. --verify reads a cache again, names every file that is damaged,
missing or foreign, and then exits with status 1.
"""

import sys
import time

import seqio
import tqdm
from absl import flags

import code_t5  # noqa: F401 (registers the Tasks)
from code_t5.data import cache, cache_manifest, cache_verify, names
from code_t5.main import program

TASKS = flags.DEFINE_list("tasks", None, "Names of Tasks or Mixtures, with commas between them.", required=True)
CACHE_DIR = flags.DEFINE_string(
    "cache_dir", None, "Where to: the folder to give to --additional_task_cache_dirs.", required=True
)
SPLITS = flags.DEFINE_list("splits", None, "Which splits, with commas between them; all that have data by default.")
OVERWRITE = flags.DEFINE_bool("overwrite", False, "Remove a cache that is there and make it again.")
VERIFY = flags.DEFINE_bool("verify", False, "Make nothing; compare what is there with its checksums.")


def main() -> None:
    tasks = {task.name: task for name in TASKS.value for task in seqio.get_subtasks(names.find(name))}
    if VERIFY.value:
        sys.exit(1 if [problem for name in tasks for problem in _verify(name)] else 0)
    try:
        for task in tasks.values():
            _make(task)
    except KeyboardInterrupt:
        print("interrupted; the finished shards stay, and the same command goes on from them", file=sys.stderr)
        sys.exit(130)


def _make(task: seqio.Task) -> None:
    started = time.monotonic()
    made = cache.cache_task(task, CACHE_DIR.value, splits=SPLITS.value, overwrite=OVERWRITE.value, say=_say)
    for split, counts in made.stats.items():
        tokens = f"{counts.get('targets_tokens', 0):>12,} tokens"
        print(f"{task.name:<28} {split:<11} {counts['examples']:>8,} files {tokens}  {made.shards[split]:>5,} shards")
    how = f"{time.monotonic() - started:.0f} s" if made.made else "made before"
    print(f"{made.num_bytes / 1e6:.1f} MB in {made.folder}, {how}. To read it, give t5's program")
    reader = "mesh_train_dataset_fn" if "train" in made.stats else "mesh_eval_dataset_fn"
    print(f'  --additional_task_cache_dirs="{CACHE_DIR.value}" --gin_param="{reader}.use_cached = True"')


def _verify(task: str) -> list[str]:
    folder = cache.cache_folder(task, CACHE_DIR.value)
    with tqdm.tqdm(desc=f"{task} verify", unit="B", unit_scale=True, disable=None, leave=False) as bar:
        problems = cache_verify.problems(folder, progress=bar.update)
    for problem in problems:
        print(problem)
    if not problems:
        files = cache_manifest.CacheManifest.read(folder).files
        size = sum(entry["bytes"] for entry in files.values())
        print(f"{folder}: {len(files)} files, {size / 1e6:.1f} MB, all as they were written")
    return problems


def _say(line: str) -> None:
    tqdm.tqdm.write(line, file=sys.stderr)


if __name__ == "__main__":
    program.run(main)
