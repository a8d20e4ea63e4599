"""The operators' port: /metrics for Prometheus, /livez and /readyz for whoever restarts and rolls out workers."""

import json
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Protocol, Self

from stream.errors import UserError

Check = Callable[[], str | None]
"""None where all is well, else the reason why not. It runs in the request's thread and must not wait."""

SILENCE_LIMIT_S = 10
"""A client that says nothing for so long is cut off; until then it holds a thread of its own and nobody up."""


class Exposition(Protocol):
    """What can be scraped; `stream.metrics.Registry` is one."""

    def expose(self, accept: str) -> tuple[str, bytes]:
        """Content type and body, as an `Accept` header asks for them."""


class OpsServer:
    """Answers GET and HEAD on threads of its own, from construction to `close`; a context manager.

    /livez and /readyz are 200, or 503 while a check fails; their body names what failed and why, as in
    `{"ok": false, "failed": {"assignment": "no partition yet"}}`. All paths beside these and /metrics are 404.
    """

    def __init__(
        self,
        registry: Exposition,
        *,
        host: str = "0.0.0.0",  # noqa: S104 - Prometheus and the kubelet call from outside the container
        port: int,
        live: Mapping[str, Check],
        ready: Mapping[str, Check],
    ) -> None:
        """Listens at once.

        Args:
            registry: what /metrics shows.
            host: address of the interface to listen at.
            port: 0 takes a free one.
            live: checks by name; only what a restart mends belongs here, so never the health of Kafka.
            ready: checks by name.

        Raises:
            UserError: host and port can't be listened at.
        """
        try:
            self._server = _Server(host, port, registry, {"/livez": live, "/readyz": ready})
        except (OSError, OverflowError) as error:
            raise UserError(f"no listening at {host}:{port} for /metrics ({error}); port 0 takes a free one") from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="ops", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The one that is listened at."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops listening; waits for no client."""
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Not http.server's own, which asks DNS for this machine's name before it listens."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, host: str, port: int, registry: Exposition, checks: Mapping[str, Mapping[str, Check]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._registry = registry
        self._checks = checks
        super().__init__((host, port), _Handler)

    def answer(self, path: str, accept: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body."""
        if path == "/metrics":
            return HTTPStatus.OK, *self._registry.expose(accept)
        if path not in self._checks:
            return HTTPStatus.NOT_FOUND, "text/plain", b"there are /metrics, /livez and /readyz\n"
        reasons = {name: check() for name, check in self._checks[path].items()}
        failed = {name: reason for name, reason in reasons.items() if reason is not None}
        status = HTTPStatus.SERVICE_UNAVAILABLE if failed else HTTPStatus.OK
        return status, "application/json", json.dumps({"ok": not failed, "failed": failed}).encode() + b"\n"

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # the client hung up: its own affair
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = SILENCE_LIMIT_S
    server_version = "stall"
    sys_version = ""

    def do_GET(self) -> None:
        status, content_type, body = self.server.answer(self.path.partition("?")[0], self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """A probe each second is no news."""
