"""Logs: what is shown, and that no secret is, whoever logs it."""

import logging
import re
from pathlib import Path

import pytest

from stream.logs import _Formatter
from tests.guarded_kafka import GuardedKafka
from tests.system.commands import run

SECRET = "hunter2's \\ secret"


@pytest.mark.parametrize("where", ["environment", ".env", "folder"])
def test_no_secret_is_shown_at_any_level(guarded: GuardedKafka, tmp_path: Path, where: str):
    user = guarded.newcomer(by="SCRAM-SHA-256")
    guarded.set_password(user.name, "SCRAM-SHA-256", SECRET)
    given = dict(user.environment)
    del given["STALL_KAFKA_SASL_PLAIN_PASSWORD"]
    if where == "environment":
        given["STALL_KAFKA_SASL_PLAIN_PASSWORD"] = SECRET
    elif where == ".env":
        (tmp_path / ".env").write_text("STALL_KAFKA_SASL_PLAIN_PASSWORD='hunter2\\'s \\\\ secret'\n")
    else:
        (tmp_path / "STALL_KAFKA_SASL_PLAIN_PASSWORD").write_text(f"{SECRET}\n")
        given["STALL_SECRETS_DIR"] = str(tmp_path)
    done = run("-m", "stream", "topics", "--log-level", "debug", cwd=tmp_path, environment=given)
    assert "may not DESCRIBE" in done.stderr, "it didn't get in"
    assert "sasl_plain_password" in done.stderr, "Kafka's client tells its configuration no more: look where it may now"
    assert "***" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


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
