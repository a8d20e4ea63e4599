"""Outcomes of files kept as JSON lines: `score`, started again, leaves out what has its outcome already."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from stream.errors import UserError
from stream.files.linefile import LineFile
from stream.files.textfiles import reading
from stream.records import OUTCOMES, FileSource, Outcome, Rejection, Thresholds, Verdict
from stream.scoring.outcomes import Judge
from stream.scoring.score import NamedClip
from stream.validation import first_error

_BEGIN = b'{"schema":1,'
_OTHERWISE = "give another file by --out"


@dataclass(frozen=True, slots=True)
class _Terms:
    """What verdicts must have in common to be compared."""

    artifact: str
    spec: str
    thresholds: Thresholds

    def __str__(self) -> str:
        rule = ", ".join(f"{name} {value:g}" for name, value in self.thresholds.model_dump().items())
        return f"artifact {self.artifact}, spec {self.spec} ({rule})"


def outcomes_in(path: Path) -> Iterator[Outcome]:
    """Each outcome of a file that `score --out` wrote, or that holds what `score --json` printed.

    Raises:
        UserError: it can't be read, or a line is no outcome.
    """
    with reading(path) as file:
        for number, line in enumerate(file, 1):
            try:
                yield OUTCOMES.validate_json(line)
            except ValidationError as error:
                raise UserError(f"{path}:{number} is no outcome: {first_error(error)}") from None


class OutcomeFile:
    """A file of outcomes, one a line; a context manager.

    Args:
        path: created where it doesn't exist.
        resume: whether it may hold outcomes already.

    Raises:
        UserError: it holds something and `resume` is not set, or something else than outcomes; it can't be written, or
            another process writes to it.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self._files: Counter[str] = Counter()
        self._terms: dict[_Terms, int] = {}
        self.rejections = 0
        """How many of the outcomes are rejections."""
        self._lines = LineFile(path, otherwise=_OTHERWISE)
        try:
            self._read(resume=resume)
        except BaseException:
            self._lines.close()
            raise

    def require(self, judge: Judge) -> None:
        """Makes sure that what is there was judged as it will be now.

        Raises:
            UserError: by another artifact, or by another rule.
        """
        rule = judge.rule
        ours = Thresholds(low=rule.low, high=rule.high, decide=rule.decide, prevalence=rule.prevalence)
        terms = _Terms(judge.artifact, judge.spec, ours)
        for its, number in self._terms.items():
            if its != terms:
                raise UserError(f"{self._path}:{number} was judged by {its}, this would be by {terms}: {_OTHERWISE}")

    def without_outcome(self, clips: Iterable[NamedClip]) -> Iterator[NamedClip]:
        """Those that have none here; one that was named twice has two."""
        had = self._files.copy()
        for clip in clips:
            name = clip.source.file
            if had[name]:
                had[name] -= 1
            else:
                yield clip

    def add(self, outcome: Outcome) -> None:
        """Keeps one more."""
        self.rejections += isinstance(outcome, Rejection)
        self._lines.append(outcome.model_dump_json().encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lines.close()

    def _read(self, *, resume: bool) -> None:
        if not (resume or self._lines.is_empty):
            raise UserError(f"{self._path} exists: --resume goes on with it, or {_OTHERWISE}")
        number = 0
        for number, line in enumerate(self._lines.lines(), 1):
            try:
                self._recall(OUTCOMES.validate_json(line), number)
            except (ValidationError, TypeError):
                raise self._no_outcome(number) from None
        torn = self._lines.torn
        if not (torn.startswith(_BEGIN) or _BEGIN.startswith(torn)):
            raise self._no_outcome(number + 1)

    def _recall(self, outcome: Outcome, number: int) -> None:
        if not isinstance(outcome.source, FileSource):
            raise TypeError(outcome.source)
        self._files[outcome.source.file] += 1
        self.rejections += isinstance(outcome, Rejection)
        if isinstance(outcome, Verdict):
            self._terms.setdefault(_Terms(outcome.artifact, outcome.spec, outcome.thresholds), number)

    def _no_outcome(self, number: int) -> UserError:
        return UserError(f"{self._path}:{number} is no outcome of a file: {_OTHERWISE}, or take it out of the way")
