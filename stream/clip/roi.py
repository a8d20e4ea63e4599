"""Finds the orange outline of a clip: its box, what it encloses, and whether it is a closed ring.

Colour is read from the chroma planes alone: `V - U` is about 140 for every pure orange and 0 for grey, whatever
the codec did to the brightness. Among orange things the outline is the one that encloses most, so dots, discs
and text lose. Working sizes are pixels of the chroma planes, half those of the frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.clip.decode import Frame
from stream.clip.spec import Box
from stream.errors import ClipFault, Reason

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

BRIGHTEST_RANK = 12
"""The strength of the outline is the 12th largest score: a maximum that a few stray pixels don't set."""
MIN_SCORE = 28
"""An outline is at least so orange; grey clips stay below 5."""
WEAK_SHARE, WEAK_SCORE, STRONG_SHARE = 0.25, 14, 0.55
"""Of that strength: what may belong to the outline, at least this score, and what proves it."""
MIN_STRONG_PX, MIN_LENGTH_PX, MIN_HULL_LENGTH_PX = 3, 6, 10
MAX_WEAK_SHARE = 0.2
"""Of the frame; the largest real outlines cover 0.04, a tinted picture most of it."""
MAX_PIECES = 32
"""The longest are looked at, so that a frame of coloured noise costs no more than others."""
CLOSING_RADII_PX = (1, 2, 4, 6)
RING_SHARE = 0.35
"""A ring encloses at least this share of its own stroke's area."""
HULL_SHARE, HULL_DRAWN_SHARE = 2.0, 0.7
"""An open outline's hull has at least this multiple of its stroke's area, and so much of its border is drawn."""
EDGE_SHARE, FINE_EDGE_SHARE = 0.42, 0.45
"""Where the stroke ends: this share of its median score, and of its 90th percentile at full resolution."""
STROKE_SHARE = 0.2
"""What is this orange still shows the stroke's light and is not inside."""
WINDOW_PX = 20
AGREEMENT_PX = 2
"""The outline is static: two frames' boxes differ by no more."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Where the network shall look."""

    box: Box
    """Of the stroke, outer edges."""
    inside: Mask
    """`[H, W]`, what the stroke encloses without the stroke itself."""
    ring: bool
    """It is closed, else the inside is that of its convex hull."""


class _Piece(NamedTuple):
    """A connected orange thing `[h, w]` at half resolution."""

    stroke: Mask
    filled: Mask
    """With all it encloses."""

    @property
    def enclosed(self) -> int:
        return int(self.filled.sum()) - int(self.stroke.sum())

    @property
    def is_ring(self) -> bool:
        return self.enclosed >= RING_SHARE * int(self.stroke.sum())


