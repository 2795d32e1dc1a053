"""A page that follows a training run, for the browsers of this machine alone, as long as the training lasts."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast

from unroll.viewer.page import as_json, look_html
from unroll.viewer.scene import scene_of

#: The loopback address: nothing outside this machine reaches it.
HOST = "127.0.0.1"
#: Milliseconds between two questions of the page, and seconds that a request may take to arrive.
_EVERY, _PATIENCE = 1000, 10


class LiveView:
    """Serves a page, and what it asks for, inside a `with` block.

    Listens on 127.0.0.1 only, at a port that is free and below a path that nobody can guess, so other users of the
    machine are kept out too. A request is answered only if its Host is this address, which keeps out pages that had
    their own name resolved to 127.0.0.1, and if no other Origin sent it.

    Args:
        title: of the page.
        now: what the page is told whenever it asks, JSON-able; called in a thread of its own.
    """

    def __init__(self, title: str, now: Callable[[], dict[str, Any]]) -> None:
        live = {"address": "now", "every": _EVERY}
        page = look_html(scene_of(title, "", [], live=live)).encode("utf-8")
        self._secret = secrets.token_urlsafe(16)
        handler = _handler(self._secret, page, now)
        self._server = ThreadingHTTPServer((HOST, 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="unroll-look", daemon=True)

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{HOST}:{self._server.server_address[1]}/{self._secret}/"

    def __enter__(self) -> LiveView:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(secret: str, page: bytes, now: Callable[[], dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "unroll"
        sys_version = ""
        timeout = _PATIENCE

        def do_GET(self) -> None:
            if not self._is_ours():
                self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"for this machine's own browsers\n")
            elif self.path == f"/{secret}/":
                self._answer(HTTPStatus.OK, "text/html; charset=utf-8", page)
            elif self.path == f"/{secret}/now":
                self._answer(HTTPStatus.OK, "application/json", as_json(now()).encode("ascii"))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"nothing here\n")

        def _is_ours(self) -> bool:
            own = f"{HOST}:{cast(ThreadingHTTPServer, self.server).server_port}"
            origins = self.headers.get_all("Origin", [])
            return self.headers.get_all("Host") == [own] and all(origin == f"http://{own}" for origin in origins)

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
                ("X-Frame-Options", "DENY"),
                ("Referrer-Policy", "no-referrer"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
                ("Cross-Origin-Opener-Policy", "same-origin"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the terminal belongs to the training."""

    return Handler
