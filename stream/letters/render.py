"""Records and dead letters in full: as lines that no terminal obeys, as JSON, and as a command to try again."""

import json
import shlex
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from stream.errors import Reason
from stream.letters.letter import DeadLetter
from stream.records import ClipReference, Record

_SCORE = "python -m stream score"
_ARGUMENT_LIMIT_BYTES = 100_000
"""Linux takes 128 KiB."""


def printable(given: str | bytes | None) -> str:
    """A text as it is if each of its characters can be seen, else as a Python literal; bytes that are no text, too."""
    if given is None:
        return "none"
    if isinstance(given, bytes):
        try:
            given = given.decode()
        except UnicodeDecodeError:
            return repr(given)
    return given if given.isprintable() else repr(given)


def record_lines(record: Record) -> Iterator[str]:
    """All there is of a record, its place first."""
    yield f"{record.source.place}  {record.appended_at}"
    yield _line("key", printable(record.key))
    yield _line("value", printable(record.value))
    for name, value in record.headers:
        yield _line("header", f"{printable(name)} = {printable(value)}")


def letter_lines(letter: DeadLetter) -> Iterator[str]:
    """All there is of a dead letter, what it tells before how it is stored."""
    rejection, reference = letter.rejection, letter.reference
    first, *rest = record_lines(letter.record)
    yield first
    yield _line("reason", rejection.reason)
    yield _line("detail", printable(rejection.detail))
    yield _line("clip_id", printable(rejection.clip_id))
    yield _line("uri", printable(reference.uri if reference else None))
    yield _line("reference", letter.source.place)
    if letter.was:
        yield _line("was before", letter.was.place)
    if letter.omitted is not None:
        yield _line("not kept", f"the value, {printable(letter.omitted)} bytes: too large for the topic")
    yield from rest
    yield _line("try again", _said_of_trying_again(letter))


def letter_json(letter: DeadLetter) -> dict[str, Any]:
    """The same as JSON takes it; bytes that are no text as `{"base64": ...}`."""
    record, rejection, reference = letter.record, letter.rejection, letter.reference
    return {
        "topic": record.partition.topic,
        "partition": record.partition.number,
        "offset": record.offset,
        "appended_at": record.appended_at,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "clip_id": rejection.clip_id,
        "uri": reference.uri if reference else None,
        "source": letter.source.model_dump(),
        "requeued_from": letter.was and letter.was.model_dump(),
        "omitted_value_bytes": letter.omitted,
        "key": _text_or_base64(record.key),
        "value": _text_or_base64(record.value),
        "headers": [[name, _text_or_base64(value)] for name, value in record.headers],
        "score": try_again(letter),
    }


def letter_line(letter: DeadLetter) -> str:
    """One line that names it."""
    rejection = letter.rejection
    return f"{letter.record.source.place}  {rejection.reason}  {printable(rejection.clip_id)}"


def try_again(letter: DeadLetter) -> str | None:
    """The command that judges the clip without Kafka; None where a shell can't be given the reference.

    A reference that says more of its clip than where it is must be given whole, for it may be rejected for that.
    """
    reference = letter.reference
    if reference is None:
        value = letter.record.value or b""
        text = printable(value)
        asis = bool(value) and text.encode() == value and len(value) <= _ARGUMENT_LIMIT_BYTES
        return f"{_SCORE} --reference {shlex.quote(text)}" if asis else None
    if _is_only_a_place(reference) and reference.uri.isprintable():
        return f"{_SCORE} {shlex.quote(reference.uri)}"
    whole = json.dumps(reference.model_dump(mode="json", exclude_defaults=True))  # ASCII, so it can be typed
    return f"{_SCORE} --reference {shlex.quote(whole)}"


def _said_of_trying_again(letter: DeadLetter) -> str:
    command = try_again(letter)
    if command is None:
        return "not possible: the value is no text that a command could take"
    return f"{command}  # allowed there, by being named" if letter.rejection.reason is Reason.FORBIDDEN else command


def _is_only_a_place(reference: ClipReference) -> bool:
    """And one that `score` takes for what a worker does: to it, a name without a scheme is a relative path."""
    is_told = reference.uri.startswith("/") or "://" in reference.uri
    return is_told and reference.sha256 is None and reference.num_frames is None and reference.roi is None


def _line(name: str, text: str) -> str:
    return f"    {name:<10} {text}"


def _text_or_base64(data: bytes | None) -> str | dict[str, str] | None:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}
