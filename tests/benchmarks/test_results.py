import dataclasses
import json

import pytest

from benchmarks import results
from benchmarks.results import Section, Target


def section(title: str, *, met: bool = True) -> Section:
    target = Target("at least 2 times", "1.50", met)
    return Section(title, f"About {title}.", ["what", "MB/s"], [["ours", "12.5"]], [target], {"runs": [1.5, 2.5]})


def test_columns_stand_under_each_other():
    assert results.markdown(["what", "s"], [["ours", "1.5"], ["a baseline", "12"]]) == [
        "| what       |   s |",
        "|:-----------|----:|",
        "| ours       | 1.5 |",
        "| a baseline |  12 |",
    ]


def test_a_missed_target_is_said():
    assert str(section("Speed")).splitlines() == [
        "## Speed",
        "",
        "About Speed.",
        "",
        "| what | MB/s |",
        "|:-----|-----:|",
        "| ours | 12.5 |",
        "",
        "- met: at least 2 times: 1.50",
    ]
    assert str(section("Speed", met=False)).splitlines()[-1] == "- MISSED: at least 2 times: 1.50"


def test_parts_are_kept_until_they_are_measured_again(tmp_path):
    target = tmp_path / "RESULTS.md"
    results.write({"a": section("First"), "b": section("Second")}, commit="aaa", cores=2, target=target)
    results.write({"b": section("Third")}, commit="bbb", cores=2, target=target)
    text = target.read_text()
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Results of the benchmarks",
        "## First",
        "## Third",
    ]
    assert "at commit aaa" in text
    assert "at commit bbb" in text
    kept = json.loads(target.with_suffix(".json").read_text())
    assert kept["parts"]["a"]["raw"] == {"runs": [1.5, 2.5]}
    assert kept["parts"]["b"]["targets"] == [{"what": "at least 2 times", "found": "1.50", "met": True}]


def test_each_part_names_the_machine_it_is_of(tmp_path):
    target = tmp_path / "RESULTS.md"
    results.write({"a": section("First")}, commit="aaa", cores=2, target=target)
    results.write({"b": section("Second")}, commit="aaa", cores=1, target=target)
    first, second = (line for line in target.read_text().splitlines() if line.startswith("Measured on"))
    assert " 2 of " in first
    assert " 1 of " in second


def test_a_table_made_again_from_the_same_figures_keeps_its_date(tmp_path):
    target = tmp_path / "RESULTS.md"
    first = results.Section("First", "", ["what", "s"], [["ours", "1.5"]], raw={"seconds": {1: 1.5}})
    results.write({"b": first}, commit="aaa", cores=2, target=target)
    results.write({"b": first, "a": section("Second")}, commit="bbb", cores=1, target=target)
    # The parts' order is that of their names, whenever they came.
    second, kept = target.read_text().split("## First")
    assert "at commit bbb" in second
    assert "at commit aaa" in kept
    assert " 2 of " in kept
    results.write({"b": dataclasses.replace(first, raw={"seconds": {1: 1.6}})}, commit="ccc", cores=1, target=target)
    assert "at commit ccc" in target.read_text().split("## First")[1]


def test_the_machine_is_named_without_a_path():
    found = results.machine(2)
    assert found["processor"]
    assert found["cores"].startswith("2 of ")
    assert found["memory_gb"] > 0.5
    assert set(found["libraries"]) == set(results.LIBRARIES)
    assert "/" not in json.dumps(found)


def test_the_commit_is_named():
    assert results.commit().removesuffix("+").isalnum() or results.commit() == "no commit"


@pytest.mark.parametrize("name", ["RESULTS.md", "RESULTS.json"])
def test_results_name_no_path_of_the_machine(name):
    file = results.RESULTS.with_name(name)
    if file.exists():
        text = file.read_text(encoding="utf-8")
        assert not any(word in text for word in ("/home/", "/root/", "/tmp/", "/work/", str(results.ROOT)))
