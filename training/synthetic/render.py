"""Draws frames of a scene, whole or only a window of them: the same pixels either way."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import Box
from training.synthetic.footprint import Footprint
from training.synthetic.look import Noise
from training.synthetic.noise import tile
from training.synthetic.scene import Scene
from training.synthetic.vessel import Vessel

_CHUNK = 16
_RIPPLE = 0.22


def render(scene: Scene, frames: Sequence[int] | None = None, window: Box | None = None) -> NDArray[np.uint8]:
    """Draws frames as grey, the outline in their luma.

    Args:
        scene: what to draw.
        frames: which frames, all by default.
        window: which part of them, `(x0, y0, x1, y1)` in pixels of the frame; all by default.

    Returns:
        `uint8 [T, h, w]`, full range.
    """
    grey = record(scene, frames, window)
    coverage = scene.outline.stroke(window or scene.frame)
    y, x = np.nonzero(coverage)
    share = coverage[y, x] / np.float32(255)
    grey[:, y, x] = np.round(grey[:, y, x] * (1 - share) + scene.outline.grey * share)
    return grey


def record(scene: Scene, frames: Sequence[int] | None = None, window: Box | None = None) -> NDArray[np.uint8]:
    """As `render`, before the outline is drawn."""
    chosen = np.asarray(range(scene.num_frames) if frames is None else frames, np.intp)
    view = window or scene.frame
    grey = np.empty((len(chosen), view[3] - view[1], view[2] - view[0]), np.uint8)
    for start, light in _light(scene, chosen, view):
        _expose(scene, chosen[start : start + _CHUNK], view, light, grey[start : start + _CHUNK])
    return grey


def _padding(scene: Scene) -> int:
    return int(np.abs(scene.timeline.shift).max())


def _light(scene: Scene, frames: NDArray[np.intp], view: Box) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """What emits light, at rest: chunks `[t, h, w]` with as much margin as frames are displaced, and their start."""
    pad, planes = _padding(scene), scene.timeline.plane[frames]
    canvas = (view[0] - pad, view[1] - pad, view[2] + pad, view[3] + pad)
    depths = (float(planes.min()), float(planes.max()))
    prints = [(v, v.footprint(canvas)) for v in scene.vessels if v.reaches(canvas, depths)]
    shade = _shade(scene, canvas)
    for start in range(0, len(frames), _CHUNK):
        part = planes[start : start + _CHUNK]
        light = _tissue(scene, part, canvas)
        _add_vessels(scene, prints, part, canvas, light)
        _add_spots(scene, part, canvas, light)
        light *= shade
        yield start, light


def _add_vessels(
    scene: Scene,
    prints: Sequence[tuple[Vessel, Footprint]],
    planes: NDArray[np.intp],
    canvas: Box,
    light: NDArray[np.float32],
) -> None:
    flat = light.reshape(len(light), -1)
    depths = (float(planes.min()), float(planes.max()))
    for vessel, pixels in prints:
        if len(pixels.x) and vessel.reaches(canvas, depths):
            places = (pixels.y - canvas[1]) * (canvas[2] - canvas[0]) + pixels.x - canvas[0]
            flat[:, places] += vessel.light(pixels, planes, scene.num_planes)


def _add_spots(scene: Scene, planes: NDArray[np.intp], canvas: Box, light: NDArray[np.float32]) -> None:
    spots = scene.spots
    away = np.maximum(np.maximum(planes.min() - spots.centre[:, 2], spots.centre[:, 2] - planes.max()), 0)
    reach = 2.5 * spots.radius_px
    x, y = spots.centre[:, 0], spots.centre[:, 1]
    near = (x + reach > canvas[0]) & (x - reach < canvas[2]) & (y + reach > canvas[1]) & (y - reach < canvas[3])
    for i in np.nonzero(near & (away < 3 * spots.depth_px))[0]:
        x0, x1 = max(canvas[0], int(x[i] - reach[i])), min(canvas[2], int(x[i] + reach[i]) + 1)
        y0, y1 = max(canvas[1], int(y[i] - reach[i])), min(canvas[3], int(y[i] + reach[i]) + 1)
        across = np.exp(-0.5 * ((np.arange(x0, x1) - x[i]) / spots.radius_px[i]) ** 2)
        down = np.exp(-0.5 * ((np.arange(y0, y1) - y[i]) / spots.radius_px[i]) ** 2)
        deep = spots.brightness[i] * np.exp(-0.5 * ((planes - spots.centre[i, 2]) / spots.depth_px[i]) ** 2)
        patch = (deep[:, None, None] * (down[:, None] * across)).astype(np.float32)
        light[:, y0 - canvas[1] : y1 - canvas[1], x0 - canvas[0] : x1 - canvas[0]] += patch


def _tissue(scene: Scene, planes: NDArray[np.intp], canvas: Box) -> NDArray[np.float32]:
    """The faint tissue between vessels: layers of grain that blend into each other with depth."""
    grain, look = tile("texture"), scene.look
    width, height = canvas[2] - canvas[0], canvas[3] - canvas[1]
    layers = {}
    for layer in {int(k) + d for k in planes // look.layer_planes for d in (0, 1)}:
        x, y = scene.texture_at[layer] + (canvas[0], canvas[1])
        layers[layer] = grain.take(range(y, y + height), axis=0, mode="wrap").take(
            range(x, x + width), axis=1, mode="wrap"
        )
    light = np.empty((len(planes), height, width), np.float32)
    for image, plane in zip(light, planes, strict=True):
        layer, turn = divmod(int(plane), look.layer_planes)
        angle = 0.5 * np.pi * turn / look.layer_planes
        upper, lower = look.texture * np.cos(angle), look.texture * np.sin(angle)  # squares add up to one variance
        cv2.addWeighted(layers[layer], upper, layers[layer + 1], lower, np.log(look.tissue), dst=image)
        cv2.exp(image, dst=image)
    return light


def _shade(scene: Scene, canvas: Box) -> NDArray[np.float32]:
    """What the tissue's light is multiplied with: the illumination, and 0 where the recording is black."""
    x = np.arange(canvas[0], canvas[2], dtype=np.float32)[None, :]
    y = np.arange(canvas[1], canvas[3], dtype=np.float32)[:, None]
    slope_x, slope_y = scene.look.slope
    shade = slope_x * (2 * x / scene.width - 1) + slope_y * (2 * y / scene.height - 1)
    for wave_x, wave_y, phase in scene.look.ripple:
        shade = shade + _RIPPLE * np.cos(wave_x * x + wave_y * y + np.float32(phase))
    shade = np.exp(shade)
    left, top, right, low = scene.margins
    across, down = np.sin(y / 31 + left), np.sin(x / 43 + top)
    shade[(x < left * (1 + 0.5 * across)) | (x > scene.width - 1 - right * (1 + 0.5 * across))] = 0
    shade[(y < top * (1 + 0.5 * down)) | (y > scene.height - 1 - low * (1 + 0.5 * down))] = 0
    for band in scene.bands:
        across = x * np.float32(band.nx) + y * np.float32(band.ny)
        shade[(across > band.low) & (across < band.high)] = 0
    return shade.astype(np.float32)


