"""A file tree served on loopback, which stands for the network: with ranges, and with its failures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class FileServer(ThreadingHTTPServer):
    """Serves the files of ``folder``; ``requests`` keeps the range that each request asked for, or None.

    Attributes:
        cut_after: bytes of an answer after which the connection breaks; None: never.
        cuts: how many answers are still to be cut.
        ranges: whether the server can go on in the middle of a file.
        length: whether it says how long its answers are.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.requests: list[str | None] = []
        self.cut_after: int | None = None
        self.cuts = 0
        self.ranges = self.length = True

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.close_connection = True
        path = self.server.folder / self.path.lstrip("/")
        self.server.requests.append(self.headers.get("Range"))
        if not path.is_file():
            self.send_error(404)
            return
        body, version = path.read_bytes(), f'"{path.stat().st_mtime_ns}"'
        start = self._start(len(body), version)
        if start >= len(body) > 0:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Connection", "close")
        if self.server.ranges:
            self.send_header("ETag", version)
        if self.server.length:
            self.send_header("Content-Length", str(len(body) - start))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._send(body[start:])

    def _start(self, size: int, version: str) -> int:
        asked = self.headers.get("Range")
        if not asked or not self.server.ranges or self.headers.get("If-Range") != version:
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def _send(self, body: bytes) -> None:
        cut = self.server.cut_after if self.server.cuts > 0 else None
        self.server.cuts -= 1
        body = body[:cut]
        if self.server.length:
            self.wfile.write(body)
            return
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        if cut is None:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[FileServer]:
    """Serve ``folder`` while the block runs."""
    with FileServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
