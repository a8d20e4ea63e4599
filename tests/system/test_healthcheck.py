"""A container's healthcheck: what the worker says of itself, as an exit code."""

from collections.abc import Iterator

import pytest

from stream.commands.healthcheck import run
from stream.errors import UserError
from stream.local.ports import free_ports
from stream.metrics import Registry
from stream.ops import OpsServer
from stream.settings import HealthcheckSettings

HOST = "127.0.0.1"


def asked(**flags: object) -> int:
    return run(HealthcheckSettings.model_validate(flags))


@pytest.fixture
def ops() -> Iterator[OpsServer]:
    """A worker that lives and has no partition yet."""
    ready = {"worker": lambda: "no partition yet"}
    with OpsServer(Registry(), host=HOST, port=0, live={"worker": lambda: None}, ready=ready) as server:
        yield server


def test_a_worker_that_lives_is_healthy(ops: OpsServer, capsys: pytest.CaptureFixture[str]):
    assert asked(ops_port=ops.port) == 0
    assert capsys.readouterr().out == "live\n"


def test_what_it_lacks_is_told(ops: OpsServer, capsys: pytest.CaptureFixture[str]):
    assert asked(ops_host=HOST, ops_port=ops.port, question="ready") == 1
    assert capsys.readouterr().out == "worker: no partition yet\n"


def test_nobody_there_is_unhealthy_too(capsys: pytest.CaptureFixture[str]):
    (port,) = free_ports(HOST, 1)
    assert asked(ops_port=port) == 1
    assert f"no worker answers at {HOST}:{port}" in capsys.readouterr().err


def test_a_port_that_is_not_told_can_not_be_asked():
    with pytest.raises(UserError, match="give the one that it printed"):
        asked(ops_port=0)
