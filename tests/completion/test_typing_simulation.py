"""The command with a real exported model, whose weights are random: what it suggests is made into a file to type."""

import io
import json
import pathlib
import re
import subprocess
import sys

import pyarrow as pa
import pytest

from completion import held_out_files, typing_simulation
from completion.engine import Engine
from completion.filters import Filters
from completion.held_out_files import Drawn, HeldOut
from completion.requests import Request
from completion.search import Decoding
from completion.typist import Person
from preprocessing import shards
from preprocessing.contract import CodeFile, Manifest
from tests import random_models
from tests.completion.told_engine import Told, oracle, rest_of_line

CODE = "import os\n\n\nclass A:\n    def path(self, name):\n        return os.path.join(self.name, name)\n"
TOKENS = 4


@pytest.fixture(scope="module")
def folder(export_onnx, small_codec) -> pathlib.Path:
    return export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=6))


@pytest.fixture(scope="module")
def foreseen(folder) -> str:
    """A text of two lines, the second of which is what the model suggests after the first."""
    engine = Engine(str(folder), threads=1)
    for number in range(100):
        first = f"import os{number}\n" + number % 10 * " "
        [found] = engine.complete(Request(first), Decoding(TOKENS))
        if found.text and found.text == found.text.strip():
            return first + found.text + "\n"
    raise AssertionError("a model with other weights is needed: this one begins all lines with blanks")


def command(*arguments) -> subprocess.CompletedProcess:
    program = [sys.executable, "-m", "completion.typing_simulation", *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, timeout=600)


def without_times(figures: dict) -> dict:
    places = {
        name: {key: value for key, value in place.items() if not key.startswith("milliseconds")}
        for name, place in figures["places"].items()
    }
    return {**figures, "places": places, "seconds": 0}


