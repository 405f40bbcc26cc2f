import pathlib

import pytest

from pipeline import experiment
from pipeline.environments import Environment
from pipeline.experiment import ExperimentError, gin_params
from pipeline.stages import ARGUMENTS, STAGES

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def read(tmp_path):
    """Reads an experiment file of the given text, and others beside it by their names."""

    def reads(text: str, name: str = "mine.yaml", **others: str) -> list[experiment.Experiment]:
        for stem, other in others.items():
            (tmp_path / f"{stem}.yaml").write_text(other)
        (tmp_path / name).write_text(text)
        return experiment.read(tmp_path / name, ARGUMENTS)

    return reads


def test_a_file_without_a_grid_is_one_experiment(read):
    (one,) = read(
        "Vocabulary: {vocab_size: 4000}\nCachedExamples:\nTrainedModel:\n  gin_params: {run.train_steps: 7}\n"
    )
    assert one.name == "mine"
    assert one.sections == {
        "Vocabulary": {"vocab_size": 4000}, "CachedExamples": {}, "TrainedModel": {"gin_params": {"run.train_steps": 7}}
    }  # fmt: skip
    assert one.places == {}


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.e-3", "1.0e-3", "+.1e-2", "0.001"])
def test_numbers_with_an_exponent_are_numbers(read, text):
    (one,) = read(f"TrainedModel: {{gin_params: {{rate: {text}, name: '1e-3', other: 1e-3x}}}}")
    assert one.sections["TrainedModel"]["gin_params"] == {"rate": 0.001, "name": "1e-3", "other": "1e-3x"}


def test_what_the_base_has_and_is_not_said_here_stands_here_too(read):
    base = (
        "base: first.yaml\nDocuments: {max_bytes: 5, split_salt: a}\n"
        "TrainedModel: {gin_files: [a.gin, b.gin], gin_params: {x: 1, y: 2}}\n"
    )
    text = "base: second.yaml\nDocuments: {max_bytes: 6}\nTrainedModel: {gin_files: [c.gin], gin_params: {y: 3}}\n"
    (one,) = read(text, first="Vocabulary: {seed: 1}\nDocuments: {max_bytes: 4, near_ngram: 9}\n", second=base)
    assert one.name == "mine"
    assert one.sections == {
        "Vocabulary": {"seed": 1},
        "Documents": {"max_bytes": 6, "split_salt": "a", "near_ngram": 9},
        "TrainedModel": {"gin_files": ["c.gin"], "gin_params": {"x": 1, "y": 3}},
    }


def test_a_base_stands_beside_the_file_that_names_it(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "mine.yaml").write_text("base: ../base.yaml")
    (tmp_path / "base.yaml").write_text("Vocabulary: {seed: 1}")
    (one,) = experiment.read(tmp_path / "inner" / "mine.yaml", ARGUMENTS)
    assert one.sections == {"Vocabulary": {"seed": 1}}


def test_a_grid_is_each_combination_of_its_lists(read):
    found = read(
        "Vocabulary: {vocab_size: 1, seed: 5}\nTrainedModel: {gin_params: {run.train_steps: 1, keep: me}}\n"
        "grid:\n  Vocabulary.vocab_size: [4000, 8000]\n  TrainedModel.gin_params.run.train_steps: [10, 20, 1e-3]\n"
        "  Predictions.number: [7]\n"
    )
    assert [one.name for one in found] == [
        f"mine vocab_size={size} train_steps={steps} number=7" for size in (4000, 8000) for steps in (10, 20, 0.001)
    ]
    assert found[3].sections == {
        "Vocabulary": {"vocab_size": 8000, "seed": 5},
        "TrainedModel": {"gin_params": {"run.train_steps": 10, "keep": "me"}},
        "Predictions": {"number": 7},
    }


