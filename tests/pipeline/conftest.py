import contextlib
import pathlib
from collections.abc import Iterator

import psutil
import pytest

from tests.pipeline.small_pipeline import Pipeline


@pytest.fixture
def pipeline(tmp_path: pathlib.Path) -> Iterator[Pipeline]:
    found = Pipeline(tmp_path)
    yield found
    for process in found.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
