"""Training examples from other hosts: a dispatcher, workers that come and go, a trainer, each on a host of its own."""

import itertools
import json
import pathlib
import subprocess
import sys
import time

import pytest

from tests.code_t5.conftest import ROOT, SMALL, command
from tests.code_t5.training import recorder
from tests.hosts import Hosts

pytestmark = pytest.mark.slow
SERVER = [sys.executable, "-m", "code_t5.main.datagen_server"]


@pytest.fixture
def processes():
    started: list[subprocess.Popen] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def wait_for(log: pathlib.Path, text: str, *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while text not in (log.read_text() if log.exists() else ""):
        assert time.monotonic() < end, f"no {text!r} in {log}:\n{log.read_text()[-3000:]}"
        time.sleep(0.2)


def trainer(model_dir: pathlib.Path, data_dir: pathlib.Path, *, steps: int, record: pathlib.Path) -> list[str]:
    params = {
        **SMALL, "MIXTURE_NAME": "fl_py_dev", "run.train_steps": steps, "run.save_checkpoints_steps": 10,
        "recorder.Recorder.path": str(record), "code_t5.Validation.full_at_end": False,
        "code_t5.train_code_model.chunk_steps": 5,
    }  # fmt: skip
    return [
        sys.executable, "-m", "t5.models.mesh_transformer_main", f"--model_dir={model_dir}",
        f"--t5_tfds_data_dir={data_dir}", "--module_import=code_t5", "--module_import=tests.code_t5.training.recorder",
        "--gin_location_prefix=gin_configs/", "--gin_file=models/shared-prefix_lm.gin", "--gin_file=hardware/cpu.gin",
        *(f"--gin_param={name} = {value!r}" for name, value in params.items()),
        "--gin_param=code_t5.train_code_model.more_callbacks = [@recorder.Recorder()]",
    ]  # fmt: skip


def steps_done(record: pathlib.Path) -> int:
    return max(recorder.read(record), default=0) if record.exists() else 0


def wait_for_step(record: pathlib.Path, step: int, process: subprocess.Popen, log: pathlib.Path) -> None:
    end = time.monotonic() + 180
    while steps_done(record) < step:
        assert process.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() < end, f"step {steps_done(record)} after 180 s\n{log.read_text()[-2000:]}"
        time.sleep(0.2)


def test_workers_come_and_go_and_the_dispatcher_dies_while_training_goes_on(data_dir, tmp_path, processes):
    with Hosts(5) as hosts:
        print(hosts.refused or "hosts are network namespaces")
        port = hosts.port()
        service = f"{hosts.address(0)}:{port}"

        def dispatcher() -> subprocess.Popen:
            words = [*SERVER, "dispatcher", "--port", str(port), "--work_dir", str(tmp_path / "journal")]
            processes.append(hosts.start(0, words, tmp_path / "dispatcher.log"))
            return processes[-1]

        def worker(host: int) -> subprocess.Popen:
            words = [*SERVER, "worker", "--dispatcher", service, "--address", hosts.address(host)]
            processes.append(hosts.start(host, words, tmp_path / f"worker{host}.log"))
            return processes[-1]

        first_dispatcher = dispatcher()
        wait_for(tmp_path / "dispatcher.log", f"dispatcher at port {port}")
        first, second = worker(1), worker(2)
        for host in (1, 2):
            wait_for(tmp_path / f"worker{host}.log", f"worker at {hosts.address(host)}")
        record, log = tmp_path / "steps.jsonl", tmp_path / "trainer.log"
        words = trainer(tmp_path / "model", data_dir, steps=200, record=record)
        training = hosts.start(4, words, log, DATA_SERVICE=service)
        processes.append(training)
        wait_for_step(record, 20, training, log)
        worker(3)
        # One file is one split, which one of the workers has at a time: whoever it is, the others go on without it.
        for gone in (first, second):
            gone.kill()
            wait_for_step(record, steps_done(record) + 30, training, log)
        first_dispatcher.kill()
        first_dispatcher.wait()
        dispatcher()
        assert training.wait(300) == 0, log.read_text()[-4000:]
    assert sorted(recorder.read(record)) == list(range(1, 201))
    batches = [batch for _, batch in recorder.read(record).values()]
    assert len(set(batches)) == len(batches), "no batch came twice"
    assert json.loads((tmp_path / "model" / "run.json").read_text())["status"] == "finished"


def test_shards_are_written_by_two_workers_and_trained_on(data_dir, tmp_path):
    folder = tmp_path / "samples"
    gin = [f"--gin_param={name} = {value!r}" for name, value in {**SMALL, "MIXTURE_NAME": "fl_py_dev"}.items()]
    for number in (0, 1):
        written = command(
            "code_t5.main.datagen_server", "write", "--folder", folder, "--worker", number, "--num_workers", 2,
            "--shards", 4, "--partitions", 4, "--data_dir", data_dir, "--gin_location_prefix=gin_configs/",
            "--gin_file=models/shared-prefix_lm.gin", *gin, cwd=ROOT,
        ).stdout  # fmt: skip
        assert [line.split(":")[0] for line in written.splitlines()] == [
            f"shard {n} of 4" for n in (number, number + 2)
        ]
    record = tmp_path / "steps.jsonl"
    words = trainer(tmp_path / "model", data_dir, steps=10**6, record=record)
    words.append(f"--gin_param=code_t5.samples.folder = '{folder}'")
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    examples = sum(json.loads(path.read_text())["examples"] for path in folder.glob("*.json"))
    assert f"finished at step {examples // 8:,} (all samples are used)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: python -m code_t5.main.datagen_server {dispatcher|worker|write}"),
        (["cook"], "usage: python -m code_t5.main.datagen_server {dispatcher|worker|write}"),
        (["worker"], "error: which dispatcher? Give --dispatcher host:port"),
        (["write"], "error: give --folder and --shards"),
        (
            ["write", "--folder", "x", "--shards", "2", "--worker", "2", "--num_workers", "2"],
            "error: --worker must be from 0 to 1 (--num_workers), got 2",
        ),
    ],
)
def test_what_is_wrong_is_said(arguments, message):
    found = subprocess.run([*SERVER, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    assert found.returncode
    assert message in found.stderr


def test_an_address_of_another_form_is_refused(monkeypatch):
    from code_t5.data import service

    monkeypatch.delenv(service.ENVIRONMENT, raising=False)
    assert service.address() is None
    monkeypatch.setenv(service.ENVIRONMENT, "10.0.0.2:5050")
    assert service.address() == "10.0.0.2:5050"
    for wrong in itertools.chain(["10.0.0.2", ":5050", "host:"], ["host:http"]):
        monkeypatch.setenv(service.ENVIRONMENT, wrong)
        with pytest.raises(ValueError, match="must be host:port, as in DATA_SERVICE=10.0.0.2:5050, got"):
            service.address()
