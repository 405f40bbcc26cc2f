"""A finished cache of a small Task."""

import pathlib
import shutil

import pytest
import seqio

from code_t5.data import cache
from tests.code_t5.data.small_tasks import function_source, task


def _small() -> seqio.Task:
    return task(function_source(train=50, validation=20))


@pytest.fixture
def small() -> seqio.Task:
    return _small()


@pytest.fixture(scope="session")
def _whole(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("whole")
    cache.cache_task(_small(), str(folder))
    return folder


@pytest.fixture
def whole(_whole, tmp_path) -> pathlib.Path:
    """The folder of the Task `small` in a cache directory, 16 shards a split; a copy for each test."""
    return pathlib.Path(shutil.copytree(_whole, tmp_path / "whole"), "small")
