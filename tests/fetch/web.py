"""A web server whose pages behave as a test wants them to, and which notes what it was asked for."""

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hypothesis import strategies as st

TLS = Path(__file__).parent / "tls"
"""`localhost.pem`, a certificate and its key for 127.0.0.1, good for 100 years; `authority.pem` vouches for it."""
Page = Callable[["Visit"], None]


class Visit(BaseHTTPRequestHandler):
    """One request; a page answers it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.page(self.path)(self)

    def answer(self, status: int, body: bytes = b"", **headers: object) -> None:
        """All of it, as it should be; `Content_Length` and the like replace what is usual."""
        self.begin(status, **{"Content_Length": len(body), **headers})
        self.wfile.write(body)

    def begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


HEADERS = st.sampled_from(
    [
        "Content-Length: 3",
        "Content-Length: -1",
        "Content-Length: 3, 4",
        f"Content-Length: {'9' * 5000}",
        "Content-Length: \u00b2",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Content-Encoding: gzip",
        "Location: //[",
        "Location: http://[::1/",
        "Location: /\u00e4%",
        "Last-Modified: yesterday",
        "ETag: \u00e4",
        "no colon",
        ": no name",
        " folded",
        f"Long: {'x' * 70_000}",
    ]
)
STATUSES = st.sampled_from(
    ["200 OK", "200", "302 Found", "404 Not Found", "503 No", "99 What", "1000", "abc", "-1", ""]
)
BODIES = st.sampled_from([b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"-3\r\nabc", b"zz\r\n", b"\x1f\x8b", b"f" * 5000])
VERSIONS = st.just("HTTP/1.1 ") | st.sampled_from(["HTTP/1.0 ", "HTTP/2 ", "HTTP/9.9 ", "ICY ", ""])
ANSWERS = st.builds(
    lambda version, status, headers, body: "\r\n".join([version + status, *headers, "", ""]).encode("latin-1") + body,
    VERSIONS,
    STATUSES,
    st.lists(HEADERS, max_size=3) | HEADERS.map(lambda header: [header] * 101),
    BODIES,
)
"""What no server should say."""


def says(answer: bytes) -> Page:
    """Says exactly that, and hangs up."""

    def page(visit: Visit) -> None:
        visit.wfile.write(answer)
        visit.hang_up()

    return page


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.asked: list[str] = []
        self.pages: dict[str, Page] = {}
        self.any_page: Page = lambda visit: visit.answer(404)

    def page(self, path: str) -> Page:
        return self.pages.get(path.partition("?")[0], self.any_page)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client may hang up as it likes."""


class Web:
    """Serves from construction to `close`; a context manager."""

    def __init__(self, *, tls: bool = False) -> None:
        self._server = _Server()
        self._scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "localhost.pem")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def asked(self) -> list[str]:
        """Paths with their queries, as they came."""
        return self._server.asked

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Connections are refused from now on."""
        self._server.shutdown()
        self._server.server_close()

    def at(self, path: str, page: Page) -> str:
        """Has a page answer at an (encoded) path; its url."""
        self._server.pages[path] = page
        return self.url + path

    def everywhere(self, page: Page) -> None:
        """Has a page answer wherever no other does."""
        self._server.any_page = page

    def put(self, path: str, body: bytes) -> str:
        return self.at(path, lambda visit: visit.answer(200, body))

    def status(self, path: str, status: int, **headers: object) -> str:
        return self.at(path, lambda visit: visit.answer(status, b"words", **headers))
