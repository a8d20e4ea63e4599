"""Generates clips like those of Stall Catchers: scenes, their pixels, their files. Needs no torch."""

from training.synthetic.crop import crop
from training.synthetic.preset import DEMO, FIELD, PRESETS, Preset
from training.synthetic.render import render
from training.synthetic.scene import GENERATOR_VERSION, Scene, sample_scene
from training.synthetic.video import write_clip

__all__ = [
    "DEMO",
    "FIELD",
    "GENERATOR_VERSION",
    "PRESETS",
    "Preset",
    "Scene",
    "crop",
    "render",
    "sample_scene",
    "write_clip",
]
