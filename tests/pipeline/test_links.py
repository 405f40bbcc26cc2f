"""Steady names of an experiment's results."""

import pathlib

from pipeline import links, plan, stages
from pipeline.experiment import Experiment


def planned(results: pathlib.Path, size: int) -> dict[str, plan.Planned]:
    source = results.parent / "source"
    source.mkdir(exist_ok=True)
    (source / "a.py").touch()
    sections = {"FlccTree": {"source": [str(source)]}, "Vocabulary": {"vocab_size": size}}
    return plan.plan(Experiment("small", sections, {}), stages.STAGES, results, until="Vocabulary")


def test_names_lead_to_the_last_results(tmp_path):
    results = tmp_path / "results"
    first, second = planned(results, 1000), planned(results, 2000)
    for one in (*first.values(), *second.values()):
        one.path.mkdir(parents=True, exist_ok=True)
    assert links.update(results, "small", first) == []
    folder = links.place(results, "small")
    assert folder == tmp_path / "small"
    assert (folder / "vocabulary").resolve() == first["Vocabulary"].path
    links.update(results, "small", second)
    assert (folder / "vocabulary").resolve() == second["Vocabulary"].path
    assert sorted(path.name for path in folder.iterdir()) == ["documents", "flcc", "vocabulary"]
    assert not (folder / "vocabulary").readlink().is_absolute(), "a folder that is moved as a whole still works"


def test_what_is_not_there_has_no_name_and_what_is_no_link_stays(tmp_path):
    results = tmp_path / "results"
    wanted = planned(results, 1000)
    wanted["Vocabulary"].path.mkdir(parents=True)
    own = tmp_path / "small" / "vocabulary"
    own.mkdir(parents=True)
    [said] = links.update(results, "small", wanted)
    assert said == f"{own} is no link and stays; {wanted['Vocabulary'].name} is {wanted['Vocabulary'].path}"
    assert [path.name for path in own.parent.iterdir()] == ["vocabulary"]


def test_each_stage_has_a_name_of_its_own():
    assert list(links.NAMES) == list(stages.STAGES)
    assert len(set(links.NAMES.values())) == len(links.NAMES)


def test_experiments_of_a_grid_have_folders_without_blanks(tmp_path):
    assert links.place(tmp_path / "results", "demo vocab_size=8000") == tmp_path / "demo_vocab_size=8000"
