"""How many threads and how much memory reading takes; what is read, and in which order, does not depend on it."""

import contextlib
import dataclasses
from collections.abc import Iterator

import gin
import seqio
import tensorflow as tf
import tensorflow_datasets as tfds


@gin.configurable("reading", module="code_t5")
@dataclasses.dataclass(frozen=True)
class Reading:
    """Limits of the input pipeline; None leaves each to tf.data, which tunes them while it runs.

    Attributes:
      readers: files that are read at the same time.
      parsers: threads that decode documents.
      threads: of all the pipeline's work together.
      buffer_mb: the most memory for examples that are made before they are asked for; who makes them waits then.

    Raises:
      ValueError: a value that is not positive.
    """

    readers: int | None = None
    parsers: int | None = None
    threads: int | None = None
    buffer_mb: float | None = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None and value <= 0:
                raise ValueError(f"code_t5.reading.{field.name} = {value}: must be more than 0, or None for automatic")

    @contextlib.contextmanager
    def of_tfds(self, *, shared: bool = False) -> Iterator[None]:
        """Within the block seqio reads TFDS datasets so.

        Args:
          shared: whether data workers share the files out: then each of them sees fewer examples than the dataset has,
            which TFDS would take for damage.
        """
        # TFDS would keep a small dataset of one file in memory: whoever has read nothing of it would have an empty copy
        # for ever, and snapshots would hold all documents.
        config = tfds.ReadConfig(assert_cardinality=not shared, try_autocache=False)
        if self.readers:
            config.num_parallel_calls_for_interleave_files = self.readers
        if self.parsers:
            config.num_parallel_calls_for_decode = self.parsers
        before = seqio.utils._TFDS_DATA_READ_CONFIG_OVERRIDE
        seqio.utils.set_tfds_read_config_override(config)
        try:
            yield
        finally:
            seqio.utils.set_tfds_read_config_override(before)

    def limit(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """The same dataset, with the limits of threads and memory."""
        options = tf.data.Options()
        if self.threads:
            options.threading.private_threadpool_size = self.threads
        if self.buffer_mb:
            options.autotune.ram_budget = round(self.buffer_mb * 1e6)
        return dataset.with_options(options)
