"""The report of an experiment: the same in three forms, nothing passed over, nothing foreign in it."""

import html.parser
import json
import re

import markdown_it
import pytest

from completion import exported
from completion.evaluation.report import wording
from pipeline import report, report_evaluation, report_page, report_sections
from pipeline.report_page import Report, Section, Table
from preprocessing import contract
from tests.completion.evaluation.report import some_results

FOREIGN = "<script>alert('&')</script>![a](b)\n\x1b[2J\u202e\ud800`*|"
SHOWN = "<script>alert('&')</script>![a](b) \\x1b[2J\\u202e\\ud800`*|"
RUN = "f7" * 32


class Seen(html.parser.HTMLParser):
    """The links, texts and tags of a page whose tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.texts, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def manifest(**fields) -> contract.Manifest:
    counts = {
        "train": {"files": 1865, "bytes": 20_000_000, "repositories": 92},
        "validation": {"files": 649, "bytes": 8_000_000, "repositories": 8},
        "test": {"files": 475, "bytes": 10_000_000, "repositories": 13},
    }
    drops = {"empty": 123, "too_large": 0, "near_duplicate": 1234}
    known = {"parameters": {}, "source": {"kind": "flcc"}, "notes": {"bom_removed": 2}, "near_duplicates": {}}
    known |= {"counts": counts, "drops": drops, "shards": {}, "salt": "5a", "versions": {}, **fields}
    return contract.Manifest(**known)


def run_json(**fields):
    start = {"date": "2024-05-01T10:00:00+00:00", "from_step": 0, "command": ["python", "-m", "t5"]}
    start |= {"code": {"version": "0.1.0", "revision": "cafe"}, "environment": {"host": "a-host", "t5": "0.9.4"}}
    of_set = {"loss_per_token": 4.25, "bits_per_byte": 1.7142, "top_1_accuracy": 0.5}
    return {
        "status": "finished", "digest": RUN, "parent": None, "starts": [start], "step": 2000, "seconds": 3725.2,
        "ended_by": "train_steps = 2000", "updated": "2024-05-01T11:02:05+00:00",
        "run": {"gin": {"rate": "0.01"}, "data": {"dev": manifest().digest}, "vocabulary": "ab", "seed": 0},
        "figures": {"step": 2000, "held_out": {"dev:validation": of_set}, "best": {"bits_per_byte": 1.7, "step": 1000}},
        **fields,
    }  # fmt: skip


def results_json():
    def provider(name, mean, low, high):
        figures = {"exact_match": {"mean": mean, "low": low, "high": high}}
        total = {"cases": 1000, "errors": 0, "figures": figures}
        return {"name": name, "complete": True, "median_milliseconds": 1.0, "failed": [], "total": total, "slices": {}}

    suite = {"name": "line", "title": "Line completion", "about": "", "cases": 1000, "left_out": [], "bad_rows": []}
    suite["measures"] = [{"key": "exact_match", "label": "exact match", "about": ""}]
    suite["providers"] = [provider("model", 14.05, 11.0, 17.25), provider("copy", 3.0, None, None)]
    return {"schema": 1, "about": {"model": "m", "partial": []}, "suites": [suite], "examples": []}


@pytest.fixture
def parts(tmp_path):
    """What an experiment left: name of the option -> folder."""
    folders = {name: tmp_path / "of" / name for name in ("documents", "model", "export", "predictions", "evaluation")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    (folders["documents"] / "manifest.json").write_text(manifest().to_json())
    (folders["model"] / "run.json").write_text(json.dumps(run_json()))
    parity = {"rows": 64, "tokens": 8165, "nats": 4.94263, "exported": 4.94317, "largest": 0.00606, "mean": 0.00126}
    parity["lines"] = {"lines": 64, "float32": 0.125, "quantized": 0.109375, "same": 0.9375}
    (folders["export"] / "decoder.onnx").write_bytes(b"x" * 1500)
    exported.Description(
        format="onnx", precision="int8", blocks=4, heads=4, d_kv=64, max_inputs=128, max_forced=128, context_budget=0,
        infills=False, vocabulary="ab", files={"decoder.onnx": 1500}, parity=parity,
        source={"model": "model", "step": 2000, "run": RUN},
    ).write(folders["export"])  # fmt: skip
    sets = {
        "dev:validation": {"file": "dev.jsonl", "examples": 200, "exact_matches": 31, "columns": ["prefix", "target"]}
    }
    (folders["predictions"] / "sets.json").write_text(json.dumps({"run": RUN, "seed": 5, "sets": sets}))
    (folders["predictions"] / "dev.jsonl").write_text("{}\n")
    (folders["evaluation"] / "results.json").write_text(json.dumps(results_json()))
    (folders["evaluation"] / "report.html").write_bytes(b"<p>the page\r\n")
    (folders["evaluation"] / "report.md").write_text("the tables")
    return folders


def ask(output, folders, title="dev"):
    words = [word for name, folder in folders.items() for word in (f"--{name}", str(folder))]
    report.main(["--title", title, "--output_dir", str(output), *words])
    return output


def test_what_matters_is_said_in_a_few_lines(tmp_path, parts, capsys):
    ask(tmp_path / "out", parts)
    assert capsys.readouterr().out.splitlines() == [
        "dev",
        "documents    2,989 files of 113 repositories, 38.0 MB",
        "             train 1,865, validation 649, test 475",
        "             1,357 dropped: 1,234 near_duplicate, 123 empty",
        "training     2,000 steps in 1:02:05 of training, finished: train_steps = 2000",
        "             bits per byte 1.714 on dev:validation",
        "             lowest while training: 1.700 at step 1,000",
        "export       int8, onnx, 1.5 kB, step 2,000 of model",
        "             agrees with the model: 4.9426 nats a token, the export 4.9432; 64 held-out rows differ by "
        "1.3e-03 on average, 6.1e-03 at most",
        "             of 64 held-out lines 12.5% are right in float32, 10.9% in int8; 93.8% are the same text in both",
        "predictions  dev:validation: 200 examples, 31 right (15.5%)",
        "evaluation   Line completion, model: exact match 14.1 (11.0 to 17.3)",
        "             Line completion, copy: exact match 3.0",
        f"page         {tmp_path}/out/index.html",
    ]


def test_the_page_is_well_formed_and_its_links_lead_to_copies(tmp_path, parts):
    out = ask(tmp_path / "out", parts)
    text = (out / "index.html").read_text(encoding="utf-8")
    seen = Seen(text)
    assert seen.open == []
    assert seen.links == ["evaluation/report.html", "evaluation/report.md", "evaluation/results.json"]
    for link in seen.links:
        assert (out / link).read_bytes() == (parts["evaluation"] / link.partition("/")[2]).read_bytes()
    assert re.findall(r"https?://|url\(|@import|<script", text) == []
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert "Missing or damaged" not in text
    assert "a-host" not in text
    assert sorted(path.name for path in out.iterdir()) == ["evaluation", "index.html", "report.md"]
    assert out.stat().st_mode & 0o777 == 0o755


def test_page_markdown_and_terminal_say_the_same(tmp_path, parts, capsys):
    out = ask(tmp_path / "out", parts)
    page = "\n".join(Seen((out / "index.html").read_text(encoding="utf-8")).texts)
    rendered = markdown_it.MarkdownIt().enable("table").render((out / "report.md").read_text(encoding="utf-8"))
    tables = "\n".join(Seen(rendered).texts)
    for line in capsys.readouterr().out.splitlines()[1:-1]:
        assert line[13:] in page
        assert line[13:] in tables
    for text in (
        "almost the same text as a file that is kept",
        "14.1 (11.0 to 17.3)",
        "0.9.4",
        "decoder.onnx",
        "4.25",
        "prefix, target",
    ):
        assert text in page
        assert text in tables


def test_markdown_as_it_is():
    table = Table("Sets", ("set", "a_b"), [["x|y", "-2.0"]])
    section = Section("Training", "a_model", ["- [1]", "1. one", "0.5"], [table], ["p: gone"], {"Page": "a/b.html"})
    assert report_page.markdown(Report("dev", "2024-05-01", [section])) == (
        "# dev\n\nMade 2024-05-01.\n\n## Missing or damaged\n\n- p: gone\n\n## Training\n\nFrom a\\_model\n\n"
        "- [Page](a/b.html)\n- \\- \\[1\\]\n- 1\\. one\n- 0.5\n\n### Sets\n\n"
        "| set | a\\_b |\n| --- | --- |\n| x\\|y | -2.0 |\n"
    )


def foreign(value):
    """The same with every text a foreign one, but for those that lead the way."""
    if isinstance(value, dict):
        kept = ("date", "updated", "digest", "key", "schema_version")
        return {name: one if name in kept else foreign(one) for name, one in value.items()}
    if isinstance(value, list):
        return [foreign(one) for one in value]
    return FOREIGN if isinstance(value, str) else value


def test_what_data_says_is_text(tmp_path, parts, capsys):
    (parts["documents"] / "manifest.json").write_text(manifest(source={FOREIGN: FOREIGN}, drops={FOREIGN: 3}).to_json())
    for name, file in (("model", "run.json"), ("export", "export.json"), ("evaluation", "results.json")):
        found = foreign(json.loads((parts[name] / file).read_text()))
        if name == "model":
            found["figures"]["held_out"] = {FOREIGN: {"bits_per_byte": 1.0, FOREIGN: FOREIGN}}
        (parts[name] / file).write_text(json.dumps(found))
    (parts["predictions"] / "sets.json").write_text(json.dumps({"sets": {FOREIGN: {"examples": 3, FOREIGN: FOREIGN}}}))
    out = ask(tmp_path / "out", parts, title=FOREIGN)
    said = capsys.readouterr().out
    assert said.startswith(SHOWN + "\n")
    assert all(line.isprintable() for line in said.splitlines())
    assert "is damaged" not in said
    seen = Seen((out / "index.html").read_text(encoding="utf-8"))
    assert {"script", "img"} & set(seen.tags) == set()
    assert seen.texts.count(SHOWN) > 15
    text = (out / "report.md").read_text(encoding="utf-8")
    rendered = Seen(markdown_it.MarkdownIt().enable("table").render(text))
    assert {"script", "img", "code", "em"} & set(rendered.tags) == set()
    assert rendered.links == ["evaluation/report.html", "evaluation/report.md", "evaluation/results.json"]
    assert rendered.texts.count(f"{SHOWN}: 3 examples") == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"status"', "Expecting ':' delimiter: line 1 column 10 (char 9)"),
        ("[]", "list indices must be integers or slices, not str"),
        ("{}", "no 'run'"),
        ('{"run": {"data": {}}, "starts": [], "status": "finished"}', "list index out of range"),
        (json.dumps(run_json(step="many")), "Cannot specify ',' with 's'."),
        ("[" * 100_000, "maximum recursion depth exceeded"),
    ],
    ids=["cut off", "a list", "empty", "no starts", "a text for a number", "deep"],
)
def test_a_damaged_record_is_named_and_the_rest_is_there(tmp_path, parts, capsys, content, why):
    path = parts["model"] / "run.json"
    path.write_text(content)
    out = ask(tmp_path / "out", parts)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("missing")]
    assert line.startswith(f"missing      {path} is damaged ({why}")
    assert line.endswith("): make it again with `python -m t5.models.mesh_transformer_main`")
    for name in ("index.html", "report.md"):
        text = (out / name).read_text(encoding="utf-8")
        assert "Missing or damaged" in text
        assert "is damaged" in text
        assert "Line completion, model: exact match" in text


def test_what_is_not_there_is_named(tmp_path, parts, capsys):
    files = {"documents": "manifest.json", "model": "run.json", "export": "export.json", "predictions": "sets.json"}
    gone = [parts[name] / file for name, file in files.items()] + [parts["evaluation"] / "results.json"]
    for path in gone:
        path.unlink()
    ask(tmp_path / "out", parts)
    said = capsys.readouterr().out
    assert [re.search(f"{re.escape(str(path))} is not there: give another folder", said) is None for path in gone] == (
        [False] * 5
    )
    assert Seen((tmp_path / "out" / "index.html").read_text()).links == [
        "evaluation/report.html",
        "evaluation/report.md",
    ]


def test_what_was_changed_cut_off_or_is_of_another_version_is_named(tmp_path, parts):
    path = parts["documents"] / "manifest.json"
    path.write_text(path.read_text().replace("1865", "1866"))
    (parts["export"] / "decoder.onnx").write_bytes(b"x" * 15)
    (parts["predictions"] / "dev.jsonl").unlink()
    results = parts["evaluation"] / "results.json"
    results.write_text('{"schema": 2}')
    (parts["evaluation"] / "report.html").unlink()
    made = report.gather("dev", {name: [folder] for name, folder in parts.items()}, tmp_path)
    assert made.all_wrong == [
        f"{path} was changed after it was written: its digest does not match",
        f"{parts['export']}/decoder.onnx has 15 bytes, 1,500 bytes were written: copy it, or export the model again",
        f"{parts['predictions']}/dev.jsonl is not there: copy it, or predict again",
        f"{results} is damaged (of schema 2, this program reads 1): make it again with `python -m completion.evaluate`",
        f"{parts['evaluation']} has no report.html: make the page again with `python -m completion.evaluate`",
    ]


def test_a_training_that_is_not_finished_says_so(tmp_path):
    error = "x" * 1000
    record = run_json(status="failed", error=error, ended_by=None)
    record["starts"] *= 2
    (tmp_path / "run.json").write_text(json.dumps(record))
    found = report_sections.training(tmp_path)
    assert found.lines[0] == "2,000 steps in 1:02:05 of training, 2 starts, failed"
    assert found.wrong == [
        f"{tmp_path}/run.json: the training is not finished, but failed, {'x' * 300} ...; the same command goes on"
    ]
    del record["step"]
    (tmp_path / "run.json").write_text(json.dumps({**record, "status": "running"}))
    assert report_sections.training(tmp_path).lines[0] == "no step is recorded yet, 2 starts, running"


def test_bits_per_byte_come_from_the_log_where_the_record_has_none(tmp_path):
    folder = tmp_path / "TrainedModel" / "a1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(run_json(figures={})))
    assert report_sections.training(folder).wrong == [
        f"{folder}/run.json has no bits per byte, and {folder} no log beside it: they are measured at the end of a "
        "training where `code_t5.Validation.full_at_end` is on"
    ]
    log = "step 500  dev: 2.310 bits/byte, loss 4\nstep 1,000  dev: 2.205 bits/byte\nstep 2,000  dev: 2.250 bits/byte\n"
    folder.with_name("a1.log").write_text(log)
    (tmp_path / "model").symlink_to(folder)
    found = report_sections.training(tmp_path / "model")
    assert found.lines[1:] == ["bits per byte 2.250 on dev at step 2,000; lowest 2.205 at step 1,000, by its log"]
    assert found.wrong == []


def test_parts_of_two_experiments_are_told_apart(tmp_path, parts):
    (parts["documents"] / "manifest.json").write_text(manifest(salt="other").to_json())
    (parts["model"] / "run.json").write_text(json.dumps(run_json(digest="0" * 64)))
    made = report.gather("dev", {name: [folder] for name, folder in parts.items()}, tmp_path)
    assert made.all_wrong == [
        f"{parts['model']} was trained on other documents than {parts['documents']}",
        f"{parts['export']} was made by another training than {parts['model']}",
        f"{parts['predictions']} was made by another training than {parts['model']}",
    ]


def test_an_evaluation_is_told_as_its_own_page_tells_it(tmp_path):
    results = some_results.results()
    (tmp_path / "results.json").write_text(json.dumps(results))
    (tmp_path / "index.html").write_text("page")
    into = tmp_path / "into"
    into.mkdir()
    found = report_evaluation.evaluation(tmp_path, into)
    assert found.wrong == [
        f"{tmp_path}/results.json: {text}"
        for text in (
            "HumanEval: left out, there is no sandbox on this machine; give --allow_unsandboxed to run it",
            "Line completion, copy: partial; 40 of 1,000 cases without an answer count as wrong",
            "Line completion, copy: 3 cases failed: timed out after 10 s",
            "Curated examples: broken rows left out: 1, such as cases.jsonl:17 is not JSON in UTF-8: Expecting value",
        )
    ]
    assert len(found.wrong) == len(wording.missing(results))
    assert len(found.lines) == sum(len(suite["providers"]) for suite in results["suites"])
    tables = [table for table in found.tables if table.head[-1] == "without answer"]
    for suite, table in zip(results["suites"], tables, strict=True):
        for provider, row in zip(suite["providers"], table.rows, strict=True):
            figures = provider["total"]["figures"]
            expected = [wording.figure(figures.get(one["key"])) for one in suite["measures"]]
            assert row[1:-1] == expected
    assert found.lines[2].endswith(", partial")
    assert found.links["The page of the evaluation"] == "evaluation/index.html"


def test_a_tree_says_how_it_was_drawn(tmp_path):
    assert report_sections.tree(tmp_path).lines == [f"{tmp_path}: the whole tree, not counted"]
    made = {"bytes": 40_000_000, "files": 3474, "repositories": 113}
    (tmp_path / "dev_dataset.json").write_text(json.dumps({"arguments": {"seed": 5}, "made": made}))
    found = report_sections.tree(tmp_path)
    assert found.lines == ["3,474 files of 113 repositories, 40.0 MB, drawn from a tree"]
    assert found.tables[0].rows == [["seed", "5"]]
    assert "is not there" in report_sections.tree(tmp_path / "none").wrong[0]


def test_nothing_is_left_where_nothing_can_be_read(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        ask(tmp_path / "out", {"model": tmp_path / "none"})
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: nothing to report: {tmp_path}/none/run.json is not there")
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_replaced(tmp_path, parts, capsys):
    out = tmp_path / "out"
    out.mkdir()
    assert (ask(out, parts) / "index.html").exists()
    (out / "mine").write_text("kept")
    with pytest.raises(SystemExit):
        ask(out, parts)
    assert capsys.readouterr().err == (f"error: {out} is there already: give another --output_dir, or delete it\n")
    assert (out / "mine").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["of", "out"]


def test_something_must_be_given(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        ask(tmp_path / "out", {})
    assert ended.value.code == 2
    assert "give at least one of --tree, --documents, --model, " in capsys.readouterr().err
