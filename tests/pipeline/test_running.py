"""The command itself, on a small experiment up to the vocabulary: seconds."""

import re
import sys

import pytest

from pipeline import records
from tests.pipeline.small_pipeline import STAGES, Pipeline, lines


def test_made_found_and_told_why(pipeline):
    told = pipeline.run("--dry_run")
    assert (told.returncode, told.stderr) == (0, "")
    assert lines(told) == ["small:", *(f"  make   {name} D: was never made" for name in STAGES)]
    assert not pipeline.results.exists()

    first = pipeline.run()
    assert (first.returncode, first.stderr) == (0, "")
    assert lines(first) == [
        "[0 s] FlccTree D: source code in the layout of Full Line Code Completion",
        "[0 s] FlccTree D: made in 0 s",
        "[0 s] Documents D: files without duplicates, split by repository",
        "[0 s] Documents D: made in 0 s",
        "[0 s] Vocabulary D: the pieces of text that the model reads",
        "[0 s] Vocabulary D: made in 0 s",
        "",
        f"small: done; its results are in {pipeline.results.parent / 'small'}",
    ]
    made, digests = pipeline.made(), {one.stage: one.digest for one in pipeline.every()}
    assert sorted(made) == [f"{stage}/{digests[stage]}" for stage in sorted(STAGES)]
    vocabulary = pipeline.record("Vocabulary")
    assert vocabulary.requires == {"Documents": digests["Documents"]}
    assert (vocabulary.status, vocabulary.error, vocabulary.experiments) == ("finished", None, ["small"])
    assert vocabulary.command[1:3] == ["-m", "preprocessing.vocabulary"]
    assert records.moment(vocabulary.started) <= records.moment(vocabulary.ended)

    second = pipeline.run()
    assert lines(second) == [*(f"[0 s] {name} D: found" for name in STAGES), "", first.stdout.splitlines()[-1]]
    assert (pipeline.made(), pipeline.record("Vocabulary")) == (made, vocabulary)

    pipeline.ask(700)
    told = pipeline.run("--dry_run").stdout.splitlines()
    before, now = digests["Vocabulary"], told[3].split()[2].rstrip(":")
    assert told == [
        "small:",
        f"  found  FlccTree {digests['FlccTree']}",
        f"  found  Documents {digests['Documents']}",
        f"  make   Vocabulary {now}: Vocabulary {before} and {now}: vocab_size was 600, is 700",
    ]
    assert pipeline.run().returncode == 0
    assert set(pipeline.made()) == {*made, f"Vocabulary/{now}"}

    # A path alone says where the records are.
    one = pipeline.other("explain", pipeline.results / "Vocabulary" / now)
    assert one.stdout.splitlines()[-2:] == [
        f"Vocabulary {now}, version 1, from Documents {digests['Documents']}", "  vocab_size = 700",
    ]  # fmt: skip
    assert one.stdout.splitlines()[0] == f"FlccTree {digests['FlccTree']}, version 1"
    both = pipeline.other("explain", "--results", pipeline.results, before, f"Vocabulary/{now}")
    assert both.stdout == (
        f"Vocabulary {before} and {now} differ first in\nVocabulary {before} and {now}: vocab_size was 600, is 700\n"
    )
    none = pipeline.other("explain", "--results", pipeline.results, "abc/none")
    assert (none.returncode, none.stdout) == (1, "")
    assert none.stderr.startswith("error: no result is called 'abc/none'; the last ones:\n")


def test_a_failed_stage_says_why_and_begins_again(pipeline):
    pipeline.ask(10)
    for _ in range(2):
        done = pipeline.run()
        record = pipeline.record("Vocabulary")
        assert done.returncode == 1
        assert done.stderr == f"error: not made: Vocabulary {record.digest}\n"
        assert record.error["reason"].endswith("ended with status 1")
        assert record.error["last_lines"] == [record.error["last_lines"][-1]]
        assert record.error["last_lines"][-1].startswith("error: a vocabulary of 10 pieces has no room for merges")
        log = pipeline.results / "Vocabulary" / f"{record.digest}.log"
        assert f"its log is {log}, which ends:\n  {record.error['last_lines'][-1]}\n" in done.stdout
        assert record.status == "failed"
        # Its own words, of this attempt alone.
        assert len([line for line in log.read_text().splitlines() if line.startswith("error")]) == 1
    assert lines(pipeline.run("--dry_run"))[-1] == (
        f"  make   Vocabulary D: failed: {record.error['reason'].replace(pipeline.record('Documents').digest, 'D')}"
        "; begins again"
    )
    assert [one.status for one in pipeline.every()] == ["finished", "finished", "failed"]


