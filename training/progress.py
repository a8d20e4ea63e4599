"""Progress on stderr: a bar for each task, with what it does in a second and when it will be done."""

import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import (
    BarColumn,
    Progress,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from stream.terminal.console import Console

if TYPE_CHECKING:
    from training.learning.loop import Step  # it needs torch, and not all that is done with bars does

_LINE_S = 10.0
"""Between lines where bars can't be drawn."""


class Bars:
    """A context manager that shows bars while it is open."""

    def __init__(self, *, shown: bool = True) -> None:
        """With `shown` false it says nothing, as all but one of several processes do."""
        self._console = Console(stderr=True, quiet=not shown, markup=False, highlight=False)
        name, note = (TextColumn(each, markup=False) for each in ("{task.description}", "{task.fields[note]}"))
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        columns = (name, BarColumn(), TaskProgressColumn(), *times, note)
        self._progress = Progress(*columns, console=self._console)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """A line above the bars, as it is; in a log it stays one."""
        self._console.print(text, soft_wrap=not self._console.is_terminal)

    def clips(self, name: str, *, of: str = "clips") -> Callable[[int, int], None]:
        """A bar; the function is told how many clips (or `of` what) are done, of how many. It shows from then on.

        Where bars can't be drawn there is a line each `_LINE_S` seconds instead.
        """
        task = self._progress.add_task(name, total=None, note="", visible=False)
        said_at = time.monotonic()

        def update(done: int, total: int) -> None:
            nonlocal said_at
            shown = self._progress.tasks[task]
            if shown.total != total:  # another set of clips; and what an earlier run has done must not count as speed
                self._progress.reset(task, completed=done - 1, total=total)
            note = f"{done} of {total} {of}" + (f", {shown.speed:.0f}/s" if shown.speed else "")
            self._progress.update(task, completed=done, note=note, visible=total > 0)
            if not self._console.is_terminal and time.monotonic() > said_at + _LINE_S:
                said_at = time.monotonic()
                self.say(f"{name}: {note}{_left(shown)}")

        return update

    def training(self, name: str) -> Callable[["Step"], None]:
        """A bar; the function is told each step. Where bars can't be drawn, as in a log, each tenth is a line."""
        task = self._progress.add_task(name, total=1.0, note="", visible=False)
        tenths = 0

        def update(step: "Step") -> None:
            nonlocal tenths
            note = f"step {step.number}, {step.clips_per_s:.0f} clips/s, loss {step.loss:.3f}"
            self._progress.update(task, completed=step.share, note=note, visible=True)
            if not self._console.is_terminal and int(10 * step.share) > tenths:
                tenths = int(10 * step.share)
                self.say(f"{name} {step.share:.0%}: {note}{_left(self._progress.tasks[task])}")

        return update


def _left(task: Task) -> str:
    left_s = task.time_remaining
    return "" if left_s is None else f", {timedelta(seconds=round(left_s))} left"
