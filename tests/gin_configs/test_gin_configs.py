"""Each gin file, parsed as t5's entry point does: mesh_tensorflow's defaults, then the search path, in its order."""

import pathlib
import types

import gin
import mesh_tensorflow
import pytest
import t5
from t5.models import mesh_transformer

import code_t5  # noqa: F401 (registers configurables and Tasks)
from code_t5.data import packing
from preprocessing.contract import EOS_ID
from tests.code_t5.data.packed import documents_dataset, pieces_of

ROOT = pathlib.Path(__file__).parents[2]
OURS = ROOT / "gin_configs"
T5S = pathlib.Path(t5.__file__).parent / "models" / "gin"
MODELS = sorted(path.name for path in (OURS / "models").glob("*.gin"))
SIZES = {
    # name: d_model, num_layers, d_ff, num_heads, d_kv; all but tiny are those of T5 (table 1 and section 3.7 of
    # https://arxiv.org/abs/1910.10683)
    "tiny": (256, 4, 1024, 4, 64),
    "small": (512, 6, 2048, 8, 64),
    "base": (768, 12, 3072, 12, 64),
    "large": (1024, 24, 4096, 16, 64),
    "3b": (1024, 24, 16384, 32, 128),
}


@pytest.fixture(autouse=True)
def _clean_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def parse(*files: str, params: tuple[str, ...] = ("MIXTURE_NAME = 'fl_py_dev'",)) -> None:
    gin.config._FILE_READERS  # noqa: B018 (the search path lives beside it, module-wide)
    gin.config._LOCATION_PREFIXES[:] = ["", str(T5S), f"{OURS}/"]
    defaults = pathlib.Path(mesh_tensorflow.__file__).parent / "transformer" / "gin" / "defaults.gin"
    gin.parse_config_file(str(defaults))
    gin.parse_config_files_and_bindings(
        list(files), list(params), skip_unknown=mesh_transformer.DEPRECATED_GIN_REFERENCES, finalize_config=False
    )
    gin.bind_parameter("run.vocabulary", mesh_transformer.get_vocabulary())
    gin.finalize()


def value(name: str):
    """What a parameter is bound to, macros followed."""
    bound = gin.query_parameter(name)
    return bound.scoped_configurable_fn() if isinstance(bound, gin.config.ConfigurableReference) else bound


def test_no_file_of_ours_is_shadowed_by_one_of_t5s():
    for path in OURS.rglob("*.gin"):
        assert not (T5S / path.relative_to(OURS)).exists(), f"{path} would never be read: t5's is found first"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "extra", [(), ("hardware/gpu_8.gin",), ("sizes/tiny.gin", "hardware/cpu.gin", "runs/demo.gin")]
)
def test_models_parse(model, extra):
    parse(f"models/{model}", *extra)


@pytest.mark.parametrize("layer", sorted(p.relative_to(OURS).as_posix() for p in OURS.rglob("*.gin")))
def test_every_file_parses_after_a_model(layer):
    params = ("MIXTURE_NAME = 'fl_py_dev'", *(["INIT_CHECKPOINT = 'x/model.ckpt-1'"] if "finetune" in layer else []))
    parse("models/shared-prefix_lm.gin", layer, params=params)


