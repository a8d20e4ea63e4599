"""What Kafka has acknowledged of a source, in a file beside it: the same `produce` goes on where it was.

The first line says which topic and source the journal belongs to; each line after it was written when Kafka had
acknowledged more. So it may know less than Kafka, when the process was killed in between: then those references are
sent again, with the same clip_id. It never knows more.
"""

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from stream.errors import UserError
from stream.files.linefile import LineFile
from stream.processes.interrupts import uninterrupted
from stream.records import ClipReference

_BEGIN = b'{"stall-journal": 1, '
_OTHERWISE = "give another place by --journal"


def journal_beside(named: Path) -> Path:
    """Where the journal of a file or folder lies by default: `train_metadata.csv` has `train_metadata.csv.journal`."""
    path = named.resolve()
    return path.parent / f"{path.name or 'root'}.journal"


@dataclass(frozen=True, slots=True)
class Owner:
    """What a journal belongs to."""

    topic: str
    topic_id: str
    """Told by Kafka: another cluster's topic of this name, or one that was created again, has another."""
    folder: str | None = None
    """None for a source that is a file: its digest is told with each entry."""

    def to_line(self) -> bytes:
        """The journal's first line."""
        fields = {"stall-journal": 1, "topic": self.topic, "topic_id": self.topic_id, "folder": self.folder}
        return json.dumps(fields).encode()


class Memory(Protocol):
    """Which references of a source are acknowledged."""

    @property
    def count(self) -> int:
        """How many."""

    def recall(self, entry: Mapping[str, Any]) -> None:
        """Takes in an entry of the journal; raises KeyError, TypeError or ValueError where it is none."""

    def left(self, references: Iterable[ClipReference]) -> Iterator[ClipReference]:
        """Those that are not acknowledged; raises ValueError where this is not the source that was remembered."""

    def add(self, references: Sequence[ClipReference]) -> Mapping[str, Any]:
        """More are acknowledged: gives the entry that says so."""


class Rows:
    """Of a source that has an order: the first so many, and their digest, in the space of one."""

    def __init__(self) -> None:
        self.count = 0
        self._digest = hashlib.sha256()
        self._recalled: str | None = None

    def recall(self, entry: Mapping[str, Any]) -> None:
        """See Memory."""
        count, digest = entry["references"], entry["sha256"]
        if type(count) is not int or count <= self.count or not isinstance(digest, str):
            raise ValueError(entry)
        self.count, self._recalled = count, digest

    def left(self, references: Iterable[ClipReference]) -> Iterator[ClipReference]:
        """See Memory; a source that has grown at its end is still the same."""
        rest = iter(references)
        for reference in islice(rest, self.count):
            self._digest.update(reference.to_json() + b"\n")
        if self._recalled not in (None, self._digest.hexdigest()):
            raise ValueError(f"its first {self.count} references are not those that were sent")
        yield from rest

    def add(self, references: Sequence[ClipReference]) -> Mapping[str, Any]:
        """See Memory."""
        for reference in references:
            self._digest.update(reference.to_json() + b"\n")
        self.count += len(references)
        return {"references": self.count, "sha256": self._digest.hexdigest()}


class Names:
    """Of a folder, which may gain files anywhere: each clip_id."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def __contains__(self, name: object) -> bool:
        return name in self._names

    @property
    def count(self) -> int:
        """See Memory."""
        return len(self._names)

    def recall(self, entry: Mapping[str, Any]) -> None:
        """See Memory."""
        names = entry["clip_ids"]
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise TypeError(entry)
        self._names.update(names)

    def left(self, references: Iterable[ClipReference]) -> Iterator[ClipReference]:
        """See Memory."""
        return (each for each in references if each.clip_id not in self._names)

    def add(self, references: Sequence[ClipReference]) -> Mapping[str, Any]:
        """See Memory."""
        names = [each.clip_id for each in references]
        self._names.update(names)
        return {"clip_ids": names}


class Journal:
    """A source's journal, held by one process at a time; a context manager.

    Args:
        path: created where it doesn't exist; it must be writable.
        owner: whose it must be.
        memory: an empty one, of the kind that fits the source.

    Raises:
        UserError: it can't be used, belongs to something else, or is no journal.
    """

    def __init__(self, path: Path, owner: Owner, memory: Memory) -> None:
        self.path = path
        self._memory = memory
        self._under_way: deque[ClipReference] = deque()
        self._file = LineFile(path, otherwise=_OTHERWISE)
        try:
            self._read(owner)
        except BaseException:
            self._file.close()
            raise

    @property
    def count(self) -> int:
        """How many references are acknowledged, in this run or before it."""
        return self._memory.count

    def left(self, references: Iterable[ClipReference]) -> Iterator[ClipReference]:
        """What is still to be sent of the source. What it hands out must be sent, in that order.

        Raises:
            UserError: this is not the source that the journal belongs to.
        """
        try:
            for reference in self._memory.left(references):
                self._under_way.append(reference)
                yield reference
        except ValueError as error:
            raise self._foreign(f"another input: {error}") from None

    def acknowledged(self, more: int) -> None:
        """Kafka has the oldest `more` of those that were handed out."""
        with uninterrupted():
            done = [self._under_way.popleft() for _ in range(more)]
            self._file.append(json.dumps(self._memory.add(done)).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def _read(self, owner: Owner) -> None:
        lines = self._file.lines()
        first = next(lines, None)
        if first is None:
            torn = self._file.torn
            if not (torn.startswith(_BEGIN) or _BEGIN.startswith(torn)):
                raise self._no_journal(1)
            self._file.append(owner.to_line())
            return
        self._check(first, owner)
        for number, line in enumerate(lines, 2):
            try:
                self._memory.recall(json.loads(line))
            except (KeyError, TypeError, ValueError):
                raise self._no_journal(number) from None

    def _check(self, first: bytes, owner: Owner) -> None:
        if first == owner.to_line():
            return
        if not first.startswith(_BEGIN):
            raise self._no_journal(1)
        try:
            its = json.loads(first)
            topic, folder = its["topic"], its["folder"]
        except (KeyError, TypeError, ValueError):
            raise self._no_journal(1) from None
        if topic != owner.topic:
            raise self._foreign(f"the topic {topic!r}")
        if folder != owner.folder:
            raise self._foreign(f"the folder {folder}" if folder else "an input that is a file")
        raise self._foreign(f"another topic {topic!r}, of another cluster or deleted since")

    def _foreign(self, whose: str) -> UserError:
        return UserError(
            f"the journal {self.path} belongs to {whose}: to send all of this input, delete it or {_OTHERWISE}"
        )

    def _no_journal(self, number: int) -> UserError:
        return UserError(f"{self.path}:{number} is no line of a journal: {_OTHERWISE}, or take it out of the way")
