"""Kept logits: a file beside a submission that takes each clip's logit as it comes, so that it can be gone on with."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.errors import UserError
from stream.files.linefile import LineFile


class KeptLogits:
    """A context manager around the file of one prediction; one process at a time.

    Args:
        out: the submission that is to be written.
        of: what the logits are of; another prediction's are not gone on with.

    Raises:
        UserError: it is another prediction's, another process writes to it, or it can't be written.
    """

    def __init__(self, out: Path, *, of: str) -> None:
        self._path = out.with_name(f"{out.name}.logits")
        self._file = LineFile(self._path, otherwise="give another --out")
        lines = self._file.lines()
        told = next(lines, None)
        if told is None:
            self._file.append(of.encode())
        elif told != of.encode():
            self._file.close()
            raise UserError(
                f"{self._path} was begun with {told.decode()}, this is {of}: delete it, or give another --out"
            )
        self.found: dict[str, float] = dict(json.loads(line) for line in lines)
        """By clip."""

    def add(self, clip_id: str, logit: float) -> None:
        """Keeps one."""
        self._file.append(json.dumps([clip_id, logit]).encode())
        self.found[clip_id] = logit

    def drop(self) -> None:
        """Deletes the file: the submission is written."""
        self._path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