def _expose(
    scene: Scene, frames: NDArray[np.intp], view: Box, light: NDArray[np.float32], out: NDArray[np.uint8]
) -> None:
    """Turns light into grey levels: displacement, gain, noise that grows with the light, gamma."""
    look, pad = scene.look, _padding(scene)
    height, width = out.shape[1:]
    for plane, emitted, frame in zip(out, light, frames, strict=True):
        dx, dy = scene.timeline.shift[frame]
        gain = look.gain * scene.timeline.gain[frame]
        seen = emitted[pad - dy : pad - dy + height, pad - dx : pad - dx + width] * np.float32(gain)
        seen += _deviation(look.noise, seen) * _grain(look.noise, scene.timeline.noise_at[frame], view)
        np.maximum(seen - np.float32(look.black), 0.0, out=seen)
        cv2.convertScaleAbs(cv2.pow(seen, look.gamma), dst=plane, alpha=255.0 if gain else 0.0)


def _deviation(noise: Noise, seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standard deviation of the noise where so much light is seen, `[h, w]`; what was painted black has none."""
    deviation = np.float32(noise.shot) * np.sqrt(seen) + np.float32(noise.speckle) * seen
    return deviation + np.float32(noise.read) * (seen > 0)


def _grain(noise: Noise, at: NDArray[np.intp], view: Box) -> NDArray[np.float32]:
    """Noise of variance 1 for a window, `[h, w]`: the tiles' own from an offset for each."""
    first, second = [
        tile(style)[y + view[1] : y + view[3], x + view[0] : x + view[2]]
        for style, (x, y) in zip(noise.styles, at.tolist(), strict=True)
    ]
    return first * np.float32(np.cos(noise.blend)) + second * np.float32(np.sin(noise.blend))
