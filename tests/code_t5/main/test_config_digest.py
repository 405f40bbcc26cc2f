import gin
import pytest

from code_t5.main import config_digest
from code_t5.training import configuration


@pytest.fixture(autouse=True)
def own_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def determined(*lines: str) -> dict:
    gin.clear_config()
    with gin.unlock_config():
        gin.parse_config(["import t5.models.mesh_transformer", *lines])
    return config_digest.determined()


def test_what_is_learnt_is_what_run_json_has():
    found = determined("run.train_steps = 7", "SEED = 3", "code_t5.train_code_model.seed = %SEED")
    assert found["bindings"] == configuration.bindings() == {"train_code_model.seed": "3"}
    assert found["until"] == {"run.train_steps": "7"}
    assert found["digest"] == "deb476e65359e9ccda0221e4725a9ffafda78c86e42cd30ec4559f7aafda4f34"


@pytest.mark.parametrize(
    "line",
    [
        "run.train_steps = 8", "code_t5.train_code_model.epochs = 2", "code_t5.train_code_model.max_seconds = 5",
        "code_t5.train_code_model.more_callbacks = [@code_t5.EarlyStopping()]", "code_t5.EarlyStopping.patience = 3",
        "code_t5.Validation.sets = ['a:b']", "code_t5.train_code_model.seed = 3",
    ],
)  # fmt: skip
def test_a_finished_result_would_be_another(line):
    assert determined("run.train_steps = 7", line)["digest"] != determined("run.train_steps = 7")["digest"]


@pytest.mark.parametrize(
    "line",
    [
        "run.keep_checkpoint_max = 3", "run.mesh_devices = ['cpu:0']", "code_t5.Snapshots.every_seconds = 5",
        "code_t5.Progress.line_seconds = 1", "code_t5.train_code_model.force = True",
    ],
)  # fmt: skip
def test_a_finished_result_would_be_the_same(line):
    assert determined("run.train_steps = 7", line) == determined("run.train_steps = 7")


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("code_t5.pieces.max_extra = 2", True), ("mesh_train_dataset_fn.seed = 7", True),
        ("run.sequence_length = {'inputs': 8, 'targets': 8}", True), ("mesh_train_dataset_fn.use_cached = True", True),
        ("code_t5.packing.train_dataset.mixture_or_task_name = 'a'", True),
        ("run.learning_rate_schedule = 0.1", False), ("AdafactorOptimizer.decay_rate = 0.5", False),
        ("run.batch_size = ('tokens_per_batch', 7)", False), ("transformer.make_layer_stack.num_layers = 2", False),
        ("code_t5.train_code_model.seed = 3", False), ("run.train_steps = 8", False),
    ],
)  # fmt: skip
def test_what_decides_the_examples(line, counts):
    assert len(determined(line)["examples"]) == counts
