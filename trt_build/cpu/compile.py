"""OpenVINO: from the ONNX file to its intermediate representation, which each CPU compiles for itself at start."""

from pathlib import Path

from stream.engine.quiet import ov


def compile_openvino(onnx_file: Path, folder: Path) -> None:
    """Writes model.xml and model.bin, fp32."""
    model = ov.Core().read_model(onnx_file)
    ov.save_model(model, folder / "model.xml", compress_to_fp16=False)  # it would halve the weights unasked


def cpu_name() -> str:
    """The name of this machine's CPU."""
    return str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME"))
