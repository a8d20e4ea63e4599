"""From the bytes of a video to the numbers a network sees: `read_clip` is the only way, for training and serving.

1. `preflight` walks the MP4's boxes in pure Python; whatever FFmpeg could be hurt with ends here.
2. `sample.frame_indices` says which frames the spec wants, from the number of frames alone.
3. `decode` decodes those (and what they depend on) to luma and chroma planes, without converting colours.
4. `roi` finds the orange outline once per clip: its box and what it encloses. A given box replaces it.
5. `sample.check_usable` refuses clips with nothing to see inside the outline.
6. `sample.crop_clip` cuts the square around the box, resizes it once, blackens the outside, adds the extra channel.

Every way to fail is a `ClipFault`. FFmpeg and OpenCV are loaded by the first `read_clip` (or `prepare`), not by
importing this package: records and parent processes need its types only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import Box, ClipSpec
from stream.errors import ClipFault, Reason

__all__ = ["MIN_FRAMES", "Box", "Clip", "ClipSpec", "Quality", "prepare", "read_clip"]

MIN_FRAMES = 8
"""Fewer show no motion worth judging; the shortest clip of the competition has 17."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What was noticed on the way; nothing here refuses a clip."""

    ring: bool
    """The outline was closed, or a box was given; else its inside is the hull of what was found."""
    mean_grey: float
    """Mean over the inside of the outline and the sampled frames, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What the network sees of a video, and where it came from."""

    pixels: NDArray[np.uint8]
    """`[C, T, S, S]` as ClipSpec.shape says: grey from black 0 to white 255, then the extra channel."""
    roi: Box
    frames: int
    """Frames of the video, not only those that were sampled."""
    quality: Quality


def prepare() -> None:
    """Readies a process that does nothing but read clips: loads the libraries and keeps each to one thread."""
    from stream.clip.roi import find_outline  # noqa: F401, PLC0415 - loads FFmpeg; see the package's docstring
    from stream.clip.sample import use_one_thread  # noqa: PLC0415 - as above

    use_one_thread()


def read_clip(data: bytes, spec: ClipSpec, *, roi: Box | None = None, num_frames: int | None = None) -> Clip:
    """Turns the bytes of an MP4 into a clip as `spec` wants it.

    Args:
        data: the whole file.
        spec: which frames and pixels are wanted; 8 frames are enough for any spec.
        roi: used instead of the outline's box; its inside is the whole box.
        num_frames: how many frames the video must have.

    Raises:
        ClipFault: undecodable, too_large, damaged, too_short, no_outline, unusable, or bad_reference for a roi
            that does not fit the frame.
    """
    from stream.clip.decode import decode_frames  # noqa: PLC0415 - see the end of the package's docstring
    from stream.clip.preflight import preflight  # noqa: PLC0415 - as above
    from stream.clip.roi import find_outline, given_outline  # noqa: PLC0415 - as above
    from stream.clip.sample import check_usable, crop_clip, crop_window, frame_indices, to_grey  # noqa: PLC0415 - as above

    facts = preflight(data)
    if num_frames is not None and facts.samples != num_frames:
        raise ClipFault(Reason.DAMAGED, f"the file has {facts.samples} frames, its reference says {num_frames}")
    if facts.samples < MIN_FRAMES:
        raise ClipFault(Reason.TOO_SHORT, f"the file has {facts.samples} frames, at least {MIN_FRAMES} are needed")
    wanted = frame_indices(facts.samples, spec)
    frames = decode_frames(data, facts, wanted)
    outline = find_outline(frames) if roi is None else given_outline(roi, frames[0])
    height, width = outline.inside.shape
    rows, columns = crop_window(outline.box, spec, height=height, width=width)
    x0, y0, x1, y1 = outline.box
    box = (x0 - columns.start, y0 - rows.start, x1 - columns.start, y1 - rows.start)
    inside = outline.inside[rows, columns]
    grey = to_grey([frame.luma[rows, columns] for frame in frames], full_range=frames[0].full_range)
    check_usable(grey, inside)
    return Clip(
        pixels=crop_clip(grey, box, inside, spec),
        roi=outline.box,
        frames=facts.samples,
        quality=Quality(ring=outline.ring, mean_grey=float(grey[:, inside].mean())),
    )
