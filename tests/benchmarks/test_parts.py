from benchmarks import parts, results
from benchmarks.measure import BenchmarkError


def test_a_part_that_fails_does_not_stop_the_others(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(results.write, "__kwdefaults__", {**results.write.__kwdefaults__, "target": tmp_path / "R.md"})
    section = results.Section(
        "A question", "How.", ["what", "s"], [["a", "1"]], [results.Target("2 s", "1 s", met=True)]
    )

    def fails():
        raise BenchmarkError("no network")

    assert parts.measure_parts({"first": fails, "second": lambda: section}, cores=1, write_results=True) == 1
    printed = capsys.readouterr()
    assert printed.err == "error: first was not measured: no network\n"
    assert "1 of 1 targets met" in printed.out
    assert "## A question" in (tmp_path / "R.md").read_text()
    assert parts.measure_parts({"second": lambda: section}, cores=1, write_results=False) == 0
