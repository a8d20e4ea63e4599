"""Which frames and which pixels a spec takes: sampling, the square crop, its one resize, the extra channel.

Nothing here knows of video files: a generator of scenes uses the same functions without a codec.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import Box, ClipSpec
from stream.errors import ClipFault, Reason

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

BLACK_GREY = 8
"""What lossy coding makes of black stays at or below this grey (of 255)."""
BLACK_SHARE = 0.99
"""A clip is black if this share of its inside is; a vessel in view for a few frames covers more than the rest."""
FRINGE_PX = 3
"""So near to the outline its own light is smeared into the inside by the codec."""

_FULL_RANGE = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
"""Luma of limited range (16 black, 235 white; ITU-R BT.601) to grey."""


def use_one_thread() -> None:
    """OpenCV otherwise starts a thread for each core in each reader process."""
    cv2.setNumThreads(1)


def frame_indices(num_frames: int, spec: ClipSpec) -> tuple[int, ...]:
    """Frames that the spec takes of a video: `spec.frames` of them, never falling, each in 0..num_frames-1.

    The whole clip, or its central part, is cut into T equal pieces and the frame in the middle of each is taken:
    T=4 of 8 frames -> (1, 3, 5, 7); T=4 of 2 frames -> (0, 0, 1, 1).
    """
    if num_frames < 1:
        raise ValueError(f"num_frames = {num_frames}: a video has at least one frame")
    span = num_frames if spec.sampling == "whole" else min(spec.central_frames, num_frames)
    first = (num_frames - span) // 2
    return tuple(first + (2 * piece + 1) * span // (2 * spec.frames) for piece in range(spec.frames))


def crop_square(box: Box, spec: ClipSpec) -> tuple[int, int, int]:
    """The square that is cut out: `(x0, y0, side)` in pixels of the frame; it may reach beyond the frame."""
    x0, y0, x1, y1 = box
    needed = max(x1 - x0, y1 - y0) + 2 * spec.margin
    side = max(needed, spec.size) if spec.scale == "native" else needed
    return (x0 + x1 - side) // 2, (y0 + y1 - side) // 2, side


def crop_window(box: Box, spec: ClipSpec, *, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a frame that hold the square, as far as it lies within: the rest need not be looked at."""
    x0, y0, side = crop_square(box, spec)
    return slice(max(y0, 0), min(y0 + side, height)), slice(max(x0, 0), min(x0 + side, width))


def crop_clip(luma: Image, box: Box, inside: Image | Mask, spec: ClipSpec) -> Image:
    """Cuts, resizes (once, and only where the side is not S already) and masks.

    Where the crop is shrunk pixels are averaged, where it is enlarged they are interpolated linearly; parts
    beyond the frame are black. The outside is blackened before the resize, so nothing of the outline leaks in.

    Args:
        luma: `uint8 [T, H, W]`, grey from 0 to 255, one image for each of `spec.frames`.
        box: of the outline.
        inside: `[H, W]`, non-zero inside the outline, zero on it and beyond.
        spec: says the rest.

    Returns:
        `uint8 [C, T, S, S]`. The extra channel `mask` is 0 or 255; `distance` is
        `min(255, round(d * 510 / S))` with d the distance in pixels of the crop from the nearest pixel that is
        not inside, so 255 stands for half a crop, whatever the clip.
    """
    if luma.shape[0] != spec.frames or luma.shape[1:] != inside.shape:
        raise ValueError(f"luma {luma.shape} does not fit {spec.frames} frames of the mask's size {inside.shape}")
    square = crop_square(box, spec)
    shown = _cut((inside != 0).astype(np.uint8), square)
    frames = _cut(luma, square)
    if spec.outside == "zero":
        frames *= shown
    clip = np.empty(spec.shape, np.uint8)
    for target, frame in zip(clip[0], frames, strict=True):
        target[:] = _resize(frame, spec.size)
    if spec.extra != "none":
        mask = _resize(shown * np.uint8(255), spec.size) >= 128
        clip[1] = mask * np.uint8(255) if spec.extra == "mask" else _distance(mask)
    return clip


def to_grey(lumas: Sequence[Image], *, full_range: bool) -> Image:
    """Stacks decoded luma planes `[H, W]` to grey `[T, H, W]`, black 0 and white 255."""
    if full_range:
        return np.stack(lumas)
    grey = np.empty((len(lumas), *lumas[0].shape), np.uint8)
    for target, luma in zip(grey, lumas, strict=True):
        cv2.LUT(luma, _FULL_RANGE, dst=target)
    return grey


def check_usable(grey: Image, inside: Mask) -> None:
    """Refuses clips that hold no information inside the outline.

    A microscope's noise makes any two frames differ, even at crf 35, so frames equal to the last bit are an
    encoded still picture; a threshold on differences would refuse dark, heavily compressed clips as well. One
    change is allowed for: encoders code the first frame with a quantiser of its own.

    Args:
        grey: `uint8 [T, H, W]`, the frames that the spec takes.
        inside: `[H, W]`, true inside the outline.

    Raises:
        ClipFault: unusable.
    """
    inner = cv2.erode(inside.astype(np.uint8), np.ones((2 * FRINGE_PX + 1, 2 * FRINGE_PX + 1), np.uint8)) != 0
    if np.mean(grey[:, inner if inner.any() else inside] <= BLACK_GREY) >= BLACK_SHARE:
        raise ClipFault(Reason.UNUSABLE, f"all is black inside the outline (grey <= {BLACK_GREY} of 255)")
    pixels = grey[:, inside]
    changes = int((pixels[1:] != pixels[:-1]).any(axis=1).sum())
    if changes <= (1 if len(grey) > 2 else 0):
        raise ClipFault(Reason.UNUSABLE, "the frames are identical inside the outline: a still picture")


def _cut(image: Image, square: tuple[int, int, int]) -> Image:
    """A copy of the square of `[..., H, W]`; zero beyond the frame."""
    x0, y0, side = square
    height, width = image.shape[-2:]
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x0 + side, width), min(y0 + side, height)
    cut = np.zeros((*image.shape[:-2], side, side), np.uint8)
    if left < right and top < bottom:
        cut[..., top - y0 : bottom - y0, left - x0 : right - x0] = image[..., top:bottom, left:right]
    return cut


def _resize(image: Image, size: int) -> Image:
    side = image.shape[0]
    if side == size:
        return image
    resized: Image = np.empty((size, size), np.uint8)
    cv2.resize(image, (size, size), dst=resized, interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)
    return resized


def _distance(mask: Mask) -> Image:
    """Formula in `crop_clip`; the crop's border counts as outline."""
    padded = np.pad(mask.astype(np.uint8), 1)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    scaled: NDArray[np.floating] = np.rint(distance * (510 / mask.shape[0]))
    return scaled.clip(max=255).astype(np.uint8)
