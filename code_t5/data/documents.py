"""Opens document shards at any address that TensorFlow knows, for the one reader in `preprocessing.shards`."""

import io

import tensorflow as tf


class _RandomAccess(io.RawIOBase):
    """A `tf.io.gfile.GFile` as Python's own file type, which pyarrow asks for."""

    def __init__(self, path: str):
        super().__init__()
        self._file = tf.io.gfile.GFile(path, "rb")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def open_file(path: str, mode: str) -> io.IOBase | tf.io.gfile.GFile:
    """For the `open_file` argument of `preprocessing.shards`: local, `gs://` and other addresses."""
    return io.BufferedReader(_RandomAccess(path), 1 << 20) if mode == "rb" else tf.io.gfile.GFile(path, mode)