def test_a_grid_of_lists_and_of_long_values_has_a_name_each(read):
    files = "[models/shared-prefix_lm.gin, sizes/tiny.gin, hardware/cpu.gin, runs/{}.gin]"
    found = read(f"grid: {{TrainedModel.gin_files: [{files.format('one')}, {files.format('two')}, [a/b.gin]]}}")
    names = [one.name for one in found]
    assert names[2] == "mine gin_files=a_b.gin"
    assert len(set(names)) == 3
    assert all(name.startswith("mine gin_files=models_shared-prefix_lm.gin_sizes") for name in names[:2])
    assert [len(name) for name in names[:2]] == [len("mine gin_files=") + 40] * 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Vocabulry: {seed: 1}", "mine.yaml: Vocabulry is no stage; there are FlccTree, DevTree, Documents, "),
        ("Vocabulary: {size: 1}", "mine.yaml: Vocabulary has no argument size; it takes vocab_size, sample_mb, check"),
        ("CachedExamples: {a: 1}", "CachedExamples has no argument a; it takes none"),
        ("Vocabulary: 4000", "Vocabulary is 4000, not a mapping"),
        ("grid: {Vocabulary: [1]}", "grid: Vocabulary is no place, as Vocabulary.vocab_size is"),
        ("grid: {Vocab.seed: [1]}", "grid: Vocab.seed is no place"),
        ("grid: {Vocabulary.size: [1]}", "Vocabulary has no argument size; it takes vocab_size"),
        ("grid: {Vocabulary.seed: 1}", "grid: Vocabulary.seed is 1, not a list of values"),
        ("grid: {Vocabulary.seed: []}", r"grid: Vocabulary.seed is \[\], not a list of values"),
        ("grid: {Vocabulary.seed: [1, 2, 1]}", "grid: two experiments would be called 'mine seed=1'"),
        ("grid: {Vocabulary.seed.x: [1]}", "Vocabulary: seed is {'x': 1}; it must be no mapping"),
        ("TrainedModel: {gin_files: a.gin}", "TrainedModel: gin_files is 'a.gin'; it must be a list"),
        ("FlccTree: {source: here}", "FlccTree: source is 'here'; it must be a list"),
        ("TrainedModel: {gin_params: [a]}", r"TrainedModel: gin_params is \['a'\]; it must be a mapping"),
        (
            "Vocabulary: {seed: 1}\nVocabulary: {seed: 2}",
            'Vocabulary stands there twice\n  in ".*mine.yaml", line 2, col',
        ),
        ("Vocabulary: {seed: 1, seed: 1}", "seed stands there twice"),
        ("TrainedModel: {gin_params: {a.b: 1, 'a.b': 2}}", "a.b stands there twice"),
        ("Vocabulary: [", "mine.yaml is no YAML: "),
        ("", "mine.yaml has no sections: expected a mapping from stages to arguments"),
        ("- Vocabulary", "mine.yaml has no sections"),
        ("base: mine.yaml", "mine.yaml is its own base"),
        ("base: nowhere.yaml", "nowhere.yaml cannot be read: No such file or directory"),
        ("places: {Vocab: {host: a}}", "places: Vocab is no stage; there are FlccTree"),
        ("places: {Vocabulary: gpu1}", "places: Vocabulary is 'gpu1'; expected {host: NAME, environment: NAME}"),
        ("places: {Vocabulary: {machine: a}}", "places: Vocabulary has machine: there are host, hosts and environment"),
        ("places: {Samples: {hosts: a}}", "places: Samples: hosts is 'a'; expected a list of different names"),
        ("places: {Samples: {hosts: []}}", r"hosts is \[\]; expected a list of different names"),
        ("places: {Samples: {hosts: [a, a]}}", "expected a list of different names"),
        ("places: {Samples: {hosts: [a]}}", "places: Samples: no host is called a; there are none"),
        ("places: {Vocabulary: {host: a}}", "places: Vocabulary: no host is called a; there are none"),
        (
            "environments: {new: {python: p}}\nplaces: {Vocabulary: {environment: old}}",
            "places: Vocabulary: no environment is called old; there are new",
        ),
        ("environments: {new: {lock: l}}", "environments: new is {'lock': 'l'}; expected {python: INTERPRETER, "),
        ("hosts: nowhere.yaml", "hosts and environments: .*nowhere.yaml"),
    ],
)
def test_what_there_is_not_is_named_with_what_there_is(read, text, words):
    with pytest.raises(ExperimentError, match=words):
        read(text)


def test_a_circle_of_bases_is_told(read):
    with pytest.raises(ExperimentError, match="is its own base"):
        read("base: other.yaml", other="base: mine.yaml")


def test_places_are_hosts_and_environments(read, tmp_path):
    (tmp_path / "hosts.yaml").write_text("hosts: {gpu1: {address: 10.0.0.5}}")
    (one,) = read(
        f"hosts: {tmp_path}/hosts.yaml\nenvironments: {{new: {{python: /usr/bin/python3, lock: new.lock}}}}\n"
        "places: {TrainedModel: {host: gpu1}, Documents: {environment: new}, Samples: {hosts: [gpu1]}}\n"
    )
    assert set(one.places) == {"TrainedModel", "Documents", "Samples"}
    assert [host.address for host in one.places["Samples"].hosts] == ["10.0.0.5"]
    assert [str(place) for place in one.places.values()] == ["gpu1", "here", "gpu1"]
    assert one.places["TrainedModel"].host.address == "10.0.0.5"
    assert one.places["TrainedModel"].environment is None
    assert one.places["Documents"] == experiment.Place(
        environment=Environment("new", pathlib.Path("/usr/bin/python3"), pathlib.Path("new.lock"))
    )


def test_a_host_has_an_interpreter_of_its_own(read, tmp_path):
    (tmp_path / "hosts.yaml").write_text("hosts: {gpu1: {address: 10.0.0.5}}")
    text = f"hosts: {tmp_path}/hosts.yaml\nenvironments: {{new: {{python: p}}}}\n"
    with pytest.raises(ExperimentError, match="TrainedModel has host and environment: it takes one of them"):
        read(text + "places: {TrainedModel: {host: gpu1, environment: new}}")


def test_bindings_are_quoted_as_gin_wants_them():
    values = {"a": "text", "b": "it's", "c": "@f()", "d": "%M", "e": 1e-3, "f": True, "g": {"inputs": 64}, "h": ["x"]}
    assert gin_params(values) == [
        "a = 'text'", 'b = "it\'s"', "c = @f()", "d = %M", "e = 0.001", "f = True", "g = {'inputs': 64}", "h = ['x']"
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.yaml")), ids=lambda path: path.name)
def test_the_experiments_of_the_repository_point_at_what_is_there(path):
    for one in experiment.read(path, ARGUMENTS):
        assert set(one.sections) <= set(STAGES)
        for name in one.sections["TrainedModel"]["gin_files"]:
            assert (ROOT / "gin_configs" / name).is_file()
