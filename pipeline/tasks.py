"""The graph as Luigi sees it: one task a result, which is done when its folder is there, and `Everything`."""

import multiprocessing
import pathlib
import signal
import time

import luigi

from pipeline import making
from pipeline.plan import Planned
from pipeline.progress import View
from pipeline.stages import STAGES


class _Carried(luigi.Parameter):
    """A value that goes along with a task, and is not a part of what it is known by."""

    def __init__(self):
        super().__init__(significant=False, visibility=luigi.parameter.ParameterVisibility.PRIVATE)

    def serialize(self, value: object) -> str:
        return ""

    def _warn_on_wrong_param_type(self, name: str, value: object) -> None:
        pass  # Luigi expects text


class ResultTask(luigi.Task):
    """Makes one planned result.

    Attributes:
      results: the folder of all results.
      digest: of the result; with the stage it is what the task is known by, to the central scheduler, too.
      planned: the result itself; a task has no other way to what it requires.
      view: is told what happens.
    """

    results = luigi.Parameter()
    digest = luigi.Parameter()
    planned = _Carried()
    view = _Carried()

    def requires(self) -> list["ResultTask"]:
        return [task_of(one, self.results, self.view) for one in self.planned.requires.values()]

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(str(self.planned.path))

    def run(self) -> None:
        alone = multiprocessing.parent_process() is None
        if not alone:
            # Ctrl-C comes to all processes, and the first one then tells the others to stop. Told twice, a command
            # would be killed at once.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        began = time.monotonic()
        self.view.begins(self.planned)
        try:
            made = making.make(self.planned, pathlib.Path(self.results), say=self.view.says, waits=self.view.waits)
        except Exception as error:
            self.view.failed(error)
            raise
        except KeyboardInterrupt as stop:
            if alone:
                raise
            # The first process says that it was told to stop; here, it would be a traceback.
            raise SystemExit(1) from stop
        if made:
            self.view.made(self.planned, time.monotonic() - began)
        else:
            self.view.found(self.planned)


# FlccTree, DevTree, Documents, ...
TASKS: dict[str, type[ResultTask]] = {name: type(name, (ResultTask,), {"__module__": __name__}) for name in STAGES}


def task_of(planned: Planned, results: str, view: View) -> ResultTask:
    """The task of a result."""
    return TASKS[planned.stage.name](results=str(results), digest=planned.digest, planned=planned, view=view)


class Everything(luigi.WrapperTask):
    """All results that experiments ask for.

    Attributes:
      digests: of all of them, by which it is known.
      tasks: theirs.
    """

    digests = luigi.Parameter()
    tasks = _Carried()

    def requires(self) -> list[ResultTask]:
        return list(self.tasks)
