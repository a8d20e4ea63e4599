"""What a run shows in TensorBoard: curves of training and of clips kept apart, and the first batch as the network sees
it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from training.learning.loop import Step
from training.learning.watch import Point

_SHOWN_CLIPS, _SHOWN_FRAMES = 8, 8


class Board:
    """A context manager around one run's event file; a run that goes on adds another behind it, a new one begins anew.

    Curves are no reason to end a training: where they can't be written, as on a full disk, that is said once.
    """

    def __init__(self, folder: Path, *, first_step: int, say: Callable[[str], None]) -> None:
        self._say, self._folder = say, folder
        if first_step == 0:
            for earlier in folder.glob("events.out.tfevents.*"):
                earlier.unlink()
        purged = first_step + 1 if first_step else None
        self._writer: SummaryWriter | None = SummaryWriter(str(folder), purge_step=purged, flush_secs=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(lambda writer: writer.close())

    def step(self, step: Step) -> None:
        """One point of each curve."""
        self._points(step.number, {name: getattr(step, name) for name in ("loss", "learning_rate", "clips_per_s")})

    def point(self, step: int, point: Point) -> None:
        """One point of each curve of clips kept apart; they see the weights as they are, not their average."""
        self._points(step, {f"validation_of_raw_weights/{name}": getattr(point, name) for name in ("loss", "pr_auc")})

    def batch(self, clips: Tensor) -> None:
        """A picture of the first clips of `uint8 [N, C, T, S, S]`: a row each, frames side by side."""
        frames = torch.linspace(0, clips.shape[2] - 1, _SHOWN_FRAMES).long()
        grey = clips[:_SHOWN_CLIPS, 0].cpu()[:, frames]
        picture = grey.permute(0, 2, 1, 3).reshape(len(grey) * clips.shape[-1], -1)
        self._write(lambda writer: writer.add_image("first batch", picture[None], 0))

    def _points(self, step: int, values: Mapping[str, float]) -> None:
        def add(writer: SummaryWriter) -> None:
            for name, value in values.items():
                writer.add_scalar(name, value, step)

        self._write(add)

    def _write(self, add: Callable[[SummaryWriter], None]) -> None:
        if self._writer is None:
            return
        try:
            add(self._writer)
        except OSError as error:
            self._writer = None
            self._say(f"{self._folder}: no more curves ({error.strerror or error}); the training goes on")
