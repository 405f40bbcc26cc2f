"""Finds a Task or Mixture by name, with an error that helps."""

import difflib

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
