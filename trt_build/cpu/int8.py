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
from trt_build.target import Outputs

# isort: split
import nncf
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
from nncf.quantization.range_estimator import RangeEstimatorParametersSet


def quantise(model: "ov.Model", clips: NDArray[np.uint8]) -> "ov.Model":
    """The model in int8.

    Activations are asymmetric where they may be (`MIXED`), and their ranges the extremes of the calibration clips. By
    default NNCF averages each clip's extremes, which cuts off the features of rare clips: logits of -16 became -8, and
    the correlation with fp32 rose from .98 to .9998 without it (the model that comes along, 600 clips).

    Args:
        model: in fp32.
        clips: `[N, C, T, S, S]` to calibrate on.
    """
    nncf.set_log_level(logging.ERROR)
    quantised: ov.Model = nncf.quantize(
        model,
        nncf.Dataset([clip[None] for clip in clips]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(clips),
        advanced_parameters=AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        ),
    )
    return quantised


def outputs_of_layers(file: Path, clips: NDArray[np.uint8]) -> Outputs:
    """What each convolution and linear layer of a file gives for clips `[N, C, T, S, S]`."""
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