def test_the_command(folder, foreseen, tmp_path):
    names = [tmp_path / name for name in ("a.py", "foreseen.txt", "latin.py", "blank.py")]
    for path, data in zip(names, (CODE.encode(), foreseen.encode(), b"\xe9\n", b" \n\n"), strict=True):
        path.write_bytes(data)
    output, trace = tmp_path / "figures.json", tmp_path / "trace.jsonl"
    done = command(
        "--model", folder, "--files", *names, "--max_new_tokens", TOKENS, "--threads", 1,
        "--output", output, "--trace", trace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(output.read_text())
    figures, rows = report["figures"], [json.loads(line) for line in trace.read_text().splitlines()]
    assert figures["left_out"] == [
        {"file": str(names[2]), "reason": "not_utf8"},
        {"file": str(names[3]), "reason": "empty"},
    ]
    assert (figures["files"], figures["available"], figures["lines"], figures["lines_of_code"]) == (2, 4, 8, 6)
    assert figures["characters"] == sum(len(line.strip()) for line in (CODE + foreseen).split("\n"))
    assert figures["characters_accepted"] + figures["characters_typed"] == figures["characters"]
    assert len(foreseen.split("\n")[1].strip()) <= figures["characters_accepted"]
    assert figures["perfect_lines"] >= 1 / 6
    total = figures["places"]["total"]
    assert total["accepted"] == sum(row["accepted"] for row in rows)
    assert total["shown"] == len(rows)
    assert total["asked"] - total["shown"] == sum(figures["not_shown"].values())
    assert sum(len(row["suggestion"].rstrip()) for row in rows if row["accepted"]) <= figures["characters_accepted"]
    assert (report["parameters"]["max_new_tokens"], report["parameters"]["threads"]) == (TOKENS, 1)
    assert "perfect lines" in done.stdout
    assert "2 of 4 files, 8 lines (6 not blank)" in done.stdout
    assert f"left out 2: {names[2]} (not_utf8), {names[3]} (empty)" in done.stdout
    assert not list(tmp_path.glob("*.incomplete"))

    [row] = [row for row in rows if row["file"] == str(names[1]) and row["line"] == 2 and row["place"] == "line_start"]
    assert row["milliseconds"] > 0
    line = foreseen.split("\n")[1]
    code = line.strip()
    assert {**row, "milliseconds": 0} == {
        "file": str(names[1]), "line": 2, "column": line.index(code), "place": "line_start", "suggestion": code,
        "rest": code, "accepted": True, "milliseconds": 0, "matched": len(code),
    }  # fmt: skip


def test_what_was_kept_and_the_order_of_files_change_nothing(folder, foreseen):
    files = [HeldOut("a", "a.py", CODE), HeldOut("b", "b.txt", foreseen[:-3] + "!\n"), HeldOut("c", "c.py", CODE[::-1])]
    person = Person(Decoding(TOKENS), every_key=True)
    found = []
    for order in (files, files[::-1]):
        engine = Engine(str(folder), threads=1)
        found.append(without_times(typing_simulation.simulate(engine, Drawn(order, [], 3), person)))
        assert engine.counts["answers_kept"] > 0, "what goes on fitting is shown again"
        assert engine.counts["reads"] < engine.counts["requests"] / 2, "a line is read before it is typed, once"
    one, other = found
    assert one["by_file"] == other["by_file"][::-1]
    assert {**one, "by_file": 0} == {**other, "by_file": 0}


def test_suggestions_are_those_of_an_engine_that_kept_nothing(folder, tmp_path):
    trace = tmp_path / "trace.jsonl"
    with trace.open("w") as file:
        drawn = Drawn([HeldOut("a", "a.py", CODE)], [], 1)
        typing_simulation.simulate(Engine(str(folder), threads=1), drawn, Person(Decoding(TOKENS)), trace=file)
    lines, rows = CODE.split("\n"), [json.loads(row) for row in trace.read_text().splitlines()]
    starts = [row for row in rows if row["place"] == "line_start"]
    assert starts
    for row in starts:
        before = "\n".join([*lines[: row["line"] - 1], lines[row["line"] - 1][: row["column"]]])
        [fresh] = Engine(str(folder), threads=1).complete(
            Request(before, path="a.py"), Decoding(TOKENS), filters=Filters()
        )
        assert row["suggestion"] == fresh.text


def test_documents_and_lines_below(folder, tmp_path):
    files = [CodeFile.of("ann/tool", f"{i}.py", CODE + f"x{i} = 1\n") for i in range(3)]
    rows = [
        {**{name: getattr(file, name) for name in CodeFile.__slots__}, "near_duplicate_cluster": -1} for file in files
    ]
    name = shards.shard_name("validation", 0)
    entry = shards.write_shard(tmp_path / name, [pa.Table.from_pylist(rows, schema=shards.SCHEMA)])
    shards.write_manifest(tmp_path, Manifest({}, {}, {}, {}, {}, {}, {name: entry}, "0" * 16, {}))
    arguments = ["--model", str(folder), "--documents", str(tmp_path), "--split", "validation", "--num_files", "2"]
    found = []
    for more in ([], ["--infill"], ["--every_key"], ["--max_lines", "1"]):
        output = tmp_path / "figures.json"
        how = ["--max_new_tokens", str(TOKENS), "--threads", "1", "--output", str(output), *more]
        assert typing_simulation.main([*arguments, *how]) == 0
        found.append(json.loads(output.read_text())["figures"])
    plain, infilled, each_key, one_line = found
    drawn = held_out_files.of_documents(tmp_path, "validation", num_files=2)
    assert [one["file"] for one in plain["by_file"]] == [file.name for file in drawn.files]
    assert without_times(infilled)["not_shown"] != without_times(plain)["not_shown"], "something else was read"
    assert each_key["places"]["total"]["asked"] > plain["places"]["total"]["asked"]
    assert (one_line["lines"], one_line["characters"]) == (2, 2 * len("import os"))


def test_totals_of_engines_that_are_told():
    files = [HeldOut("a", "a.py", CODE), HeldOut("b", "b.py", "x = 1")]
    whole = oracle(CODE)
    engine = Told(lambda request: rest_of_line(CODE, request.prompt) if request.path == "a.py" else "x = 2")
    trace = io.StringIO()
    found = typing_simulation.simulate(engine, Drawn(files, [], 2), Person(), trace=trace)
    rows = [json.loads(row) for row in trace.getvalue().splitlines()]
    assert [(row["file"], row["accepted"], row["matched"]) for row in rows[:5]] == [
        *(("a", True, len(line.strip())) for line in CODE.split("\n") if line.strip()),
        ("b", False, 4),
    ]
    assert found["characters_accepted"] == sum(len(line.strip()) for line in CODE.split("\n"))
    assert found["characters_typed"] == 5
    assert found["perfect_lines"] == pytest.approx(4 / 5)
    everything = typing_simulation.simulate(whole, Drawn(files[:1], [("c", "not_utf8")], 2), Person())
    assert (everything["ratio_of_completed_code"], everything["perfect_lines"]) == (1, 1)
    assert everything["left_out"] == [{"file": "c", "reason": "not_utf8"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--files", "blank.py"], "none of 1 files can be typed; left out: .*blank.py.*empty"),
        (["--files", "nowhere.py"], "nowhere.py"),
        (["--documents", "."], "holds no finished document dataset"),
        (["--files", "code.py", "--max_new_tokens", "0"], "must be 1 or more"),
        (["--files", "code.py", "--model", "."], "no exported model in"),
    ],
)
def test_what_cannot_be_done_is_said(folder, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("blank.py").write_text("\n")
    pathlib.Path("code.py").write_text("x\n")
    assert typing_simulation.main(["--model", str(folder), "--threads", "1", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert re.search(message, error), error


def test_a_model_that_does_not_infill_is_not_asked_to(export_onnx, small_codec, tmp_path, capsys):
    folder = export_onnx(random_models.weights(vocab_size=small_codec.vocab_size), infills=False)
    path, trace = tmp_path / "a.py", tmp_path / "trace.jsonl"
    path.write_text(CODE)
    arguments = ["--model", str(folder), "--files", str(path), "--threads", "1", "--trace", str(trace)]
    assert typing_simulation.main([*arguments, "--infill"]) == 1
    assert "this model was not trained to fill in" in capsys.readouterr().err
    assert not trace.exists()
