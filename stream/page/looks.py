"""What a clip looks like, read again: as it goes into the network, and with what lies around its outline."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stream.clip import Box, ClipSpec
from stream.clip.sample import frame_indices
from stream.fetch import Fetcher
from stream.readers import Readers, ReadRequest
from stream.records import ClipReference

_SIZE_PX, _MARGIN_PX = 160, 40


@dataclass(frozen=True, slots=True)
class Look:
    """One clip in two crops of the same frames."""

    crop: NDArray[np.uint8]
    """`[C, T, S, S]`, to the bit what the network gets."""
    around: NDArray[np.uint8]
    """`[2, T, V, V]`: grey with the outline's surroundings, and where its inside is."""
    extra: Literal["none", "mask", "distance"]
    """What the crop's second channel is, as in its spec."""
    indices: tuple[int, ...]
    """Of these frames in the video."""
    roi: Box
    frames: int
    """Of the video."""


def surroundings(spec: ClipSpec) -> ClipSpec:
    """The spec of the same frames with what lies around the outline."""
    wider = {"size": _SIZE_PX, "margin": _MARGIN_PX, "scale": "fit", "outside": "keep", "extra": "mask"}
    return ClipSpec.model_validate({**spec.model_dump(), **wider})


def look_at(reference: ClipReference, fetcher: Fetcher, *, spec: ClipSpec, crops: Readers, around: Readers) -> Look:
    """Fetches and reads a clip.

    Args:
        reference: to the clip.
        fetcher: of its bytes.
        spec: that `crops` reads by.
        crops: read what goes into the network.
        around: read by `surroundings(spec)`.

    Raises:
        ClipFault: as for a worker, it can't be had or read.
        Outage: its store does not serve now.
    """
    data = fetcher.submit(reference.uri, sha256=reference.sha256).result()
    request = ReadRequest(data, reference.roi, reference.num_frames)
    inner, outer = crops.submit(request), around.submit(request)
    clip = inner.result()
    return Look(
        crop=clip.pixels,
        around=outer.result().pixels,
        extra=spec.extra,
        indices=frame_indices(clip.frames, spec),
        roi=clip.roi,
        frames=clip.frames,
    )
