"""Logs: what is shown, and that no secret is, whoever logs it."""

import logging
import re

import pytest

from stream.logs import _Formatter
from tests.system.commands import run

SECRET = "hunter2's \\ secret"


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_no_secret_is_shown_at_any_level(kafka: str, tmp_path, where: str):
    given = {"STALL_KAFKA_SSL_PASSWORD": SECRET}
    if where == ".env":
        (tmp_path / ".env").write_text("STALL_KAFKA_SSL_PASSWORD='hunter2\\'s \\\\ secret'\n")
        given = {}
    words = ("topics", "--bootstrap", kafka, "--log-level", "debug")
    done = run("-m", "stream", *words, cwd=tmp_path, environment=given)
    assert done.returncode == 0, done.stderr
    assert "ssl_password" in done.stderr, "Kafka's client tells its configuration no more: look where it may now"
    assert "***" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_secret_is_hidden_in_whatever_form_pythons_reprs_give_it():
    secret = "w\u00f6rd's \\ \""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter([secret]))
    sent = secret.encode()
    for shown in (
        secret,
        [secret],
        sent,
        bytearray(sent),
        bytearray(b"'" + sent),
        b'"' + sent,
        {"a": (b"me\0" + sent,)},
    ):
        said = handler.format(logging.makeLogRecord({"msg": "%s", "args": (shown,), "levelname": "DEBUG"}))
        assert "***" in said
        assert "rd" not in said


def test_lines_are_in_utc_and_kafkas_client_is_silent_unless_asked(kafka: str):
    words = ("audit", "--bootstrap", kafka, "--clips-topic", "no-such-topic")
    quiet, loud = (run("-m", "stream", *words, "--log-level", level).stderr for level in ("info", "debug"))
    assert len(quiet.splitlines()) == 1
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ DEBUG ", loud, re.MULTILINE)
