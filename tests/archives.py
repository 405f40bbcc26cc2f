"""Archives for tests: of a folder, of members that nobody should have made, and a server that may misbehave."""

import contextlib
import http.server
import io
import tarfile
import threading


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `data` at every path; what it does badly is set on the class."""

    data = b""
    ranges = True
    cut = 0
    length = True
    asked: tuple = ()

    def do_HEAD(self):  # noqa: N802 (the base class's name)
        self._head(200, len(self.data))

    def do_GET(self):  # noqa: N802 (the base class's name)
        start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-")) if self.ranges else 0
        type(self).asked += (start,)
        data = self.data[start:]
        if start:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(self.data) - 1}/{len(self.data)}")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
        else:
            self._head(200, len(data))
        if self.cut:
            data = data[: self.cut]
            self.close_connection = True
        self.wfile.write(data)

    def _head(self, status, length):
        self.send_response(status)
        if self.length:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(data, **behaviour):
    """An address at which `data` can be had, and the handler, which notes at which byte each request began."""
    handler = type("Handler", (Server,), {"data": data, "asked": (), **behaviour})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/data%20[set].tar.gz", handler
    finally:
        server.shutdown()
        server.server_close()


def archive_of(root, top="dataset"):
    """The bytes of an archive that holds a folder under the name `top`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(root, top)
    return buffer.getvalue()


def member(name, *, link="", kind=tarfile.REGTYPE):
    """What an archive says of one of its members, which holds nothing."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info
