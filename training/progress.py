"""Progress on stderr: a bar for each task, with what it does in a second and when it will be done."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.loop import Step


class Bars:
    """A context manager that shows bars while it is open."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        note = TextColumn("{task.fields[note]}")
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), *times, note)
        self._progress = Progress(*columns, console=self._console)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(text, highlight=False)

    def clips(self, name: str) -> Callable[[int, int], None]:
        """A new bar; the function is told how many clips are done, of how many."""
        task = self._progress.add_task(name, total=None, note="")

        def update(done: int, total: int) -> None:
            speed = self._progress.tasks[task].speed
            note = f"{done} of {total} clips" + (f", {speed:.0f}/s" if speed else "")
            self._progress.update(task, completed=done, total=total, note=note)

        return update

    def training(self, name: str) -> Callable[[Step], None]:
        """A new bar; the function is told each step. Where bars can't be drawn, as in a log, each tenth is a line."""
        task = self._progress.add_task(name, total=1.0, note="")
        tenths = 0

        def update(step: Step) -> None:
            nonlocal tenths
            note = f"step {step.number}, {step.clips_per_s:.0f} clips/s, loss {step.loss:.3f}"
            self._progress.update(task, completed=step.share, note=note)
            if not self._console.is_terminal and int(10 * step.share) > tenths:
                tenths = int(10 * step.share)
                self.say(f"{name} {step.share:.0%}: {note}")

        return update
