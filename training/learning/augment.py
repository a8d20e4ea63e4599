"""Varies a whole batch of uint8 clips at once, in ways that change no label, where the batch lies: CPU or GPU.

The vessel's direction, the flow's, the microscope's gain and grain and the outline's stroke mean nothing for stalled or
flowing. Each step takes and gives `uint8 [N, C, T, S, S]` and draws for each clip on its own.
"""

import numpy as np
import torch
from torch import Tensor, nn

from stream.clip.spec import ClipSpec
from training.recipe import Augmentation

_DASH_PX = 1.25
"""Width of the Gaussian along a dash: neighbours then correlate by .85, .53, .24, as measured on a real clip."""


def augment(clips: Tensor, how: Augmentation, spec: ClipSpec, random: torch.Generator) -> Tensor:
    """Varied copies of clips.

    Args:
        clips: `uint8 [N, C, T, S, S]` as `spec` makes them; not changed.
        how: what is varied, and how far.
        spec: says what the second channel holds, and whether the outside is black.
        random: draws everything; on the device of the clips.

    Returns:
        As many clips of the same shape. Black stays black, so the outside of the outline does.
    """
    draw = _Draw(random, len(clips))
    clips = _turn(clips, how, draw)
    clips = _lose_frames(clips, how, draw)
    if can_shrink(spec) and how.shrink_px:
        clips = _shrink(clips, how.shrink_px * 510 / spec.size, draw)  # see `crop_clip` for the distance's unit
    if how.warped:
        clips = _warp(clips, how, spec, draw)
    return torch.cat([_expose(clips[:, 0], how, draw)[:, None], clips[:, 1:]], dim=1)


def can_shrink(spec: ClipSpec) -> bool:
    """Whether such clips tell how far the outline is, and are black beyond it."""
    return spec.extra == "distance" and spec.outside == "zero"


class _Draw:
    """Random numbers, one for each clip."""

    def __init__(self, random: torch.Generator, count: int) -> None:
        self.random, self.count = random, count

    def uniform(self, low: float, high: float, *axes: int) -> Tensor:
        """`[N, *axes]`, float32."""
        return low + (high - low) * torch.rand((self.count, *axes), generator=self.random, device=self.random.device)

    def chosen(self, share: float) -> Tensor:
        """`[N]`, true for about this share of the clips."""
        return self.uniform(0, 1) < share


def _turn(clips: Tensor, how: Augmentation, draw: _Draw) -> Tensor:
    """One of the square's eight symmetries, and time forwards or backwards."""
    clips = clips.clone()
    flips = ((-1, how.turns), (-2, how.turns), (2, how.reversal))
    for axis, wanted in flips:
        chosen = draw.chosen(0.5 if wanted else 0.0)
        clips[chosen] = clips[chosen].flip(axis)
    chosen = draw.chosen(0.5 if how.turns else 0.0)
    clips[chosen] = clips[chosen].transpose(-1, -2)
    return clips


def _lose_frames(clips: Tensor, how: Augmentation, draw: _Draw) -> Tensor:
    """Frames that were dropped show the one before once more; the first is never lost."""
    frames = clips.shape[2]
    share = draw.uniform(0, how.frames_lost, 1)
    lost = draw.uniform(0, 1, frames) < share
    lost[:, 0] = False
    own = torch.arange(frames, device=clips.device).expand(len(clips), -1)
    shown = torch.where(lost, 0, own).cummax(dim=1).values
    return clips.gather(2, shown[:, None, :, None, None].expand_as(clips))


def _shrink(clips: Tensor, most: float, draw: _Draw) -> Tensor:
    """Takes up to `most` from the distance channel; where nothing is left, the clip is black."""
    taken = draw.uniform(0, most).round().to(torch.uint8).view(-1, 1, 1, 1, 1)
    grey, distance = clips[:, :1], clips[:, 1:]
    left = torch.where(distance > taken, distance - taken, 0)
    return torch.cat([torch.where(left > 0, grey, 0), left], dim=1)


def _warp(clips: Tensor, how: Augmentation, spec: ClipSpec, draw: _Draw) -> Tensor:
    """Turns and scales some of the clips about their middle, by linear interpolation; beyond the crop is black."""
    chosen = draw.chosen(how.warped)
    angle = torch.deg2rad(draw.uniform(-how.rotate_deg, how.rotate_deg))[chosen]
    factor = draw.uniform(-how.scale, how.scale)[chosen].exp()
    some = clips[chosen]
    count, channels, frames, size, _ = some.shape
    if not count:
        return clips
    cos, sin, none = angle.cos() / factor, angle.sin() / factor, torch.zeros_like(angle)
    turn = torch.stack([torch.stack([cos, -sin, none], 1), torch.stack([sin, cos, none], 1)], 1)
    planes = some.reshape(count, channels * frames, size, size).float()
    grid = nn.functional.affine_grid(turn, list(planes.shape), align_corners=False)
    warped = nn.functional.grid_sample(planes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    warped = warped.reshape(some.shape)
    if spec.extra == "distance":
        warped[:, 1] *= factor.view(-1, 1, 1, 1)
    if spec.extra == "mask":
        warped[:, 1] = 255.0 * (warped[:, 1] >= 127.5)
    warped = warped.round().clamp(0, 255).to(torch.uint8)
    if spec.extra != "none" and spec.outside == "zero":
        warped[:, 0] *= warped[:, 1] > 0
    clips = clips.clone()
    clips[chosen] = warped
    return clips


def _expose(grey: Tensor, how: Augmentation, draw: _Draw) -> Tensor:
    """Another gain and gamma, and noise as a microscope's: it grows with the root of the light. `[N, T, S, S]`."""
    gain, gamma = (draw.uniform(-most, most, 1).exp() for most in (how.gain, how.gamma))
    level = torch.linspace(0, 1, 256, device=grey.device)
    curve = 255 * gain * level**gamma
    rows = torch.arange(len(grey), device=grey.device).view(-1, 1, 1, 1)
    lit = curve[rows, grey.long()]
    if how.noise:
        lit = lit + _grain(grey, how, draw) * (lit / 255).sqrt()
    return torch.where(grey == 0, 0, lit.round().clamp(0, 255).to(torch.uint8))


def _grain(grey: Tensor, how: Augmentation, draw: _Draw) -> Tensor:
    """Noise `[N, T, S, S]`, each clip of its own strength; part of it white, part in dashes along rows or columns."""
    white = torch.randn(grey.shape, generator=draw.random, device=grey.device)
    tap = torch.exp(-0.5 * (torch.arange(-3, 4, device=grey.device) / _DASH_PX) ** 2)
    kernel = (tap / tap.square().sum().sqrt()).view(1, 1, 1, -1)
    fresh = torch.randn(grey.shape, generator=draw.random, device=grey.device).flatten(0, 1)[:, None]
    dashes = nn.functional.conv2d(nn.functional.pad(fresh, (3, 3, 0, 0), "circular"), kernel).reshape(grey.shape)
    dashes = torch.where(draw.chosen(0.5).view(-1, 1, 1, 1), dashes, dashes.transpose(-1, -2))
    share = draw.uniform(0, how.noise_dashes, 1, 1, 1)
    return draw.uniform(0, how.noise, 1, 1, 1) * ((1 - share).sqrt() * white + share.sqrt() * dashes)


def seeded(*numbers: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator whose state is a function of the numbers alone."""
    state = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(state >> 1)
