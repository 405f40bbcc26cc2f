"""Tokenises Tasks once, so that training reads tokens instead of text (`mesh_train_dataset_fn.use_cached = True`).

python -m code_t5.main.cache --tasks fl_py_dev --cache_dir CACHE --data_dir DATA_DIR
"""

import time

import seqio
from absl import flags

import code_t5  # noqa: F401 (registers the Tasks)
from code_t5.data import cache, names
from code_t5.main import program

TASKS = flags.DEFINE_list("tasks", None, "Names of Tasks or Mixtures, with commas between them.", required=True)
CACHE_DIR = flags.DEFINE_string(
    "cache_dir", None, "Where to: the folder to give to --additional_task_cache_dirs.", required=True
)


def main() -> None:
    for task in [task for name in TASKS.value for task in seqio.get_subtasks(names.find(name))]:
        started = time.monotonic()
        stats = cache.cache_task(task, CACHE_DIR.value)
        for split, counts in stats.items():
            print(f"{task.name:<28} {split:<11} {counts['examples']:>8,} files {counts['targets_tokens']:>12,} tokens")
        print(f"in {CACHE_DIR.value}, {time.monotonic() - started:.0f} s. To read it, give t5's program")
        reader = "mesh_train_dataset_fn" if "train" in stats else "mesh_eval_dataset_fn"
        print(f'  --additional_task_cache_dirs="{CACHE_DIR.value}" --gin_param="{reader}.use_cached = True"')


if __name__ == "__main__":
    program.run(main)
