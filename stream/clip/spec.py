"""ClipSpec: how a video becomes numbers; it travels with checkpoint, artifact and verdict."""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Box = tuple[int, int, int, int]
"""`(x0, y0, x1, y1)` in pixels of the clip; x1 and y1 are exclusive."""


class ClipSpec(BaseModel):
    """Everything that decides which numbers the network sees of a clip.

    The crop is a square in the frame's pixels around the outline's box. With `scale="fit"` its side is the
    box's longer side plus twice the margin, resized to `size`. With `scale="native"` its side is `size`, so
    pixels keep their scale, and it is shrunk only where box and margin need more than `size` pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    frames: int = Field(default=16, ge=2, le=256)
    """T, frames handed to the network; a shorter clip repeats frames."""
    size: int = Field(default=64, ge=16, le=512)
    """S, side of the crop in pixels."""
    sampling: Literal["whole", "central"] = "central"
    """Take the T frames evenly from the whole clip, or from its central `central_frames`."""
    central_frames: int = Field(default=32, ge=2, le=512)
    """Used by `sampling="central"`; a shorter clip is used whole."""
    scale: Literal["fit", "native"] = "native"
    """`fit` resizes the box and its margin to `size`; `native` keeps the pixels' scale as long as they fit."""
    margin: int = Field(default=4, ge=0, le=128)
    """Pixels of the frame kept around the box on each side."""
    outside: Literal["keep", "zero"] = "zero"
    """`zero` blackens what is not inside the outline, the outline included."""
    extra: Literal["none", "mask", "distance"] = "distance"
    """Second channel, the same in each frame: the inside (0 or 255), or the distance to the outline."""

    @property
    def channels(self) -> int:
        """C, channels of the clip."""
        return 1 if self.extra == "none" else 2

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`[C, T, S, S]`, the shape of one clip."""
        return (self.channels, self.frames, self.size, self.size)

    @property
    def digest(self) -> str:
        """Sha256 of the canonical JSON, first 16 hex digits: two specs are equal if and only if these are."""
        canonical = json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]
