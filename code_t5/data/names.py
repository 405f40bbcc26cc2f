"""Finds a Task or Mixture by name, with an error that helps."""

import difflib

import gin
import seqio


def find(name: str) -> seqio.Task | seqio.Mixture:
    """The Task or Mixture of that name.

    Raises:
      ValueError: there is none; names those that are alike.
    """
    known = sorted({*seqio.TaskRegistry.names(), *seqio.MixtureRegistry.names()})
    if name not in known:
        alike = difflib.get_close_matches(name, known, n=3)
        hint = f" Did you mean {' or '.join(alike)}?" if alike else ""
        raise ValueError(
            f"no Task or Mixture is named {name!r}.{hint} `python -m code_t5.main.inspect_task --list` lists them"
        )
    return seqio.get_mixture_or_task(name)


@gin.configurable("checked_mixture_name", module="code_t5")
def checked(name: str | None = None) -> str:
    """The name bound to `MIXTURE_NAME`, if it is one; `plumbing.gin` asks here before t5 looks it up.

    Raises:
      ValueError: it is not set, or no Task or Mixture has that name.
    """
    if not isinstance(name, str):
        raise ValueError(
            "MIXTURE_NAME is not set: which Task or Mixture is meant? Add for example "
            "--gin_param=\"MIXTURE_NAME = 'fl_py_dev'\"; `python -m code_t5.main.inspect_task --list` lists them"
        )
    return find(name).name
