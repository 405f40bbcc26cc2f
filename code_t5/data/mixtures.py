"""Registers the seqio Mixtures, from one table; each Task is drawn in proportion to the sum of its weights.

That is its number of train files, where they have no weights.
"""

import seqio

from code_t5.data import tasks, weights

TABLE = {
    "fl_py_2019_mix": ("fl_py_50stars_2019", "fl_py_10stars_2019"),
    "fl_bq_py_mix": ("fl_py_50stars_2019", "fl_py_10stars_2019", "bq_py_2016_minus_ethpy150"),
    "bq_at_py_mix": ("bq_py_2016_dedup", "at_py_2020"),
}

assert {task for members in TABLE.values() for task in members} <= {row.task for row in tasks.TABLE}

for _name, _members in TABLE.items():
    seqio.MixtureRegistry.add(_name, list(_members), default_rate=weights.mixing_rate)
