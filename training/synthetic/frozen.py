"""What holds a version of the generator fast: the digest of the scenes that networks are evaluated on.

Pixels pass through Fourier transforms, exponentials and vector instructions, which round differently from one CPU, or
release of NumPy or OpenCV, to the next: a digest of pixels would name a machine, not a generator. A scene, however, is
all that is drawn at random, as numbers that come straight from NumPy's bit generator; rounded to six digits they are
the same everywhere. So the digest is that of scenes, and what drawing makes of them is held by a few crops kept among
the tests, which are compared with a tolerance.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from training.synthetic.scene import Scene

EVALUATION_CLIPS = 200
"""The first so many clips of a preset's evaluation set are in its digest."""
EVALUATION_DIGESTS = {"demo": "e654f14ea0a8c506", "field": "bd914a0af155e8e3"}
"""Of `GENERATOR_VERSION`, by preset. Whoever changes one raises the version and reports all results again."""


def digest(scenes: Iterable[Scene]) -> str:
    """Sha256 of all that scenes are made of, first 16 hex digits."""
    sha256 = hashlib.sha256()
    for scene in scenes:
        for value in _flat(scene):
            sha256.update(f"{value}\n".encode())
    return sha256.hexdigest()[:16]


def _flat(value: Any) -> Iterator[str]:
    """The names, words and numbers in nested dataclasses, tuples and arrays, in order."""
    if is_dataclass(value):
        for field in fields(value):
            yield field.name
            yield from _flat(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, np.ndarray):
        yield str(value.shape)
        for number in value.ravel().tolist():
            yield f"{number:.6g}"
    elif isinstance(value, float):
        yield f"{value:.6g}"
    else:
        yield str(value)
