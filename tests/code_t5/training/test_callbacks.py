"""The examples of callbacks of one's own, run as they are printed."""

import dataclasses
import re
import textwrap
import types

import gin
import numpy as np
import pytest

from code_t5.training import callbacks
from tests.code_t5.conftest import ROOT


def chunk(losses, batches) -> callbacks.Chunk:
    """A chunk of which nothing else is looked at."""
    rest = {field.name: None for field in dataclasses.fields(callbacks.Chunk)}
    return callbacks.Chunk(**{**rest, "losses": np.array(losses), "batches": batches})


def example(code: str) -> type[callbacks.Callback]:
    """The class that the code registers with gin."""
    namespace = {"gin": gin, "callbacks": callbacks}
    with gin.unlock_config():
        exec(textwrap.dedent(code), namespace)
    (found,) = (value for value in namespace.values() if isinstance(value, type) and value is not callbacks.Callback)
    return found


@pytest.fixture
def strange_batches(tmp_path):
    code = re.search(r"```python\n(# strange_batches.py\n.*?)```", (ROOT / "docs/training.md").read_text(), re.S)
    callback = example(code[1])()
    callback.begin(types.SimpleNamespace(model_dir=tmp_path))
    return callback


def test_the_documented_callback_saves_the_batches_with_a_strange_loss(strange_batches, tmp_path):
    batches = [{"inputs": np.full((2, 4), number, np.int32)} for number in range(10)]
    for step in range(10, 130, 10):
        strange_batches.after_chunk(step, None, chunk(np.linspace(4.9, 5.1, 10), batches))
    assert list(tmp_path.iterdir()) == []
    strange_batches.after_chunk(130, None, chunk([5.0] * 7 + [9.0] + [5.0] * 2, batches))
    assert [file.name for file in tmp_path.iterdir()] == ["strange-130.npz"]
    np.testing.assert_array_equal(np.load(tmp_path / "strange-130.npz")["inputs"], batches[7]["inputs"])


def test_the_callback_in_the_docstring_counts_rows(capsys):
    code = re.search(r"^    @gin.*?(?=^    --module_import)", callbacks.__doc__, re.S | re.M)
    counter = example(code[0])()
    positions = np.array([[0, 1, 2], [7, 8, 9], [0, 1, 0]], np.int32)
    counter.after_chunk(20, None, chunk([1.0, 1.0], [{"inputs_position": positions}] * 2))
    assert capsys.readouterr().out == "step 20: 4 rows begin with the start of a piece\n"
