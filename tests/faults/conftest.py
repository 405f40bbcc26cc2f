"""Every stage without TensorFlow, run once undisturbed, on a small input."""

import pathlib

import pytest

from tests.faults.small_disk import NoSmallDiskError, SmallDisk, small_disk
from tests.faults.stages import Stage, Undisturbed, run_undisturbed, small_sources, stages


class Made:
    """The stages, and what each makes when nothing happens, made when it is first asked for.

    Attributes:
      folder: of the outputs: `folder / <name of the stage> / "out"`.
      stages: name -> stage.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.stages: dict[str, Stage] = stages(folder, source=small_sources(), max_mb=3)
        self._undisturbed: dict[str, Undisturbed] = {}

    def undisturbed(self, name: str) -> Undisturbed:
        for before in self.stages:
            if before not in self._undisturbed and f"/{before}/out" in " ".join(self.stages[name].command):
                self.undisturbed(before)
        if name not in self._undisturbed:
            self._undisturbed[name] = run_undisturbed(self.stages[name], self.folder)
        return self._undisturbed[name]


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Made:
    return Made(tmp_path_factory.mktemp("made"))


@pytest.fixture
def disk(tmp_path) -> SmallDisk:
    """A file system of 64 MB; where none can be mounted the test is skipped, and says why."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        with small_disk(folder, megabytes=64) as mounted:
            yield mounted
    except NoSmallDiskError as error:
        pytest.skip(f"no small file system can be mounted here: {error}")
