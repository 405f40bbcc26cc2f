"""Makes training examples on other machines than the trainer's.

A service, where the machines reach each other (any number of workers, which may come and go):

python -m code_t5.main.datagen_server dispatcher --port 5050 --work_dir /var/lib/code_t5_dispatcher
python -m code_t5.main.datagen_server worker --dispatcher 10.0.0.2:5050 --address 10.0.0.3
DATA_SERVICE=10.0.0.2:5050 python -m t5.models.mesh_transformer_main ... (as ever)

Or sample shards in a folder or bucket, where they do not; the trainer is given `code_t5.samples.folder`:

python -m code_t5.main.datagen_server write --folder gs://bucket/samples --worker 0 --num_workers 4 --shards 100 \\
  --data_dir DATA_DIR --gin_location_prefix=gin_configs/ --gin_file=models/shared-prefix_lm.gin ... (the trainer's)
"""

import os
import signal
import socket
import sys
import threading

import gin
import seqio
import t5.models
import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the tokeniser's operations, which pipelines arrive with)
from absl import app, flags
from mesh_tensorflow.transformer import utils as mesh_utils

import code_t5  # noqa: F401 (registers the Tasks)
from code_t5.data import data_dir, names
from code_t5.main import program
from code_t5.training import sample_folder

ROLES = ("dispatcher", "worker", "write")
PORT = flags.DEFINE_integer("port", 0, "dispatcher, worker: the port to listen at; 0 takes a free one.")
WORK_DIR = flags.DEFINE_string("work_dir", None, "dispatcher: folder of its journal; a restart goes on with its jobs.")
DISPATCHER = flags.DEFINE_string("dispatcher", None, "worker: host:port of the dispatcher.")
ADDRESS = flags.DEFINE_string("address", None, "worker: the host name or number at which the trainer reaches it.")
FOLDER = flags.DEFINE_string("folder", None, "write: where the shards go.")
WORKER = flags.DEFINE_integer("worker", 0, "write: the number of this worker; it writes shards worker, worker + n, ...")
NUM_WORKERS = flags.DEFINE_integer("num_workers", 1, "write: how many workers there are.")
SHARDS = flags.DEFINE_integer("shards", None, "write: how many shards there are in all, of all workers.")
CACHE_DIRS = flags.DEFINE_list("additional_task_cache_dirs", [], "write: folders made by code_t5.main.cache.")
PARTITIONS = flags.DEFINE_integer("partitions", 16, "write: in how many parts the documents are cut; a shard is one.")


def serve(server, what: str) -> None:
    """Runs until SIGTERM or SIGINT."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    print(what, flush=True)
    stopped.wait()
    server._stop()


def dispatcher() -> None:
    service = tf.data.experimental.service
    config = service.DispatcherConfig(
        port=PORT.value, work_dir=WORK_DIR.value, fault_tolerant_mode=bool(WORK_DIR.value),
        # A trainer that is gone for so long gives its job up.
        job_gc_timeout_ms=3_600_000,
    )  # fmt: skip
    server = service.DispatchServer(config)
    port = server.target.rpartition(":")[2]
    kept = f"its journal in {WORK_DIR.value}" if WORK_DIR.value else "no journal: give --work_dir to survive a restart"
    serve(server, f"dispatcher at port {port}, {kept}; trainers: DATA_SERVICE={socket.gethostname()}:{port}")


def worker() -> None:
    if not DISPATCHER.value:
        raise ValueError("which dispatcher? Give --dispatcher host:port")
    host = ADDRESS.value or socket.gethostname()
    # %port% is replaced by the port that was taken.
    config = tf.data.experimental.service.WorkerConfig(
        dispatcher_address=DISPATCHER.value, worker_address=f"{host}:%port%", port=PORT.value
    )
    serve(tf.data.experimental.service.WorkerServer(config), f"worker at {host}, for the dispatcher {DISPATCHER.value}")


def write() -> None:
    if not FOLDER.value or not SHARDS.value:
        raise ValueError("give --folder and --shards")
    if not 0 <= WORKER.value < NUM_WORKERS.value:
        raise ValueError(f"--worker must be from 0 to {NUM_WORKERS.value - 1} (--num_workers), got {WORKER.value}")
    gin.add_config_file_search_path(os.path.join(os.path.dirname(t5.models.__file__), "gin"))
    mesh_utils.parse_gin_defaults_and_flags(skip_unknown=True)
    seqio.add_global_cache_dirs(CACHE_DIRS.value)
    task = names.checked(data_dir.gin_value("mesh_train_dataset_fn.mixture_or_task_name"))
    writer = sample_folder.Writer(
        FOLDER.value, task, dict(gin.query_parameter("utils.run.sequence_length")),
        num_shards=SHARDS.value, partitions=PARTITIONS.value,
    )  # fmt: skip
    for number in range(WORKER.value, SHARDS.value, NUM_WORKERS.value):
        print(writer.write(number), flush=True)


def main(arguments: list[str]) -> None:
    role = arguments[1] if len(arguments) == 2 else None
    if role not in ROLES:
        sys.exit(f"usage: python -m code_t5.main.datagen_server {{{'|'.join(ROLES)}}} [--flags]; --help lists them")
    if program.DATA_DIR.value:
        seqio.set_tfds_data_dir_override(os.path.expanduser(program.DATA_DIR.value))
    try:
        {"dispatcher": dispatcher, "worker": worker, "write": write}[role]()
    except (ValueError, OSError, tf.errors.OpError) as error:
        sys.exit(f"error: {error.message if isinstance(error, tf.errors.OpError) else error}")


if __name__ == "__main__":
    app.run(main)
