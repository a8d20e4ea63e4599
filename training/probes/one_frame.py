"""What one frame alone tells: a small 2D network, trained until it gets no better."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.data.clips import Clips
from training.data.leak import best_threshold
from training.measures import Ranking

_BATCH, _READ = 64, 64
_STAGES = ((12,), (24,), (48, 48), (96, 96))
"""Channels of the convolutions of each stage; behind each stage the image is halved."""


@dataclass(frozen=True, slots=True)
class OneFrame:
    """How far one frame leads."""

    called: NDArray[np.bool_]
    """`[N]`, which of the tested clips are called stalled."""
    passes: int
    """Over the training clips, until the last improvement."""


def middle_frames(clips: Clips) -> NDArray[np.uint8]:
    """Frame T / 2 of each crop, `[N, C, S, S]`."""
    middle = clips.shape[2] // 2
    starts = range(0, len(clips), _READ)
    return np.concatenate([clips.read(np.arange(s, min(s + _READ, len(clips))))[:, :, middle] for s in starts])


def one_frame(training: Clips, validation: Clips, test: Clips, *, patience: int = 8, seed: int = 0) -> OneFrame:
    """Trains on single frames until PR-AUC on `validation` has not risen for `patience` passes.

    The threshold is the one of the highest MCC on `validation`; the weights are those of the best pass.
    """
    torch.manual_seed(seed)
    network = _network(training.shape[1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.02)
    frames, truth = torch.from_numpy(middle_frames(training)), torch.from_numpy(training.stalled).float()
    shown = torch.from_numpy(middle_frames(validation))
    best, best_pass, number = -1.0, 0, 0
    weights = network.state_dict()
    while number < best_pass + patience:
        number += 1
        _pass(network, optimizer, frames, truth)
        rates = Ranking(_score(network, shown), validation.stalled).rates()
        risen = rates.pr_auc(rates.prevalence)
        if risen > best:
            best, best_pass = risen, number
            weights = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    threshold = best_threshold(_score(network, shown), validation.stalled)
    return OneFrame(_score(network, torch.from_numpy(middle_frames(test))) >= threshold, best_pass)


def _network(channels: int) -> nn.Module:
    layers: list[nn.Module] = [nn.BatchNorm2d(channels)]
    for stage in _STAGES:
        for out in stage:
            layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
            channels = out
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels, 1))


def _pass(network: nn.Module, optimizer: torch.optim.Optimizer, frames: Tensor, truth: Tensor) -> None:
    """Each frame once, in random order, turned and mirrored."""
    network.train()
    for rows in torch.split(torch.randperm(len(frames)), _BATCH):
        turns, mirrored = int(torch.randint(4, ())), bool(torch.randint(2, ()))
        batch = torch.rot90(frames[rows], turns, (2, 3))
        logits = network((batch.flip(3) if mirrored else batch).float() / 255).squeeze(1)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, truth[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        optimizer.step()


@torch.inference_mode()
def _score(network: nn.Module, frames: Tensor) -> NDArray[np.float32]:
    network.eval()
    logits = [network(batch.float() / 255).squeeze(1) for batch in torch.split(frames, 256)]
    return np.asarray(torch.cat(logits).numpy(), np.float32)
