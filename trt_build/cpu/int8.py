"""int8 for CPUs: NNCF puts quantisation into OpenVINO's own model, calibrated on clips like those it will judge.

Never by way of the file that TensorRT takes: OpenVINO 2026.4 computes wrong numbers where a symmetric int8 tensor
comes out of a Concat, and SlowFast has one behind each stage.
"""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.engine.artifact import INPUT
from stream.engine.quiet import ov  # before nncf, which would bring OpenVINO with its telemetry, and has its own

# isort: split
import nncf
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
from nncf.quantization.range_estimator import RangeEstimatorParametersSet

from trt_build.cpu.shortcuts import convolve_shortcuts

WORST = 3
"""Layers that are named where int8 is refused."""


def quantise(file: Path, clips: NDArray[np.uint8]) -> None:
    """Replaces model.xml and model.bin by their int8 form.

    Activations are asymmetric where they may be (`MIXED`), and their ranges the extremes of the calibration clips. By
    default NNCF averages each clip's extremes, which cuts off the features of rare clips: logits of -16 became -8, and
    the correlation with fp32 rose from .98 to .9998 without it (the model that comes along, 600 clips).

    Args:
        file: model.xml, fp32.
        clips: `[N, C, T, S, S]` to calibrate on.
    """
    nncf.set_log_level(logging.ERROR)
    exact = ov.Core().read_model(file)
    convolve_shortcuts(exact)
    model = nncf.quantize(
        exact,
        nncf.Dataset([clip[None] for clip in clips]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(clips),
        advanced_parameters=AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        ),
    )
    ov.save_model(model, file.with_suffix(".new.xml"), compress_to_fp16=False)
    for suffix in (".xml", ".bin"):
        file.with_suffix(f".new{suffix}").replace(file.with_suffix(suffix))


def noisiest_layers(exact: Path, quantised: Path, clips: NDArray[np.uint8]) -> list[str]:
    """The convolutions and linear layers whose outputs int8 changes most, relative to their size; worst first.

    Args:
        exact: model.xml in fp32.
        quantised: the same network in int8.
        clips: `[N, C, T, S, S]` to compare on.
    """
    first, second = (_outputs_of_layers(file, clips) for file in (exact, quantised))
    noise = {name: _relative(second[name] - first[name], first[name]) for name in first.keys() & second.keys()}
    return sorted(noise, key=lambda name: -noise[name])[:WORST]


def _outputs_of_layers(file: Path, clips: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    core = ov.Core()
    model = core.read_model(file)
    layers = [op for op in model.get_ordered_ops() if op.get_type_name() in ("Convolution", "MatMul")]
    shown = model.add_outputs([op.output(0) for op in layers])
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = [compiled({INPUT: clip[None]}) for clip in clips]
    names = [op.get_friendly_name().removesuffix("/WithoutBiases") for op in layers]
    return {
        name: np.concatenate([each[number] for each in found])
        for number, name in enumerate(names, start=len(model.outputs) - len(shown))
    }


def _relative(difference: NDArray[np.float32], whole: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(difference) / max(float(np.linalg.norm(whole)), 1e-12))
