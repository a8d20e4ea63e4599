"""Logs: one line on stderr for one fact, in UTC, as text or JSON; without secrets, and without endless repetition."""

import json
import logging
import math
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO

LogFormat = Literal["text", "json"]

_HIDDEN = "***"
_BURST = 5
_BURST_S = 60.0


def facts(**named: str | int | None) -> dict[str, dict[str, str | int]]:
    """What a line is about, for its `extra`: `log.warning("...", extra=facts(clip_id=clip_id))`; None is left out."""
    return {"facts": {name: value for name, value in named.items() if value is not None}}


def log_to_stderr(level: str, *, secrets: Iterable[str], form: LogFormat = "text") -> None:
    """From here on what is logged goes to stderr, and so does what ends the process by a defect.

    Args:
        level: the least severity shown; kafka-python's own lines are shown from "debug" on, for it tells of each retry
            as an error, and what matters of it is told by us. From "debug" on nothing is left out, either.
        secrets: texts that must not be shown, whoever logs them: kafka-python logs its whole configuration.
        form: text for people, or one JSON object a line: time, level, logger, message, and the line's facts.
    """
    handler = SampledHandler(sys.stderr, burst=math.inf if level == "debug" else _BURST)
    handler.setFormatter(_JsonFormatter(secrets) if form == "json" else _TextFormatter(secrets))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    if level != "debug":
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
    sys.excepthook = _log_defect


def last_line(said: str, *, form: LogFormat) -> str:
    """What a command that is refused says in the end: as it is for people, or as a line of a log in JSON."""
    if form == "text":
        return said
    level = logging.ERROR
    record = {"name": "stream", "levelno": level, "levelname": logging.getLevelName(level), "msg": said}
    return _JsonFormatter(()).format(logging.makeLogRecord(record))


def _log_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("stream").critical("ended by a defect", exc_info=(kind, error, trace))


@dataclass(slots=True)
class _Burst:
    """Warnings or errors that are alike."""

    since_s: float
    shown: int = 0
    left_out: int = 0
    last: logging.LogRecord | None = None
    """Of those left out."""


class SampledHandler(logging.StreamHandler[TextIO]):
    """Of warnings and errors that are alike, shows so many a minute, and then how many were left out.

    Alike are those of one sentence and, where it is about rejected clips, one reason. What was left out in a minute is
    told by the first line or the first `tell_left_out` after it, or when the handler is closed.
    """

    def __init__(self, stream: TextIO, *, burst: float = _BURST, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._burst = burst
        self._clock = clock
        self._bursts: dict[tuple[object, ...], _Burst] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Called under the handler's lock."""
        now = self._clock()
        self._end_bursts(now, longer_than_s=_BURST_S)
        if not logging.WARNING <= record.levelno < logging.CRITICAL:
            super().emit(record)
            return
        burst = self._bursts.setdefault((record.name, record.msg, _facts_of(record).get("reason")), _Burst(now))
        if burst.shown < self._burst:
            burst.shown += 1
            super().emit(record)
        else:
            burst.left_out, burst.last = burst.left_out + 1, record

    def tell_left_out(self) -> None:
        """Tells what was left out in the minutes that are over."""
        with self.lock or nullcontext():
            self._end_bursts(self._clock(), longer_than_s=_BURST_S)

    def close(self) -> None:
        """Tells all that was left out."""
        self._end_bursts(self._clock(), longer_than_s=0.0)
        super().close()

    def _end_bursts(self, now: float, *, longer_than_s: float) -> None:
        ended = [key for key, burst in self._bursts.items() if now - burst.since_s >= longer_than_s]
        for burst in map(self._bursts.pop, ended):
            if burst.last:
                super().emit(_left_out(burst.last, burst.left_out, within_s=now - burst.since_s))


def tell_left_out() -> None:
    """To be called now and then by who runs for long: else the count of what was left out waits for the next line."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, SampledHandler):
            handler.tell_left_out()


def _left_out(last: logging.LogRecord, count: int, *, within_s: float) -> logging.LogRecord:
    """A line of its own, with the time at which it is told."""
    said = f"{count} lines like this were left out in {within_s:.0f} s: {last.getMessage()}"
    told = {"msg": said, "args": None, "created": time.time(), "exc_info": None, "exc_text": None}
    return logging.makeLogRecord({**vars(last), **told, **facts(**_facts_of(last), left_out=count)})


def _facts_of(record: logging.LogRecord) -> dict[str, Any]:
    told: dict[str, Any] = getattr(record, "facts", {})
    return told


class _Secrets:
    """Texts that must not be shown."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        self._hidden = sorted(forms, key=len, reverse=True)  # one may be part of another

    def hide(self, text: str) -> str:
        for each in self._hidden:
            text = text.replace(each, _HIDDEN)
        return text


class _TextFormatter(logging.Formatter):
    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._secrets = _Secrets(secrets)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        """The sentence and its facts; a traceback follows."""
        told = (f" {name}={_in_one_word(value)}" for name, value in _facts_of(record).items())
        return super().formatMessage(record) + "".join(told)

    def format(self, record: logging.LogRecord) -> str:
        return self._secrets.hide(super().format(record))


def _in_one_word(value: str | int) -> str:
    """A clip_id may be anything, also what would look like a line of ours."""
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)


class _JsonFormatter(logging.Formatter):
    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = _Secrets(secrets)

    def format(self, record: logging.LogRecord) -> str:
        time_ = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {
            "time": time_.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts_of(record),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: self._hidden(value) for name, value in told.items()})

    def _hidden(self, value: str | int) -> str | int:
        return self._secrets.hide(value) if isinstance(value, str) else value


def _forms(secret: str) -> set[str]:
    """A secret as it stands in a text, and as Python shows it within a text or within bytes."""
    in_bytes = secret.encode().decode("latin-1").encode("unicode_escape").decode()
    return {secret, repr(secret)[1:-1], in_bytes, in_bytes.replace("'", r"\'")}
