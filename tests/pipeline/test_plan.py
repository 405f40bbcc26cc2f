"""Digests of results that nobody has made: what changes which of them. A new gin configuration takes about 15 s."""

import os
import pathlib
import shutil

import pytest

from pipeline import experiment
from pipeline.experiment import ExperimentError
from pipeline.gin_digest import GinError
from pipeline.plan import Planned, flags, plan
from pipeline.stages import ARGUMENTS, STAGES
from tests.flcc_tree import write_flcc

ROOT = pathlib.Path(__file__).parents[2]
DATA = ("FlccTree", "DevTree", "Documents", "Vocabulary", "TrainingDataset")
MODEL = ("TrainedModel", "Predictions", "ExportedModel", "Evaluation", "Report")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    """Sources, and the results' folder that keeps what gin said."""
    found = tmp_path_factory.mktemp("plan")
    for name in ("one", "two"):
        (found / "source" / name).mkdir(parents=True)
        (found / "source" / name / "a.py").write_text(f"{name} = 1\n")
    return found


@pytest.fixture
def planned(folder, monkeypatch):
    """Plans the experiments of a text; `SOURCE` in it is a folder of two files."""
    monkeypatch.chdir(ROOT)

    def plans(text: str, *, until: str | None = "TrainingDataset", name: str = "mine") -> list[dict[str, Planned]]:
        path = folder / f"{name}.yaml"
        path.write_text(text.replace("SOURCE", str(folder / "source")))
        found = experiment.read(path, ARGUMENTS)
        return [plan(one, STAGES, folder / "results", until=until) for one in found]

    return plans


def text(**sections: str) -> str:
    """An experiment of all that comes before the model, and the sections given."""
    of = {"FlccTree": "{source: [SOURCE]}", "DevTree": "{share: 0.5, seed: 1}", "TrainedModel": TRAINED}
    return "\n".join(f"{name}: {value}" for name, value in (of | sections).items())


def trained(*, files: str = "models/shared-prefix_lm.gin, sizes/tiny.gin, hardware/cpu.gin", params: str = "") -> str:
    return f"{{gin_files: [{files}], gin_params: {{MIXTURE_NAME: fl_py_dev, {params}}}}}"


TRAINED = trained(params="learning_rate_schedule_noam.multiplier: 1e-3")


def changed(one: dict[str, Planned], other: dict[str, Planned]) -> set[str]:
    """The stages whose results are not the same."""
    assert set(one) == set(other)
    return {name for name in one if (one[name].digest, one[name].path) != (other[name].digest, other[name].path)}


def test_where_a_result_will_be_and_how_it_is_made(planned, folder):
    (one,) = planned(text(Vocabulary="{vocab_size: 4000}"))
    vocabulary = one["Vocabulary"]
    assert list(one) == list(DATA)
    assert vocabulary.path == folder / "results" / "Vocabulary" / vocabulary.digest
    assert vocabulary.words == (
        "-m", "preprocessing.vocabulary", f"--documents={one['Documents'].path}", "--vocab_size=4000",
        f"--output_dir={vocabulary.path}.incomplete",
    )  # fmt: skip
    assert vocabulary.record["parameters"] == {"vocab_size": 4000}
    assert vocabulary.record["requires"] == {"Documents": one["Documents"].digest}
    assert not vocabulary.is_there()
    assert vocabulary.experiment == "mine"


def test_the_same_again_is_the_same(planned):
    assert changed(*planned(text()), *planned(text())) == set()


