"""The short way from a scene to a network's input: no codec, and only the pixels and frames that are needed."""

import numpy as np
from numpy.typing import NDArray

from stream.clip.sample import crop_clip, crop_square, frame_indices
from stream.clip.spec import ClipSpec
from training.synthetic.render import render
from training.synthetic.scene import Scene


def crop(scene: Scene, spec: ClipSpec) -> NDArray[np.uint8]:
    """What reading the scene's video would give, but for the codec's losses: `uint8 [C, T, S, S]`."""
    box = scene.outline.box
    x0, y0, side = crop_square(box, spec)
    window = (max(x0, 0), max(y0, 0), min(x0 + side, scene.width), min(y0 + side, scene.height))
    luma = render(scene, frame_indices(scene.num_frames, spec), window)
    moved = (box[0] - window[0], box[1] - window[1], box[2] - window[0], box[3] - window[1])
    return crop_clip(luma, moved, scene.outline.inside(window), spec)