@pytest.mark.parametrize("mode", ["eval.gin", "perplexity_eval.gin", "infer.gin", "score_eval.gin"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("decode", ["greedy_decode.gin", "beam_search.gin", "sample_decode.gin"])
def test_t5s_modes_parse_after_our_models_and_cpu_tames_their_batch(model, mode, decode):
    parse(f"models/{model}", mode, decode, "hardware/cpu.gin")
    assert value("utils.run.batch_size") == ("tokens_per_batch", 2048)
    assert value("utils.run.mode") == mode.removesuffix(".gin").replace("infer", "infer")


def test_a_model_without_a_mixture_name_is_refused():
    with pytest.raises(ValueError, match="MIXTURE_NAME is not set"):
        parse("models/shared-prefix_lm.gin", params=())


def test_an_unknown_mixture_name_is_refused_with_those_that_are_alike():
    with pytest.raises(ValueError, match=r"no Task or Mixture is named 'fl_py_dv'. Did you mean fl_py_dev"):
        parse("models/shared-prefix_lm.gin", params=("MIXTURE_NAME = 'fl_py_dv'",))


@pytest.mark.parametrize("size", SIZES)
def test_sizes_are_five_numbers_and_reach_the_model(size):
    parse("models/shared-prefix_lm.gin", f"sizes/{size}.gin")
    names = (
        "Unitransformer.d_model", "make_layer_stack.num_layers", "DenseReluDense.hidden_size",
        "SelfAttention.num_heads", "SelfAttention.key_value_size",
    )  # fmt: skip
    assert tuple(value(name) for name in names) == SIZES[size]
    lines = (OURS / "sizes" / f"{size}.gin").read_text().splitlines()
    assert sum("=" in line and not line.startswith("#") for line in lines) == 5


def test_a_shallow_decoder_keeps_the_encoder_deep():
    parse("models/prefix_lm.gin", "sizes/base_shallow_decoder.gin")
    assert value("make_layer_stack.num_layers") == 12, "of the encoder"
    assert value("decoder/make_layer_stack.num_layers") == 2
    assert value("Unitransformer.d_model") == 768


def test_defaults_are_those_that_the_documentation_promises():
    parse("models/shared-prefix_lm.gin")
    assert value("make_layer_stack.num_layers") == 6
    assert value("utils.run.sequence_length") == {"inputs": 512, "targets": 512}
    assert value("utils.run.batch_size") == ("tokens_per_batch", 8192)
    assert value("serialize_num_microbatches.tokens_per_microbatch_per_replica") == 2048
    assert value("dropout_rate/gin.macro.value") == 0.0
    assert value("utils.run.dataset_split") == "train"


def test_command_line_parameters_win():
    params = (
        "MIXTURE_NAME = 'fl_py_dev'", "split = 'validation'", "run.train_steps = 7", "run.keep_checkpoint_max = 8",
        "utils.run.mesh_shape = 'model:1,batch:1'", "utils.run.mesh_devices = ['gpu:0']",
        "mesh_train_dataset_fn.use_cached = True", "mesh_eval_dataset_fn.use_cached = True",
        "utils.tpu_mesh_shape.model_parallelism = 2", "utils.tpu_mesh_shape.tpu_topology = 'v3-8'",
    )  # fmt: skip
    parse("models/shared-prefix_lm.gin", params=params)
    assert value("utils.run.dataset_split") == "validation"
    assert value("utils.run.train_steps") == 7
    assert value("utils.run.keep_checkpoint_max") == 8
    assert value("mesh_train_dataset_fn.use_cached") is True


def packed(*files: str, inputs: int = 13, targets: int = 9) -> list[dict]:
    """Two documents of tokens that count up, packed as the configuration says."""
    parse(*files)
    assert gin.query_parameter("utils.run.train_dataset_fn").selector.endswith("packing.train_dataset")
    chosen = gin.query_parameter("code_t5.packing.train_dataset.objective").configurable.wrapper
    objective = chosen({"inputs": inputs, "targets": targets}, types.SimpleNamespace(vocab_size=1000))
    documents = documents_dataset([[*range(100, 150), EOS_ID], [*range(200, 300), EOS_ID]])
    return list(packing.pack_documents(documents, objective, seed=0, shuffle=False).as_numpy_iterator())


@pytest.mark.parametrize("model", MODELS)
def test_the_objective_through_the_config_reads_the_prefix_and_writes_what_follows(model):
    examples = packed(f"models/{model}")
    assert len(examples) >= 5
    for example in examples:
        targets = pieces_of(example, "targets")
        if model == "causal_lm.gin":
            assert "inputs" not in example
            continue
        for prefix, target in zip(pieces_of(example, "inputs"), targets, strict=True):
            assert (prefix[-1] == EOS_ID) is (model == "lm.gin")
            prefix, target = ([t for t in part if t != EOS_ID] for part in (prefix, target))
            assert not target or max(prefix) + 1 == min(target)


def test_span_corruption_through_the_config_leaves_a_sentinel_where_it_took_something():
    (example, *_) = packed("models/prefix_lm.gin", "objectives/code_span_corruption.gin")
    assert pieces_of(example, "inputs")[0].count(999) == pieces_of(example, "targets")[0].count(999) == 1
    assert pieces_of(example, "targets")[0][0] == 999


def test_t5s_own_objective_with_its_own_pipeline_can_be_asked_for():
    parse("models/shared-prefix_lm.gin", "objectives/stock_prefix_lm.gin")
    chosen = gin.query_parameter("preprocessors.unsupervised.preprocessors")
    assert [reference.selector.rsplit(".", 1)[-1] for reference in chosen] == [
        "select_random_chunk", "split_tokens_to_inputs_length", "denoise",
    ]  # fmt: skip
    assert gin.query_parameter("utils.run.train_dataset_fn").selector.endswith("mesh_train_dataset_fn")


def test_no_configurable_of_ours_bears_a_name_of_theirs():
    registry = gin.config._REGISTRY
    ours = [selector for selector in registry._selector_map if selector.startswith("code_t5.")]
    expected = {"delimiter", "vocabulary", "train_code_model", "packed_prefix_lm", "pieces", "infilling", "context"}
    assert {f"code_t5.{name}" for name in expected} <= set(ours)
    for selector in ours:
        assert registry.matching_selectors(selector.rsplit(".", 1)[-1]) == [selector]