@pytest.mark.parametrize(
    ("sections", "stages"),
    [
        ({"Documents": "{workers: 3}"}, set()),
        ({"Documents": "{max_bytes: }"}, set()),
        ({"Vocabulary": "{vocab_size: 4000}"}, {"Vocabulary", "TrainingDataset"}),
        ({"TrainingDataset": "{related_kb: 4}"}, {"TrainingDataset"}),
        ({"Documents": "{near_jaccard: 0.8}"}, {"Documents", "Vocabulary", "TrainingDataset"}),
        ({"DevTree": "{share: 0.5, seed: 2}"}, {"DevTree", "Documents", "Vocabulary", "TrainingDataset"}),
        ({"FlccTree": "{source: [SOURCE/one]}"}, set(DATA)),
        # What a flag of 0 says is not what no flag says.
        ({"Documents": "{validation_permille: 0}"}, {"Documents", "Vocabulary", "TrainingDataset"}),
        ({"Vocabulary": "{seed: 0}"}, {"Vocabulary", "TrainingDataset"}),
    ],
)
def test_an_argument_changes_its_stage_and_all_after_it(planned, sections, stages):
    assert changed(*planned(text()), *planned(text(**sections))) == stages


def test_comments_order_and_ways_to_write_change_nothing(planned):
    plain = "FlccTree: {source: [SOURCE]}\nDocuments: {near_jaccard: 0.001, max_bytes: 5}\nVocabulary: {seed: 3}\n"
    other = (
        "# why\nVocabulary:\n  seed: 3  # because\nDocuments: {max_bytes: 5, near_jaccard: 1e-3}\n"
        "FlccTree:\n  source:\n  - 'SOURCE'\n"
    )
    assert changed(*planned(plain), *planned(other, name="other")) == set()


def test_a_changed_source_file_changes_all(planned, folder):
    (before,) = planned(text())
    path = folder / "source" / "one" / "a.py"
    kept, times = path.read_text(), path.stat()
    path.write_text("longer = 12345\n")
    assert changed(before, *planned(text())) == set(DATA)
    path.write_text(kept)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert changed(before, *planned(text())) == set()


def test_no_two_stages_and_no_two_versions_share_a_digest(planned, folder, monkeypatch):
    (before,) = planned(text())
    assert len({one.digest for one in before.values()}) == len(DATA)
    newer = STAGES | {"Vocabulary": type(STAGES["Vocabulary"])(**{**vars(STAGES["Vocabulary"]), "version": 2})}
    (one,) = experiment.read(folder / "mine.yaml", ARGUMENTS)
    now = plan(one, newer, folder / "results", until="TrainingDataset")
    assert changed(before, now) == {"Vocabulary", "TrainingDataset"}


def test_what_is_in_own_files_counts_and_not_where_they_are(planned, folder):
    (before,) = planned(text())
    shutil.copytree(folder / "source", folder / "elsewhere" / "source")  # with their times
    (moved,) = planned(text(FlccTree=f"{{source: [{folder}/elsewhere/source]}}"))
    assert changed(before, moved) == set()
    assert before["FlccTree"].words != moved["FlccTree"].words
    (relative,) = planned(text(FlccTree=f"{{source: [{os.path.relpath(folder / 'source', ROOT)}]}}"))
    assert changed(before, relative) == set()


def test_own_files_are_among_what_a_command_reads(planned, folder):
    rows = folder / "rows.jsonl"
    rows.write_text("{}\n")
    (one,) = planned(text(Documents=f"{{benchmarks: [{rows}]}}"))
    assert one["FlccTree"].inputs == (folder / "source",)
    assert one["Documents"].inputs == (one["FlccTree"].path, one["DevTree"].path, rows)
    assert one["Documents"].words[-3:-1] == ("--benchmarks", str(rows))
    rows.write_text("{ }\n")
    assert changed(one, *planned(text(Documents=f"{{benchmarks: [{rows}]}}"))) == set(DATA[2:])


def test_installed_packages_count_by_their_versions_and_are_those_of_here(planned, folder):
    (one,) = planned("FlccTree: {installed_packages: true}", until="FlccTree")
    assert one["FlccTree"].parameters["packages"]["pytest"] == pytest.__version__
    elsewhere = "environments: {new: {python: /bin/sh}}\nplaces: {FlccTree: {environment: new}}"
    with pytest.raises(ExperimentError, match="the packages that are installed are those of here"):
        planned(f"FlccTree: {{installed_packages: true}}\n{elsewhere}", until="FlccTree")


