"""The operators' port as Prometheus, a kubelet and a rude client see it."""

import http.client
import json
import socket
import time
from collections.abc import Iterator

import pytest

from stream.errors import UserError
from stream.metrics import Metrics, Registry
from stream.ops import OpsServer

troubles: dict[str, str | None] = {}


@pytest.fixture
def ops() -> Iterator[OpsServer]:
    registry = Registry()
    Metrics(registry)
    troubles.clear()
    live = {"loop": lambda: troubles.get("loop")}
    ready = {"engine": lambda: troubles.get("engine"), "assignment": lambda: troubles.get("assignment")}
    with OpsServer(registry, host="127.0.0.1", port=0, live=live, ready=ready) as server:
        yield server


def ask(ops: OpsServer, path: str, *, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", ops.port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_metrics_are_there_in_the_format_that_is_asked_for(ops: OpsServer):
    response, body = ask(ops, "/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    assert b"stall_clips_total" in body
    response, body = ask(ops, "/metrics?name=x", Accept="application/openmetrics-text; version=1.0.0")
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_a_worker_that_is_well_is_live_and_ready(ops: OpsServer):
    for path in ("/livez", "/readyz"):
        response, body = ask(ops, path)
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        assert json.loads(body) == {"ok": True, "failed": {}}


def test_a_failed_check_is_503_and_named_on_its_own_path_alone(ops: OpsServer):
    troubles["assignment"] = "no partition yet"
    response, body = ask(ops, "/readyz")
    assert response.status == 503
    assert json.loads(body) == {"ok": False, "failed": {"assignment": "no partition yet"}}
    assert ask(ops, "/livez")[0].status == 200
    troubles["assignment"] = None
    assert ask(ops, "/readyz")[0].status == 200


def test_head_is_get_without_the_body(ops: OpsServer):
    for path in ("/livez", "/metrics"):
        response, body = ask(ops, path, method="HEAD")
        assert response.status == 200
        assert int(response.headers["Content-Length"]) > 0
        assert body == b""


@pytest.mark.parametrize("path", ["/", "/ready", "/livez/", "/metrics/x", "/%2e%2e/etc/passwd"])
def test_nothing_else_is_there(ops: OpsServer, path: str):
    assert ask(ops, path)[0].status == 404


def test_only_reading_is_allowed(ops: OpsServer):
    assert ask(ops, "/livez", method="POST")[0].status in (405, 501)


def test_silent_clients_hold_nobody_up(ops: OpsServer):
    silent = [socket.create_connection(("127.0.0.1", ops.port)) for _ in range(20)]
    started = time.monotonic()
    assert ask(ops, "/livez")[0].status == 200
    assert time.monotonic() - started < 5
    for client in silent:
        client.close()


def test_a_silent_client_is_cut_off(ops: OpsServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("stream.ops._Handler.timeout", 0.1)
    with socket.create_connection(("127.0.0.1", ops.port), timeout=10) as silent:
        assert silent.recv(1) == b""


def test_close_waits_for_no_client_and_frees_the_port(ops: OpsServer):
    with socket.create_connection(("127.0.0.1", ops.port)):
        ask(ops, "/livez")  # so the one before it has been let in
        started = time.monotonic()
        ops.close()
        assert time.monotonic() - started < 5
    with OpsServer(Registry(), host="127.0.0.1", port=ops.port, live={}, ready={}) as again:
        assert ask(again, "/livez")[0].status == 200


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", None), ("127.0.0.1", 65536), ("192.0.2.1", 0)])
def test_an_address_that_cannot_be_had_is_one_line_for_the_user(ops: OpsServer, host: str, port: int | None):
    with pytest.raises(UserError, match=rf"{host}.*port 0 takes a free one"):
        OpsServer(Registry(), host=host, port=ops.port if port is None else port, live={}, ready={})
