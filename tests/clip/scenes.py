"""Drawn test material: grey noise with an orange outline, encoded as MP4 in the ways the tests need."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from stream.clip import Box

ORANGE = (255, 102, 0)


@dataclass(frozen=True)
class Scene:
    """Frames `uint8 [T, H, W, 3]` RGB and the truth about the outline drawn on them."""

    frames: NDArray[np.uint8]
    box: Box
    inside: NDArray[np.bool_]


def noise(seed: int, *, frames: int = 8, height: int = 384, width: int = 512, sigma: float = 40) -> NDArray[np.uint8]:
    """Grey `[T, H, W, 3]`: blurred blobs that stay, and noise as correlated as a scanner's."""
    rng = np.random.default_rng(seed)
    blobs = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 9) * 900
    movie = np.empty((frames, height, width, 3), np.uint8)
    for frame in movie:
        grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 0.6) * (1.8 * sigma)
        frame[:] = np.clip(45 + blobs + grain, 0, 255).astype(np.uint8)[..., None]
    return movie


def curve(seed: int, *, centre: tuple[float, float], radius: float, gap: float = 0.0) -> NDArray[np.int32]:
    """Points of a smooth closed curve in sixteenths of a pixel; `gap` is the share of it that is left out."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi * (1 - gap), 240, endpoint=gap > 0)
    radii = np.full(angle.shape, radius, np.float64)
    for k in (1, 2, 3):
        radii += radius * rng.uniform(-0.15, 0.15) * np.cos(k * angle + rng.uniform(0, 6.3))
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radii[:, None] + np.array(centre)
    return np.asarray(np.rint(points * 16), np.int32)


def outlined(
    seed: int,
    *,
    frames: int = 8,
    centre: tuple[float, float] = (250, 190),
    radius: float = 32,
    thickness: int = 3,
    gap: float = 0.0,
    dots: int = 0,
    colour: tuple[int, int, int] = ORANGE,
    background: NDArray[np.uint8] | None = None,
) -> Scene:
    """A scene with one outline, and orange dots elsewhere to mislead."""
    movie = noise(seed, frames=frames) if background is None else background.copy()
    points = curve(seed, centre=centre, radius=radius, gap=gap)
    stroke, filled = np.zeros((2, *movie.shape[1:3]), np.uint8)
    cv2.polylines(stroke, [points], gap == 0, 255, thickness, cv2.LINE_AA, shift=4)
    cv2.fillPoly(filled, [points], 1, shift=4)
    rng = np.random.default_rng(seed + 1)
    for frame in movie:
        alpha = stroke[..., None] / 255
        frame[:] = np.rint(frame * (1 - alpha) + np.array(colour) * alpha)
    for x, y in _apart(rng, dots, centre=centre, radius=1.6 * radius + 12, shape=stroke.shape):
        size = int(rng.integers(2, 6))
        for frame in movie:
            cv2.circle(frame, (x, y), size, colour, cv2.FILLED, cv2.LINE_AA)
    drawn = stroke >= 128
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return Scene(movie, box, (filled == 1) & (stroke == 0))


def _apart(
    rng: np.random.Generator, number: int, *, centre: tuple[float, float], radius: float, shape: tuple[int, ...]
) -> Iterator[tuple[int, int]]:
    while number:
        x, y = int(rng.integers(8, shape[1] - 8)), int(rng.integers(8, shape[0] - 8))
        if np.hypot(x - centre[0], y - centre[1]) > radius:
            number -= 1
            yield x, y


def encode(
    frames: Iterable[NDArray[np.uint8]],
    *,
    crf: int = 15,
    intra: bool = True,
    b_frames: int = 0,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    movflags: str = "",
    audio: bool = False,
    tracks: int = 1,
) -> bytes:
    """RGB frames as MP4; all-intra with the index at the end, as real clips are, unless told otherwise."""
    file, pictures = io.BytesIO(), list(frames)
    x264 = {"crf": str(crf), "preset": "veryfast", "g": "1" if intra else "250", "bf": str(b_frames), "threads": "1"}
    with av.open(file, "w", format="mp4", options={"movflags": movflags} if movflags else {}) as container:
        streams: list[Any] = []
        for _ in range(tracks):
            stream: Any = container.add_stream(codec, rate=15, options=x264 if codec == "libx264" else {})
            stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], pix_fmt
            stream.thread_count = 1
            streams.append(stream)
        sound: Any = container.add_stream("aac", rate=8000, layout="mono") if audio else None
        for index, frame in enumerate(pictures):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = index
            for stream in streams:
                container.mux(stream.encode(picture))
        for stream in streams:
            container.mux(stream.encode())
        if audio:
            _hum(container, sound)
    return file.getvalue()


def _hum(container: Any, sound: Any) -> None:
    for index in range(5):
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        samples.sample_rate, samples.pts = 8000, index * 1024
        container.mux(sound.encode(samples))
    container.mux(sound.encode())


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    x0, y0, x1, y1 = (*map(max, one[:2], other[:2]), *map(min, one[2:], other[2:]))
    common = max(0, x1 - x0) * max(0, y1 - y0)
    areas = sum((x[2] - x[0]) * (x[3] - x[1]) for x in (one, other))
    return common / (areas - common)