def test_a_grid_shares_what_is_common(planned):
    one, two = planned(text() + "\ngrid: {Vocabulary.vocab_size: [4000, 8000]}")
    assert changed(one, two) == {"Vocabulary", "TrainingDataset"}
    (alone,) = planned(text(Vocabulary="{vocab_size: 8000}"), name="alone")
    assert changed(two, alone) == set()


@pytest.mark.parametrize(
    ("until", "stages"),
    [("FlccTree", DATA[:1]), ("Documents", DATA[:3]), ("Vocabulary", DATA[:4]), ("TrainingDataset", DATA)],
)
def test_until_makes_a_stage_and_what_it_is_made_from(planned, until, stages):
    (one,) = planned(text(TrainedModel="{}"), until=until)
    assert tuple(one) == stages


def test_a_stage_of_no_section_is_not_made_where_it_may_be_left_out(planned, folder):
    write_flcc(folder / "tree", {"ann/tool": {"a.py": "x = 1\n"}})
    (one,) = planned(f"Documents: {{input_dir: {folder}/tree}}", until="Vocabulary")
    assert list(one) == ["Documents", "Vocabulary"]
    assert f"--input_dir={folder}/tree" in one["Documents"].words


@pytest.mark.parametrize(
    ("wrong", "until", "words"),
    [
        ("Vocabulary: {}", "Vocabulary", "mine: there is no source code: give a section FlccTree or DevTree, or Docu"),
        ("FlccTree: {}", "FlccTree", r"mine: FlccTree needs `source: \[DIR, ...\]` or `installed_packages: true`"),
        ("FlccTree: {source: [SOURCE], installed_packages: true}", "FlccTree", "FlccTree needs `source"),
        (
            "FlccTree: {source: [SOURCE/..]}",
            "FlccTree",
            "the results are in .*, which is to be read: it would be another",
        ),
        ("FlccTree: {source: [SOURCE/none]}", "FlccTree", "source/none is not there"),
        ("FlccTree: {source: [SOURCE]}\nDocuments: {input_dir: SOURCE}", "Documents", "an input_dir beside the tree"),
        ("FlccTree: {source: [SOURCE]}", "DevTree", "mine has no stage DevTree; it has FlccTree, Documents, Vocabula"),
        ("FlccTree: {source: [SOURCE]}", None, r"mine: TrainedModel needs gin_files, as \[models/"),
    ],
)
def test_what_is_missing_is_told(planned, wrong, until, words):
    with pytest.raises(ExperimentError, match=words):
        planned(wrong, until=until)


def test_flags_as_argparse_takes_them():
    given = {"a": 1, "b": ["x", "y"], "c": True, "d": False, "e": None, "f": 0, "g": "two words"}
    assert flags(given, [*given, "h"]) == ["--a=1", "--b", "x", "y", "--c", "--f=0", "--g=two words"]


def test_gin_files_are_parsed_in_the_environment_of_the_model(planned, folder):
    python = folder / "python"
    python.write_text("#!/bin/sh\necho here >&2\nexit 1\n")
    python.chmod(0o755)
    there = f"environments: {{new: {{python: {python}}}}}\nplaces: {{TrainedModel: {{environment: new}}}}"
    with pytest.raises(GinError, match="here"):
        planned(f"{text()}\n{there}", until="TrainedModel")


