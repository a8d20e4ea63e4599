"""Writes a scene as the competition's pipeline did: H.264 in MP4, untagged, the index at the end."""

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from training.synthetic.render import render
from training.synthetic.scene import Scene

FPS = 15
_TO_LUMA = np.round(16 + np.arange(256) * 219 / 255).astype(np.uint8)
"""Grey to luma of limited range (ITU-R BT.601)."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How x264 is asked to encode."""

    crf: float
    all_intra: bool


REAL = Encoding(crf=15, all_intra=True)
"""As the real clips: each frame is a key frame of about 45 kB."""


def sample_reencoding(rng: np.random.Generator) -> Encoding:
    """As a re-encoded upload: groups of pictures, more loss."""
    return Encoding(crf=float(rng.integers(18, 29)), all_intra=False)


def write_clip(scene: Scene, encoding: Encoding = REAL) -> bytes:
    """Renders and encodes a scene; the same scene gives the same bytes on the same x264."""
    return encode(render(scene), outline_chroma(scene), encoding)


def encode(grey: NDArray[np.uint8], chroma: NDArray[np.uint8], encoding: Encoding) -> bytes:
    """Encodes frames as yuv420p MP4.

    Args:
        grey: `uint8 [T, H, W]`, full range; H and W even.
        chroma: `uint8 [2, H / 2, W / 2]`, U and V planes that all frames share.
        encoding: how.
    """
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        _configure(stream, grey.shape[2], grey.shape[1], encoding)
        for image in grey:
            planes = np.concatenate([cv2.LUT(image, _TO_LUMA).ravel(), chroma.ravel()])
            frame = av.VideoFrame.from_ndarray(planes.reshape(-1, grey.shape[2]), format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return sink.getvalue()


def _configure(stream: VideoStream, width: int, height: int, encoding: Encoding) -> None:
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = stream.codec_context.time_base = Fraction(1, FPS)
    stream.codec_context.thread_count = 1  # one process for each core encodes; threads would also change the bytes
    intra = {"x264-params": "keyint=1:bframes=0:ref=1"} if encoding.all_intra else {}
    stream.options = {"preset": "veryfast", "crf": str(encoding.crf), **intra}


def neutral_chroma(width: int, height: int) -> NDArray[np.uint8]:
    """U and V planes of a grey frame, `uint8 [2, H / 2, W / 2]`."""
    return np.full((2, height // 2, width // 2), 128, np.uint8)


def outline_chroma(scene: Scene) -> NDArray[np.uint8]:
    """U and V of the outline's colour where it covers a pixel, else neutral; BT.601, limited range."""
    red, green, blue = scene.outline.colour
    u = -0.168736 * red - 0.331264 * green + 0.5 * blue
    v = 0.5 * red - 0.418688 * green - 0.081312 * blue
    coverage = scene.outline.stroke(scene.frame).astype(np.float32) / 255
    half = cv2.resize(coverage, (scene.width // 2, scene.height // 2), interpolation=cv2.INTER_AREA)
    planes = neutral_chroma(scene.width, scene.height) + np.stack([half * c * 224 / 255 for c in (u, v)])
    return np.round(planes).astype(np.uint8)
