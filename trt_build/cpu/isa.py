"""What other CPUs would make of a model: a child process that may use only some of this one's instructions.

int8 sums saturate and round otherwise from instruction set to instruction set, so an artifact's golden logits hold on a
mixed fleet only within what they differ by.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.errors import UserError
from trt_build.arrays import hand_over
from trt_build.cpu.reference import logits

SETS = ("AVX2", "AVX512_CORE", "AVX512_CORE_VNNI")
"""As oneDNN names them; one that this CPU lacks stands for what it has."""


def logits_by_set(file: Path, clips: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Logits `[N]` of clips `[N, C, T, S, S]` by model.xml, for each of SETS.

    Raises:
        UserError: this machine can't score them so, or its temporary folder is full.
    """
    with tempfile.TemporaryDirectory() as made:
        given, told = Path(made) / "clips.npy", Path(made) / "logits.npy"
        hand_over(clips, given)
        found = {}
        for name in SETS:
            command = [sys.executable, "-m", __spec__.name, *map(str, (file, given, told))]
            done = subprocess.run(
                command, check=False, env={**os.environ, "ONEDNN_MAX_CPU_ISA": name}, stderr=subprocess.PIPE, text=True
            )
            if done.returncode:
                why = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
                raise UserError(
                    f"int8 can't be scored as a CPU with {name} does it: {why}; build with --precision fp32"
                )
            found[name] = np.load(told)
    return found


def _score(file: Path, given: Path, told: Path) -> None:
    hand_over(logits(file, np.load(given)), told)


if __name__ == "__main__":
    _score(*map(Path, sys.argv[1:]))
