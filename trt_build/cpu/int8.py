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

EXACT = 5
"""Layers from the input on that stay in fp32."""


def quantise(model: "ov.Model", clips: NDArray[np.uint8]) -> "ov.Model":
    """The model in int8.

    Activations are asymmetric where they may be (`MIXED`), and their ranges the extremes of the calibration clips. By
    default NNCF averages each clip's extremes, which cuts off the features of rare clips: logits were up to 7 off, and
    .6 without it. Biases are corrected layer by layer, each behind those that are corrected already; the head stays in
    fp32 by what `_in_line` adds, and the first layers because they have few channels: all 30 layers of the slim network
    in int8 took 3.7 ms a clip, all but five 4.0, fp32 7.9.

    Of 800 verdicts of the model that comes along 26 % changed without any of this, 1.1 % with it, 0.4 % in line.

    Args:
        model: in fp32, as `ov.convert_model` gives it.
        clips: `[N, C, T, S, S]` to calibrate on.
    """
    nncf.set_log_level(logging.ERROR)
    exact = _logits(model, clips)
    quantised: ov.Model = nncf.quantize(
        model,
        nncf.Dataset([clip[None] for clip in clips]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(clips),
        fast_bias_correction=False,
        ignored_scope=nncf.IgnoredScope(names=[op.get_friendly_name() for op in _layers(model)[:EXACT]]),
        advanced_parameters=AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        ),
    )
    return _in_line(quantised, _logits(quantised, clips), exact)


def _in_line(model: "ov.Model", found: NDArray[np.float32], exact: NDArray[np.float32]) -> "ov.Model":
    """The model with its logits moved by the straight line that leads from those it found to the exact ones, `[N]`."""
    slope, shift = np.polyfit(found, exact, 1) if np.ptp(found) else (1.0, float(np.mean(exact - found)))
    result = model.get_results()[0]
    names, logits = result.output(0).get_names(), result.input_value(0)
    scaled = ov.opset13.multiply(logits, np.float32(slope))
    moved = ov.opset13.add(scaled, np.float32(shift))
    moved.output(0).set_names(names)
    logits.get_tensor().set_names(set())
    return ov.Model([ov.opset13.result(moved)], model.get_parameters(), model.get_friendly_name())


def _logits(model: "ov.Model", clips: NDArray[np.uint8]) -> NDArray[np.float32]:
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.concatenate([compiled({INPUT: clip[None]})[0] for clip in clips])


def _layers(model: "ov.Model") -> list["ov.Node"]:
    return [op for op in model.get_ordered_ops() if op.get_type_name() in ("Convolution", "MatMul")]


def outputs_of_layers(file: Path, clips: NDArray[np.uint8]) -> Outputs:
    """What each convolution and linear layer of a file gives for clips `[N, C, T, S, S]`."""
    core = ov.Core()
    model = core.read_model(file)
    layers = _layers(model)
    shown = model.add_outputs([op.output(0) for op in layers])
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = [compiled({INPUT: clip[None]}) for clip in clips]
    names = [op.get_friendly_name().removesuffix("/WithoutBiases") for op in layers]
    return {
        name: np.concatenate([each[number] for each in found])
        for number, name in enumerate(names, start=len(model.outputs) - len(shown))
    }
