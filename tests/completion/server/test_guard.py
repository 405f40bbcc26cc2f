"""Who is let in, and what the server bears: tokens, hosts, sizes, lines, ports, hang-ups."""

import concurrent.futures
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from tests.completion.server.conftest import served

LONG = {"prompt": "import os\n", "max_tokens": 1024, "temperature": 1.0}


def run(*words: str, token: str = "") -> subprocess.CompletedProcess:
    environment = {**os.environ, "CODE_T5_TOKEN": token}
    return subprocess.run(
        [sys.executable, "-m", "completion.server", *words],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )


def test_a_server_for_others_wants_a_token(model):
    found = run("--model", str(model), "--host", "0.0.0.0", "--port", "0")
    assert found.returncode == 2
    assert "others could reach the server there, so it wants a token" in found.stderr


def test_the_token_is_asked_for(model):
    words = ("--model", str(model), "--no_usage", "--host", "0.0.0.0")
    with served(*words, token="a long secret") as (_, address):
        address = address.replace("0.0.0.0", "127.0.0.1")
        with httpx.Client(base_url=address) as client:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic a long secret"}):
                answer = client.get("/v1/models", headers=headers)
                assert answer.status_code == 401
                assert "send the header `Authorization: Bearer TOKEN`" in answer.json()["error"]["message"]
                assert client.get("/metrics", headers=headers).status_code == 401
            assert client.get("/v1/models", headers={"Authorization": "Bearer a long secret"}).status_code == 200
            assert client.get("/health").status_code == client.get("/").status_code == 200


def test_another_host_name_is_refused(client):
    answer = client.get("/v1/models", headers={"Host": "evil.example"})
    assert answer.status_code == 403
    assert "not as 'evil.example'" in answer.json()["error"]["message"]
    assert client.get("/v1/models", headers={"Host": "localhost:80"}).status_code == 200
    assert "access-control-allow-origin" not in client.get("/health", headers={"Origin": "http://evil.example"}).headers


def test_ten_megabytes_are_too_large(client):
    text = "x = 1\n" * 1_700_000
    answer = client.post("/v1/completions", json={"prompt": text})
    assert answer.status_code == 413
    assert answer.json()["error"]["message"].startswith("the request has more than 4,000,000 bytes")

    def chunks():  # without a length in the header
        yield b'{"prompt": "'
        for _ in range(80):
            yield b"x" * 100_000
        yield b'"}'

    answer = client.post("/v1/completions", content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert client.post("/v1/completions", json={"prompt": text[:3_000_000], "max_tokens": 1}).status_code == 200


def test_who_comes_too_late_is_told_so(model):
    words = ("--model", str(model), "--no_usage", "--most_waiting", "1", "--timeout_s", "30")
    with served(*words) as (_, address), httpx.Client(base_url=address, timeout=60) as client:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: client.post("/v1/completions", json=LONG), range(8)))
        by_status = {status: [a for a in answers if a.status_code == status] for status in (200, 429)}
        assert len(by_status[200]) + len(by_status[429]) == 8
        assert len(by_status[200]) >= 2
        assert by_status[429], "two places for eight"
        assert by_status[429][0].headers["Retry-After"] == "1"
        assert "wait already: ask again in a moment" in by_status[429][0].json()["error"]["message"]


def test_what_takes_too_long_is_stopped(model):
    words = ("--model", str(model), "--no_usage", "--timeout_s", "0.1")
    with served(*words) as (_, address), httpx.Client(base_url=address, timeout=60) as client:
        many = {**LONG, "prompt": ["x = "] * 64}
        answer = client.post("/v1/completions", json=many)
        assert answer.status_code == 503
        assert "not answered within 0.1 s" in answer.json()["error"]["message"]
        beams = {**LONG, "temperature": 0, "best_of": 16, "stream": True}
        stream = client.post("/v1/completions", json=beams)
        assert "not answered within 0.1 s" in stream.text
        assert "[DONE]" not in stream.text


def test_the_engine_stops_for_nobody(model):
    """Who hangs up frees the engine: another is served long before the first one's answer would be there."""
    with served("--model", str(model), "--no_usage") as (_, address), httpx.Client(base_url=address) as client:
        started = time.perf_counter()
        client.post("/v1/completions", json={**LONG, "prompt": ["a = "] * 8}, timeout=120).raise_for_status()
        whole = time.perf_counter() - started
        for stream in (False, True):
            body = {**LONG, "stream": True} if stream else {**LONG, "prompt": ["a = "] * 64}
            with contextlib.suppress(httpx.TimeoutException):
                client.post("/v1/completions", json=body, timeout=0.2)
        started = time.perf_counter()
        client.post("/v1/completions", json={"prompt": "b = ", "max_tokens": 1}, timeout=120).raise_for_status()
        assert time.perf_counter() - started < max(whole * 2, 1.0), "eight times that was asked for"


def test_a_port_in_use_is_named(model, server):
    port = server.rpartition(":")[2]
    found = run("--model", str(model), "--port", port)
    assert found.returncode == 1
    assert found.stderr.strip().splitlines()[-1] == (
        f"error: port {port} of 127.0.0.1 is in use, perhaps by another server of this kind: give another --port"
    )


def test_a_folder_that_is_no_export_is_named(tmp_path, model):
    found = run("--model", str(tmp_path), "--port", "0")
    assert found.returncode == 1
    assert "error: no exported model in" in found.stderr


def test_two_servers_share_what_they_count(model, tmp_path):
    words = ("--model", str(model), "--usage", str(tmp_path / "usage.sqlite"))
    with served(*words) as (_, one), served(*words) as (_, other):
        for address in (one, other):
            assert httpx.get(f"{address}/health").status_code == 200


def test_killed_and_started_again_on_the_same_port(model, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("--model", str(model), "--usage", str(tmp_path / "usage.sqlite"), "--port", str(port))
    with served(*words) as (process, address):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            running = [pool.submit(httpx.post, f"{address}/v1/completions", json=LONG, timeout=60) for _ in range(4)]
            time.sleep(0.3)
            process.send_signal(signal.SIGKILL)
            for one in running:
                assert one.exception() is None or isinstance(one.exception(), httpx.TransportError)
        process.wait(30)
    with served(*words) as (process, address):
        answer = httpx.post(f"{address}/v1/completions", json={**LONG, "max_tokens": 2}, timeout=60)
        assert answer.status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)


@pytest.mark.parametrize("path", ["/v1/completions", "/infill", "/v1/events"])
def test_other_methods_are_refused(client, path):
    answer = client.put(path, json={})
    assert answer.status_code == 405
    assert answer.json()["error"]["message"] == "not by PUT"
