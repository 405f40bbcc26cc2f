"""Training examples made by other processes, here or on other machines: tf.data's service.

A dispatcher and any number of workers run (`python -m code_t5.main.datagen_server`). The trainer sends them the
pipeline of its own configuration; each worker asks for files of the train split, one after the other, makes examples of
them, and the trainer takes what is ready first. So the workers must see the data directory under the trainer's path.

What is promised: while no worker fails, each pass over the data gives each file to one worker, once. What a worker had
begun and not delivered when it was killed is left out of that pass. The order is not repeatable. (Numbered sample
shards, `code_t5.training.sample_folder`, are.)
"""

import os
from typing import Any

import gin
import tensorflow as tf

ENVIRONMENT = "DATA_SERVICE"
# Of documents, and how many are in each.
_GROUPS, _GROUP = 16, 8


@gin.configurable("data_service", module="code_t5")
def address(host_and_port: str | None = None) -> str | None:
    """The dispatcher's "host:port": gin's `code_t5.data_service.host_and_port`, else DATA_SERVICE; None for neither.

    Raises:
      ValueError: it has another form.
    """
    found = host_and_port or os.environ.get(ENVIRONMENT) or None
    if found is not None:
        host, separator, port = found.rpartition(":")
        if not (host and separator and port.isdigit()):
            raise ValueError(
                f"the data service's address must be host:port, as in {ENVIRONMENT}=10.0.0.2:5050, got {found!r}"
            )
    return found


def distribute(dataset: tf.data.Dataset, host_and_port: str, *, job_name: str) -> tf.data.Dataset:
    """The examples of a dataset, made by the workers.

    Args:
      dataset: of stateless operations only.
      host_and_port: the dispatcher's.
      job_name: trainers that give the same share the examples; one that starts again goes on with its job.
    """
    return dataset.apply(
        tf.data.experimental.service.distribute(
            processing_mode=tf.data.experimental.service.ShardingPolicy.DYNAMIC,
            service=f"grpc://{host_and_port}",
            job_name=job_name,
        )
    )


def in_an_order_of_each_worker(documents: tf.data.Dataset) -> tf.data.Dataset:
    """The documents in an order that no other worker of the job has: all workers have the same seeds.

    Without it two workers that read the same file, in one pass and the next, would make the same examples of it. Each
    document goes to one of some groups by a draw of the worker, and a group that is full goes on.
    """
    # A range is shared out among the workers as files are; each takes one number of it, once.
    numbers = tf.data.Dataset.range(2**20).take(1).cache().repeat()

    def group(worker: tf.Tensor, place_and_document: tuple[tf.Tensor, Any]) -> tf.Tensor:
        seeds = tf.stack([worker, place_and_document[0]])
        return tf.random.stateless_uniform([], seeds, maxval=_GROUPS, dtype=tf.int64)

    return (
        tf.data.Dataset.zip((numbers, documents.enumerate()))
        .group_by_window(group, lambda _, members: members, window_size=_GROUP)
        .map(lambda _, place_and_document: place_and_document[1])
    )