def find_outline(frames: Sequence[Frame]) -> Outline:
    """The static outline of a clip's frames `[T >= 1]`: found in the first and checked with the last.

    Where the two disagree, something orange comes or goes: then the median of the first, middle and last frame
    decides, which keeps at each pixel what two of the three show.

    Raises:
        ClipFault: no_outline.
    """
    first, middle, last = frames[0], frames[len(frames) // 2], frames[-1]
    outline, check = detect(first), detect(last)
    if not _agree(outline, check):
        outline = detect(_median(first, middle, last))
    if outline is None or not outline.inside.any():
        raise ClipFault(Reason.NO_OUTLINE, "no closed orange outline was found; a reference may give its box (roi)")
    return outline


def given_outline(box: Box, frame: Frame) -> Outline:
    """The outline that a reference states: everything in the box is inside.

    Raises:
        ClipFault: bad_reference if the box is empty or leaves the frame.
    """
    x0, y0, x1, y1 = box
    height, width = frame.luma.shape
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise ClipFault(Reason.BAD_REFERENCE, f"roi = {list(box)} does not lie in the frame of {width}x{height}")
    inside = np.zeros((height, width), np.bool_)
    inside[y0:y1, x0:x1] = True
    return Outline(box, inside, ring=True)


def detect(frame: Frame) -> Outline | None:
    """The outline of one frame, None if there is none."""
    score: Image = np.asarray(cv2.subtract(frame.v, frame.u), np.uint8)
    if score.size < BRIGHTEST_RANK:
        return None
    strength = int(np.partition(score, -BRIGHTEST_RANK, axis=None)[-BRIGHTEST_RANK])
    opened: Outline | None = None
    while strength >= MIN_SCORE:
        outline = _detect_at(strength, score, frame)
        if outline and outline.ring:
            return outline
        opened = opened or outline
        strength //= 2  # what is strongest may be a dot, and the outline weaker
    return opened


def _detect_at(strength: int, score: Image, frame: Frame) -> Outline | None:
    weak = score >= max(WEAK_SCORE, WEAK_SHARE * strength)
    if weak.mean() > MAX_WEAK_SHARE:
        return None
    window = _window_around(weak)
    piece, ring = _outline_piece(weak[window], score[window] >= STRONG_SHARE * strength)
    if piece is None:
        return None
    whole = _Piece(np.zeros_like(weak), np.zeros_like(weak))
    whole.stroke[window], whole.filled[window] = piece
    return _refine(frame, np.where(whole.stroke & weak, score, 0), whole, ring=ring)


def _outline_piece(weak: Mask, strong: Mask) -> tuple[_Piece | None, bool]:
    """The piece that encloses most, with as little closing of gaps as it needs; else a hull."""
    pieces: list[_Piece] = []
    for radius in CLOSING_RADII_PX:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        closed: Image = np.asarray(cv2.morphologyEx(weak.astype(np.uint8), cv2.MORPH_CLOSE, kernel), np.uint8)
        pieces = [_filled(stroke) for stroke in _components(closed, strong)]
        if not pieces:
            return None, False
        best = max(pieces, key=lambda piece: (piece.enclosed, _length(piece.stroke)))
        if best.is_ring:
            return best, True
    together: Mask = np.any([piece.stroke for piece in pieces], axis=0)
    hulls = (_hull(stroke & weak) for stroke in (together, pieces[0].stroke))
    return next((piece for piece in hulls if _is_open_outline(piece)), None), False


def _components(closed: Image, strong: Mask) -> list[Mask]:
    """Connected pieces that are orange and long enough, the longest first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    strong_px = np.bincount(labels[strong], minlength=count)
    lengths = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    kept = (strong_px >= MIN_STRONG_PX) & (lengths >= MIN_LENGTH_PX)
    kept[0] = False
    longest = sorted(np.flatnonzero(kept), key=lambda label: -lengths[label])[:MAX_PIECES]
    return [labels == label for label in longest]


def _filled(stroke: Mask) -> _Piece:
    """A piece with its inside; an outline that the frame cuts is closed along the frame's border."""
    canvas = np.pad(stroke, 1)
    piece = _Piece(stroke, _fill(canvas)[1:-1, 1:-1])
    if piece.is_ring:
        return piece
    _join_along_border(canvas)
    return _Piece(stroke, _fill(canvas)[1:-1, 1:-1])


def _fill(canvas: Mask) -> Mask:
    contours, _ = cv2.findContours(canvas.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(canvas.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, thickness=cv2.FILLED)
    return filled.astype(np.bool_)


def _join_along_border(canvas: Mask) -> None:
    """Draws on the canvas' empty rim, between the ends that a border cuts; around a corner cut by two borders."""
    edges = {"top": canvas[1], "bottom": canvas[-2], "left": canvas[:, 1], "right": canvas[:, -2]}
    ends = {side: np.flatnonzero(edge) for side, edge in edges.items()}
    rims = {"top": canvas[0], "bottom": canvas[-1], "left": canvas[:, 0], "right": canvas[:, -1]}
    for side, at in ends.items():
        if at.size:
            rims[side][at[0] : at[-1] + 1] = True
    for row in ("top", "bottom"):
        for column in ("left", "right"):
            if ends[row].size and ends[column].size and not (_is_cut_twice(ends[row]) or _is_cut_twice(ends[column])):
                _to_corner(rims[row], ends[row], low=column == "left")
                _to_corner(rims[column], ends[column], low=row == "top")


def _is_cut_twice(ends: NDArray[np.intp]) -> bool:
    return bool((np.diff(ends) > 1).any())


def _to_corner(rim: Mask, ends: NDArray[np.intp], *, low: bool) -> None:
    if low:
        rim[: ends[0] + 1] = True
    else:
        rim[ends[-1] :] = True


def _hull(stroke: Mask) -> _Piece:
    hull = np.zeros(stroke.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(cv2.findNonZero(stroke.astype(np.uint8))), 1)
    return _Piece(stroke, hull.astype(np.bool_))


def _is_open_outline(hull: _Piece) -> bool:
    """Whether a hull is that of an outline with gaps: no blob or bar, no mere arc, no outline and a far dot."""
    if _length(hull.filled) < MIN_HULL_LENGTH_PX or hull.filled.sum() < HULL_SHARE * hull.stroke.sum():
        return False
    filled = hull.filled.astype(np.uint8)
    border = (filled != 0) & (cv2.erode(filled, np.ones((3, 3), np.uint8)) == 0)
    drawn = cv2.dilate(hull.stroke.astype(np.uint8), np.ones((5, 5), np.uint8)) != 0
    return int((border & drawn).sum()) >= HULL_DRAWN_SHARE * int(border.sum())


def _refine(frame: Frame, score: Image, piece: _Piece, *, ring: bool) -> Outline | None:
    """Box and inside at full resolution, where the stroke's brightness helps to place its edges.

    `score` is zero beside the stroke.
    """
    x0, y0, x1, y1 = _bounds(score >= EDGE_SHARE * np.median(score[score > 0]))
    left, top = max(x0 - 1, 0), max(y0 - 1, 0)
    half = slice(top, y1 + 1), slice(left, x1 + 1)
    whole = slice(2 * top, 2 * y1 + 2), slice(2 * left, 2 * x1 + 2)
    orange = _red_minus_blue(Frame(frame.luma[whole], frame.u[half], frame.v[half], frame.full_range))
    orange[cv2.dilate(_double(piece.stroke[half], orange.shape), np.ones((5, 5), np.uint8)) == 0] = 0
    if not (orange > 0).any():
        return None
    strength = np.percentile(orange[orange > 0], 90)
    x0, y0, x1, y1 = _bounds(orange >= FINE_EDGE_SHARE * strength)
    free = _double(piece.filled[half], orange.shape) & (orange < STROKE_SHARE * strength)
    inside = np.zeros(frame.luma.shape, np.bool_)
    inside[whole] = _touching(free, _double((piece.filled & ~piece.stroke)[half], orange.shape))
    return Outline((2 * left + x0, 2 * top + y0, 2 * left + x1, 2 * top + y1), inside, ring=ring)


def _touching(mask: Image, seeds: Image) -> Mask:
    """The parts of a mask that hold a seed: without the specks on the stroke's outer edge."""
    count, labels = cv2.connectedComponents(mask, connectivity=4)
    kept = np.bincount(labels[seeds != 0], minlength=count) > 0
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


def _red_minus_blue(frame: Frame) -> NDArray[np.float32]:
    """`[H, W]`, clipped as a screen would (ITU-R BT.601), so that a dark pixel can't be orange."""
    height, width = frame.luma.shape
    u, v = (cv2.resize(p, (2 * p.shape[1], 2 * p.shape[0]))[:height, :width] for p in (frame.u, frame.v))
    luma = frame.luma.astype(np.float32)
    luma, gain = (luma, 1.0) if frame.full_range else ((luma - 16) * (255 / 219), 255 / 224)
    red = np.clip(luma + (1.402 * gain) * (v.astype(np.float32) - 128), 0, 255)
    blue = np.clip(luma + (1.772 * gain) * (u.astype(np.float32) - 128), 0, 255)
    return np.asarray(red - blue, np.float32)


def _double(mask: Mask, shape: tuple[int, ...]) -> Image:
    return mask.astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)[: shape[0], : shape[1]]


def _window_around(mask: Mask) -> tuple[slice, slice]:
    x0, y0, x1, y1 = _bounds(mask)
    return slice(max(y0 - WINDOW_PX, 0), y1 + WINDOW_PX), slice(max(x0 - WINDOW_PX, 0), x1 + WINDOW_PX)


def _bounds(mask: Mask) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _length(stroke: Mask) -> int:
    x0, y0, x1, y1 = _bounds(stroke)
    return max(x1 - x0, y1 - y0)


def _agree(one: Outline | None, other: Outline | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(abs(a - b) <= AGREEMENT_PX for a, b in zip(one.box, other.box, strict=True))


def _median(*frames: Frame) -> Frame:
    luma, u, v = (
        np.median([getattr(frame, plane) for frame in frames], axis=0).astype(np.uint8) for plane in ("luma", "u", "v")
    )
    return Frame(luma, u, v, full_range=frames[0].full_range)