def test_an_experiment_that_is_not_there_and_two_of_one_name(pipeline, tmp_path):
    done = pipeline.other("run", "--experiment", tmp_path / "none.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {tmp_path}/none.yaml cannot be read: No such file or directory\n"
    done = pipeline.other("run", "--experiment", pipeline.file, pipeline.file, "--until", "Vocabulary", "--dry_run")
    assert done.stderr == (
        f"error: {pipeline.file}: another experiment is called small, too: name the file otherwise\n"
    )


def test_a_damaged_record_is_told(pipeline):
    path = pipeline.results / "FlccTree" / (lines_digest(pipeline, "FlccTree") + ".json")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    for done in (pipeline.run("--dry_run"), pipeline.run()):
        assert done.returncode == 1
        assert f"{path} is not a record of a result" in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr


def lines_digest(pipeline: Pipeline, stage: str) -> str:
    return re.search(rf"{stage} ([0-9a-f]{{10}})", pipeline.run("--dry_run").stdout)[1]


@pytest.mark.slow
def test_a_removed_result_is_made_again_without_what_was_left_beside_it(pipeline):
    pipeline.run()
    made = pipeline.made()
    (path,) = (one for one in (pipeline.results / "Vocabulary").iterdir() if one.is_dir())
    files = sorted(one.name for one in path.iterdir())
    path.rename(path.with_name(f"{path.name}.incomplete"))
    path.with_name(f"{path.name}.incomplete").joinpath("left").touch()
    assert lines(pipeline.run("--dry_run"))[-1] == "  make   Vocabulary D: was removed; begins again"
    assert pipeline.run().returncode == 0
    assert pipeline.made() == made
    assert sorted(one.name for one in path.iterdir()) == files


@pytest.mark.slow
def test_a_stage_in_another_environment_makes_the_same_result(pipeline, tmp_path):
    before = pipeline.run("--dry_run").stdout
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$2" >> "{tmp_path}/starts"\nexec "{sys.executable}" "$@"\n')
    with pipeline.file.open("a") as file:
        file.write(f"environments: {{new: {{python: {python}}}}}\nplaces: {{Vocabulary: {{environment: new}}}}\n")
    assert pipeline.run("--dry_run").stdout == before
    assert pipeline.run().returncode == 1
    python.chmod(0o755)
    failed = pipeline.record("Vocabulary")
    assert (failed.error["reason"].split()[0], failed.environment) == (str(python), "new")
    assert "could not be started" in failed.error["reason"]
    assert pipeline.run().returncode == 0
    assert (tmp_path / "starts").read_text() == "preprocessing.vocabulary\n"
    assert [(one.stage, one.environment) for one in pipeline.every()][2:] == [("Vocabulary", "new")]


@pytest.mark.slow
def test_two_workers_make_a_grid(pipeline):
    pipeline.ask(600, 700)
    told = lines(pipeline.run("--dry_run", "--workers", "2"))
    assert told == [
        "small vocab_size=600:", *(f"  make   {name} D: was never made" for name in STAGES),
        "small vocab_size=700:", *(f"  shared {name} D: with small vocab_size=600" for name in STAGES[:2]),
        "  make   Vocabulary D: was never made",
    ]  # fmt: skip
    done = pipeline.run("--workers", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(one.stage for one in pipeline.every()) == ["Documents", "FlccTree", "Vocabulary", "Vocabulary"]
    both = ["small vocab_size=600", "small vocab_size=700"]
    assert pipeline.record("Documents").experiments == both
    assert sorted(one.experiments for one in pipeline.every() if one.stage == "Vocabulary") == [[one] for one in both]
