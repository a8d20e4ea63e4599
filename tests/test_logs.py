"""Logs: what is shown, and that no secret is, whoever logs it."""

import io
import json
import logging
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from stream.logs import SampledHandler, _JsonFormatter, _TextFormatter, facts
from tests.guarded_kafka import GuardedKafka
from tests.system.commands import run

SECRET = "hunter2's \\ secret"


@pytest.mark.parametrize(("where", "form"), [("environment", "text"), (".env", "json"), ("folder", "text")])
def test_no_secret_is_shown_at_any_level(guarded: GuardedKafka, tmp_path: Path, where: str, form: str):
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
    words = ("topics", "--log-level", "debug", "--log-format", form)
    done = run("-m", "stream", *words, cwd=tmp_path, environment=given)
    assert "may not DESCRIBE" in done.stderr, "it didn't get in"
    assert "sasl_plain_password" in done.stderr, "Kafka's client tells its configuration no more: look where it may now"
    assert "***" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    if form == "json":
        logged = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        assert {each["level"] for each in logged} >= {"debug", "info"}


@pytest.mark.parametrize("formatter", [_TextFormatter, _JsonFormatter])
def test_a_secret_is_hidden_in_whatever_form_pythons_reprs_give_it(formatter):
    secret = "w\u00f6rd's \\ \""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter([secret]))
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
        assert "w\u00f6" not in json.loads(said)["message"] if formatter is _JsonFormatter else "w\u00f6" not in said


def test_lines_are_in_utc_and_kafkas_client_is_silent_unless_asked(kafka: str):
    words = ("audit", "--bootstrap", kafka, "--clips-topic", "no-such-topic")
    quiet, loud = (run("-m", "stream", *words, "--log-level", level).stderr for level in ("info", "debug"))
    assert len(quiet.splitlines()) == 1
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ DEBUG ", loud, re.MULTILINE)


class Lines:
    """A logger whose lines are kept, under a clock that a test turns."""

    def __init__(self, formatter: type[logging.Formatter] = _TextFormatter) -> None:
        self.now = 0.0
        self._stream = io.StringIO()
        self.handler = SampledHandler(self._stream, clock=lambda: self.now)
        self.handler.setFormatter(formatter(["hush"]))  # type: ignore[arg-type]  # ours take secrets

    def log(self, level: int, sentence: str, *args: object, **about: str) -> None:
        record = logging.makeLogRecord({"msg": sentence, "args": args, "name": "stream.x", **facts(**about)})
        record.levelno, record.levelname = level, logging.getLevelName(level)
        self.handler.handle(record)

    @property
    def all(self) -> list[str]:
        return self._stream.getvalue().splitlines()


def test_a_line_of_json_has_the_sentence_and_what_it_is_about():
    lines = Lines(_JsonFormatter)
    lines.log(
        logging.WARNING,
        "a clip is rejected: %s",
        "3 frames of hush are missing",
        clip_id="\u00e9\n.mp4",
        reason="damaged",
    )
    (line,) = map(json.loads, lines.all)
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "warning",
        "logger": "stream.x",
        "message": "a clip is rejected: 3 frames of *** are missing",
        "clip_id": "\u00e9\n.mp4",
        "reason": "damaged",
    }


def test_a_traceback_is_part_of_its_line_of_json():
    try:
        raise ValueError("hush")
    except ValueError:
        record = logging.makeLogRecord({"msg": "defect", "exc_info": sys.exc_info()})
    line = json.loads(_JsonFormatter(["hush"]).format(record))
    assert line["exception"].endswith("ValueError: ***")


def test_text_tells_what_it_is_about_behind_the_sentence():
    lines = Lines()
    lines.log(logging.WARNING, "a clip is rejected: %s", "black", clip_id="1.mp4", reason="unusable")
    assert lines.all[0].endswith("Z WARNING a clip is rejected: black clip_id=1.mp4 reason=unusable")


def test_of_errors_that_are_alike_a_few_a_minute_are_shown_and_the_rest_counted():
    lines = Lines()
    for number in range(12):
        lines.log(logging.WARNING, "clip %d is bad", number, reason="damaged")
    lines.log(logging.WARNING, "clip %d is bad", 12, reason="no_outline")
    for number in range(9):
        lines.log(logging.INFO, "news %d", number)
    assert [line.split(" ", 2)[2] for line in lines.all] == [
        *(f"clip {number} is bad reason=damaged" for number in range(5)),
        "clip 12 is bad reason=no_outline",
        *(f"news {number}" for number in range(9)),
    ]
    lines.now = 61.0
    lines.log(logging.WARNING, "clip %d is bad", 13, reason="damaged")
    assert lines.all[-2].endswith("7 lines like this were left out in 61 s: clip 11 is bad reason=damaged left_out=7")
    assert lines.all[-1].endswith("clip 13 is bad reason=damaged")


def test_what_was_left_out_is_told_once_its_minute_is_over_though_nothing_more_happens():
    lines = Lines()
    for number in range(8):
        lines.log(logging.WARNING, "bad %d", number)
    lines.now = 59.0
    lines.handler.tell_left_out()
    assert len(lines.all) == 5
    lines.now = 60.0
    for _ in range(2):
        lines.handler.tell_left_out()
    assert len(lines.all) == 6
    assert lines.all[-1].endswith("3 lines like this were left out in 60 s: bad 7 left_out=3")


def test_a_count_of_what_was_left_out_has_the_time_at_which_it_is_told():
    lines = Lines(_JsonFormatter)
    for _ in range(6):
        record = logging.makeLogRecord({"msg": "bad", "created": 0.0, "levelno": logging.ERROR, "levelname": "ERROR"})
        lines.handler.handle(record)
    lines.handler.close()
    told = [datetime.fromisoformat(json.loads(each)["time"]) for each in lines.all]
    assert told[-2].year == 1970
    assert datetime.now(told[-1].tzinfo) - told[-1] < timedelta(minutes=1)


def test_what_was_left_out_at_last_is_told_at_the_end():
    lines = Lines()
    for number in range(8):
        lines.log(logging.ERROR, "bad %d", number)
    lines.handler.close()
    assert lines.all[-1].endswith("3 lines like this were left out in 0 s: bad 7 left_out=3")
    assert len(lines.all) == 6


def test_no_clip_id_can_make_a_line_of_its_own():
    lines = Lines()
    lines.log(logging.WARNING, "a clip is rejected", clip_id="1.mp4\n2026-01-01T00:00:00Z INFO all is well")
    assert len(lines.all) == 1


def test_a_defect_is_logged_and_shows_no_secret():
    start = "from stream.logs import log_to_stderr; log_to_stderr('info', secrets=['hush'], form='json')"
    done = run("-c", f"{start}; raise OSError('hush')")
    assert done.returncode == 1
    line = json.loads(done.stderr)
    assert (line["level"], line["exception"].splitlines()[-1]) == ("critical", "OSError: ***")
