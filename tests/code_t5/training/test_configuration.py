import gin
import pytest

from code_t5.training import configuration


@pytest.fixture(autouse=True)
def own_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def bindings(text: str) -> dict[str, str]:
    gin.clear_config()
    with gin.unlock_config():
        gin.parse_config("import t5.models.mesh_transformer\n" + text)
    return configuration.bindings()


LEARNING = "utils.run.batch_size = ('tokens_per_batch', 2048)\n"


def test_order_comments_and_macros_make_no_difference():
    plain = bindings(f"utils.run.sequence_length = {{'inputs': 1, 'targets': 2}}\n{LEARNING}")
    other = bindings(f"# why\nSIZE = {{'targets': 2, 'inputs': 1}}\n{LEARNING}run.sequence_length = %SIZE")
    assert plain == other
    assert plain["run.sequence_length"] == "{'inputs': 1, 'targets': 2}"


@pytest.mark.parametrize(
    "line",
    [
        "utils.run.train_steps = 7", "run.keep_checkpoint_max = 3", "utils.run.mesh_devices = ['cpu:0']",
        "code_t5.train_code_model.max_seconds = 5", "code_t5.Snapshots.every_seconds = 5",
        "code_t5.Validation.sets = ['a:b']",
    ],
)  # fmt: skip
def test_how_long_and_what_is_told_is_not_what_is_learnt(line):
    assert bindings(LEARNING + line) == bindings(LEARNING)


@pytest.mark.parametrize("line", ["code_t5.train_code_model.seed = 3", "code_t5.infilling.rate = 0.5"])
def test_what_is_learnt_counts(line):
    found = bindings(LEARNING + line)
    assert configuration.differences(bindings(LEARNING), found) == [
        f"{line.split(' = ')[0].removeprefix('code_t5.')} was not set, is {line.split(' = ')[1]}"
    ]


def test_differences_are_told_value_by_value():
    before, now = {"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"x": 2, "y": 2}, "c": 4}
    assert configuration.differences(before, now) == ["a: x was 1, is 2", "b was 3, is not set", "c was not set, is 4"]
    assert configuration.differences(before, before) == []