@pytest.mark.slow
def test_what_gin_says_changes_the_model_and_all_after_it_and_nothing_before(planned, folder):
    more = {"Predictions": "{sets: [a]}"}
    (before,) = planned(text(**more), until=None)
    assert tuple(before) == DATA + MODEL
    assert before["TrainedModel"].parameters["bindings"]["learning_rate_schedule_noam.multiplier"] == "0.001"

    # Another order, another layer, comments, another way to write a value, where and how it runs.
    layer = folder / "mine.gin"
    layer.write_text("# why\nRATE = 1e-3\nlearning_rate_schedule_noam.multiplier = %RATE  # because\n")
    files = f"models/shared-prefix_lm.gin, sizes/tiny.gin, hardware/cpu.gin, {layer}"
    (cosmetic,) = planned(
        text(TrainedModel=trained(files=files, params="run.save_checkpoints_steps: 3"), **more), until=None
    )
    assert changed(before, cosmetic) == set()
    assert before["TrainedModel"].words != cosmetic["TrainedModel"].words

    rate = trained(params="learning_rate_schedule_noam.multiplier: 2e-3")
    (faster,) = planned(text(TrainedModel=rate, **more), until=None)
    assert changed(before, faster) == set(MODEL)

    # A value of the architecture, and the Task's examples kept: they are not the model's alone.
    both = text(CachedExamples="", TrainedModel=TRAINED.replace("MIXTURE", "num_layers: 3, MIXTURE"))
    (wider,) = planned(both, until="TrainedModel")
    assert wider["TrainedModel"].digest != before["TrainedModel"].digest
    assert wider["TrainedModel"].requires["CachedExamples"] is wider["CachedExamples"]
    assert f"--additional_task_cache_dirs={wider['CachedExamples'].path}" in wider["TrainedModel"].words
    assert wider["CachedExamples"].parameters == {"task": "fl_py_dev"}
    (cached,) = planned(both, until="CachedExamples")
    assert cached["CachedExamples"].digest == wider["CachedExamples"].digest


@pytest.mark.slow
def test_a_gin_file_of_ones_own_is_sent_to_a_host_and_what_it_includes_is_not(planned, folder):
    (folder / "hosts.yaml").write_text("hosts: {a: {address: 10.0.0.5}}")
    layer = folder / "mine.gin"
    layer.write_text("num_layers = 3\n")
    files = f"models/shared-prefix_lm.gin, sizes/tiny.gin, {os.path.relpath(layer, ROOT)}"
    asked = text(TrainedModel=trained(files=files)) + f"\nhosts: {folder}/hosts.yaml\n"
    (there,) = planned(f"{asked}places: {{TrainedModel: {{host: a}}}}", until="TrainedModel")
    assert there["TrainedModel"].inputs[-1] == layer
    assert f"--gin_file={layer}" in there["TrainedModel"].words
    (folder / "inner.gin").write_text("num_layers = 2\n")
    layer.write_text(f"include '{folder}/inner.gin'\n")
    planned(asked, until="TrainedModel")
    with pytest.raises(ExperimentError, match="TrainedModel runs on a, which has no .*inner.gin"):
        planned(f"{asked}places: {{TrainedModel: {{host: a}}}}", until="TrainedModel")


@pytest.mark.slow
def test_samples_are_made_again_where_other_examples_are_asked_for(planned):
    def asked(params: str) -> dict:
        (found,) = planned(text(Samples="{shards: 8}", TrainedModel=trained(params=params)), until="TrainedModel")
        return found

    before = asked("SEED: 0")
    folder = before["Samples"].path
    assert before["TrainedModel"].words[-2] == f"--gin_param=code_t5.samples.folder = '{folder}'"
    rate = asked("SEED: 0, learning_rate_schedule_noam.multiplier: 2e-3, num_layers: 3")
    assert changed(before, rate) == {"TrainedModel"}
    assert changed(before, asked("SEED: 1")) == {"Samples", "TrainedModel"}
    assert changed(before, asked("SEED: 0, code_t5.pieces.max_extra: 2")) == {"Samples", "TrainedModel"}


def test_several_hosts_make_what_can_be_divided(planned, folder):
    (folder / "hosts.yaml").write_text("hosts: {a: {address: 10.0.0.5}}")
    with pytest.raises(ExperimentError, match="Vocabulary is made by one command: give `host`, not `hosts`"):
        planned(f"{text()}\nhosts: {folder}/hosts.yaml\nplaces: {{Vocabulary: {{hosts: [a]}}}}", until="Vocabulary")


@pytest.mark.slow
def test_a_gin_file_that_is_not_there_is_told(planned):
    with pytest.raises(GinError, match="no_such.gin"):
        planned(text(TrainedModel="{gin_files: [no_such.gin]}"), until="TrainedModel")
