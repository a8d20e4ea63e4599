"""What a run shows in TensorBoard: curves of training and of clips kept apart, and the first batch as the network sees
it.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from training.loop import Step
from training.watch import Point

_SHOWN_CLIPS, _SHOWN_FRAMES = 8, 8


class Board:
    """A context manager around one run's event file; a run that goes on adds another behind it."""

    def __init__(self, folder: Path, *, first_step: int) -> None:
        self._writer = SummaryWriter(str(folder), purge_step=first_step + 1 if first_step else None, flush_secs=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def step(self, step: Step) -> None:
        """One point of each curve."""
        for name in ("loss", "learning_rate", "clips_per_s"):
            self._writer.add_scalar(name, getattr(step, name), step.number)

    def point(self, step: int, point: Point) -> None:
        """One point of each curve of clips kept apart."""
        for name in ("loss", "pr_auc"):
            self._writer.add_scalar(f"validation/{name}", getattr(point, name), step)

    def batch(self, clips: Tensor) -> None:
        """A picture of the first clips of `uint8 [N, C, T, S, S]`: a row each, frames side by side."""
        frames = torch.linspace(0, clips.shape[2] - 1, _SHOWN_FRAMES).long()
        grey = clips[:_SHOWN_CLIPS, 0].cpu()[:, frames]
        picture = grey.permute(0, 2, 1, 3).reshape(len(grey) * clips.shape[-1], -1)
        self._writer.add_image("first batch", picture[None], 0)
