"""Training examples made by other processes, here or on other machines: tf.data's service.

A dispatcher and any number of workers run (`python -m code_t5.main.datagen_server`). The trainer sends them the
pipeline of its own configuration; each worker asks for files of the train split, one after the other, makes examples of
them, and the trainer takes what is ready first. So the workers must see the data directory under the trainer's path.

What is promised: while no worker fails, each pass over the data gives each file to one worker, once. What a worker had
begun and not delivered when it was killed is left out of that pass. The order is not repeatable. (Numbered sample
shards, `code_t5.training.sample_folder`, are.)
"""

import os

import gin
import tensorflow as tf

ENVIRONMENT = "DATA_SERVICE"


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
