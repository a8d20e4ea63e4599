"""Footprint: which pixels a tube covers, where along it and across it each lies."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import Box
from training.synthetic.cells import STEPS_PER_PX


@dataclass(frozen=True, slots=True)
class Footprint:
    """Pixels of a canvas; each array has one entry for each."""

    x: NDArray[np.intp]
    y: NDArray[np.intp]
    step: NDArray[np.intp]
    """The nearest point of the centre line."""
    across: NDArray[np.float32]
    """Place across the tube: -1 and 1 are its walls as they are seen, 0 is the centre line."""


def footprint(line: NDArray[np.float64], radii: NDArray[np.float64], canvas: Box) -> Footprint:
    """Finds the pixels of a canvas that a tube covers, once for all planes.

    Args:
        line: `[S, >= 2]`, x and y of the centre line, one point each 1 / STEPS_PER_PX pixels.
        radii: `[S]`, how far the tube is seen from each, in pixels.
        canvas: the pixels asked for.
    """
    reach = float(radii.max()) + 0.8
    slack = int(reach) + 4
    flat = line[:, :2]
    near = np.nonzero(((flat > np.subtract(canvas[:2], slack)) & (flat < np.add(canvas[2:], slack))).all(axis=1))[0]
    if not len(near):
        nowhere = np.empty(0, np.intp)
        return Footprint(nowhere, nowhere, nowhere, np.empty(0, np.float32))
    x, y, step = _nearest_steps(np.round(flat[near]).astype(np.intp), near, reach + 1)
    seen = (x >= canvas[0]) & (x < canvas[2]) & (y >= canvas[1]) & (y < canvas[3])
    x, y, step = x[seen], y[seen], step[seen]
    # The nearest pixel is known; the nearest point of the curve lies a little further along its tangent.
    tangent = flat[np.minimum(step + 1, len(flat) - 1)] - flat[np.maximum(step - 1, 0)]
    tangent /= np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-6)[:, None]
    away = np.stack([x, y], axis=1) - flat[step]
    along = np.clip((away * tangent).sum(axis=1), -1.0, 1.0)
    rest = away - along[:, None] * tangent
    side = np.where(tangent[:, 0] * rest[:, 1] < tangent[:, 1] * rest[:, 0], -1.0, 1.0)
    step = np.clip(step + np.round(along * STEPS_PER_PX).astype(np.intp), 0, len(flat) - 1)
    across = side * np.hypot(rest[:, 0], rest[:, 1]) / radii[step]
    lit = np.abs(across) < 1
    return Footprint(x[lit], y[lit], step[lit], across[lit].astype(np.float32))


def _nearest_steps(
    cells: NDArray[np.intp], steps: NDArray[np.intp], reach: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Pixels `x`, `y` within reach of any of the cells `[P, 2]`, and for each the step that belongs to the nearest."""
    slack = int(reach) + 1
    corner = cells.min(axis=0) - slack
    width, height = cells.max(axis=0) + slack + 1 - corner
    x, y = (cells - corner).T
    empty = np.ones((height, width), np.uint8)
    empty[y, x] = 0
    distance, labels = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    step_of_label = np.zeros(len(cells) + 1, np.intp)
    step_of_label[labels[y, x]] = steps
    y, x = np.nonzero(distance < reach)
    return x + corner[0], y + corner[1], step_of_label[labels[y, x]]
