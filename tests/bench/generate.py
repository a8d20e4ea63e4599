"""How many generated crops a second one core makes, without a codec and through the video.

    python tests/bench/generate.py [--crops N] [--videos N]

Nothing here fails on time: it reports. CPU time counts, so a busy neighbour hurts less than on the clock.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from stream.clip import ClipSpec, prepare, read_clip
from training.synthetic import PRESETS, Preset, Scene, crop, sample_scene, write_clip

SPEC = ClipSpec()


def scene(preset: Preset, index: int) -> Scene:
    return sample_scene(np.random.default_rng([index, 6]), preset=preset, stalled=index % 2 == 0)


def short_way(preset: Preset, index: int) -> object:
    return crop(scene(preset, index), SPEC)


def long_way(preset: Preset, index: int) -> object:
    return read_clip(write_clip(scene(preset, index)), SPEC)


def per_cpu_second(make: Callable[[int], object], count: int) -> float:
    make(count)  # what is made once and kept, such as noise, does not count
    before = time.process_time()
    for index in range(count):
        make(index)
    return count / (time.process_time() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=int, default=200, help="crops of each preset without a codec")
    parser.add_argument("--videos", type=int, default=5, help="crops of each preset by way of the video")
    settings = parser.parse_args()
    prepare()
    print(f"clips a CPU second, ClipSpec() is {SPEC.shape}")
    print(f"{'preset':<8} {'scene alone':>12} {'crop':>8} {'through the video':>18}")
    for preset in PRESETS.values():
        rates = (
            per_cpu_second(partial(scene, preset), settings.crops),
            per_cpu_second(partial(short_way, preset), settings.crops),
            per_cpu_second(partial(long_way, preset), settings.videos),
        )
        print(f"{preset.name:<8} {rates[0]:>12.0f} {rates[1]:>8.1f} {rates[2]:>18.2f}")


if __name__ == "__main__":
    main()
