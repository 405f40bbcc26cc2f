r"""Serves an exported model to editors and other clients, on this machine.

python -m completion.server --model EXPORT
curl -s localhost:8012/v1/completions -H 'Content-Type: application/json' \
  -d '{"prompt": "import numpy as np\nx = np.", "stop": "\n", "temperature": 0}'

/                      a page to try it on
/v1/completions        OpenAI's completions (stream, n, logprobs, suffix ...), and Tabby's (a body with "segments")
/infill                llama.cpp's
/v1/events             what became of suggestions, as Tabby's plugins tell it; `python -m completion.usage` prints it
/v1/models  /v1/health  /health  /metrics (Prometheus)  /openapi.json
"""

import argparse
import errno
import logging
import os
import pathlib
import socket
import sys

try:
    import uvicorn

    from completion.server import app, guard
    from completion.server.service import Service
    from completion.server.turns import Turns
except ImportError as error:
    raise SystemExit(f"error: the server needs the extra: pip install 'code_t5[completion]' ({error})") from error

from completion import exported, usage
from completion.engine import Engine

PORT = 8012
TOKEN = "CODE_T5_TOKEN"


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on; who connects while the model is loaded waits.

    Raises:
      OSError: says that the port is in use, or that the host is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(128)
        return made
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OSError(
                f"port {port} of {host} is in use, perhaps by another server of this kind: give another --port"
            ) from error
        raise OSError(f"cannot listen on port {port} of {host}: {error}") from error


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m completion.server", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="made by code_t5.main.export --format onnx")
    add("--name", help="that clients know the model by; by default the folder's")
    add("--host", default="127.0.0.1", help=f"another than this machine's own needs a token in ${TOKEN} (%(default)s)")
    add("--port", type=int, default=PORT, help="0 for any that is free (%(default)s)")
    add("--fallback", metavar="FILE", help="modules whose attributes are suggested by popularity, see docs/serving.md")
    add("--threads", type=int, metavar="N", help="by default as many as are quickest")
    add("--most_waiting", type=int, default=32, metavar="N", help="requests; more are refused with 429 (%(default)s)")
    add("--timeout_s", type=float, default=30.0, metavar="S", help="for waiting and being answered (%(default)s)")
    add("--max_body_bytes", type=int, default=app.MAX_BODY_BYTES, metavar="N", help="of a request (%(default)s)")
    add("--min_score", type=float, metavar="X", help="of what Tabby's plugins and the page are shown; about -1 is sure")
    add(
        "--usage",
        type=pathlib.Path,
        metavar="FILE",
        help=f"where shown and accepted are counted ({usage.default_path()})",
    )
    add("--no_usage", action="store_true", help="count nothing on disk")
    add("--log_prompts", action="store_true", help="write the end of prompts, and suggestions, to the log")
    arguments = parser.parse_args(argv)
    token = os.environ.get(TOKEN) or None
    at_home = arguments.host in ("127.0.0.1", "localhost", "::1")
    if not at_home and token is None:
        parser.error(
            f"--host {arguments.host}: others could reach the server there, so it wants a token; put a long random one "
            f"into the environment as {TOKEN}, and give it to the clients"
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        listening = listen(arguments.host, arguments.port)
        engine = Engine(arguments.model, threads=arguments.threads, fallback=arguments.fallback)
        counted = None if arguments.no_usage else usage.Usage(arguments.usage or usage.default_path())
    except (ValueError, OSError, exported.ExportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    name = arguments.name or pathlib.Path(arguments.model).resolve().name
    turns = Turns(most_waiting=arguments.most_waiting, timeout_s=arguments.timeout_s)
    service = Service(engine, name=name, turns=turns, usage=counted, log_prompts=arguments.log_prompts)
    application = app.make(
        service, token=token, hosts=guard.LOOPBACK if at_home else None, max_body_bytes=arguments.max_body_bytes,
        min_score=arguments.min_score,
    )  # fmt: skip
    host, port = listening.getsockname()[:2]
    print(
        f"{name} ({engine.description.precision}, {engine.threads} threads) on http://{host}:{port}; the page is "
        "there, Ctrl-C ends it",
        flush=True,
    )
    # Connections that are open when it is ended are given a moment.
    # A line in the log for each key that somebody types would bury the others; /metrics counts requests.
    config = uvicorn.Config(
        application, log_level="info", access_log=False, timeout_graceful_shutdown=3, server_header=False
    )
    uvicorn.Server(config).run(sockets=[listening])
    return 0


if __name__ == "__main__":
    sys.exit(main())
