"""OpenVINO for CPUs: compiles the ONNX file, and quantises it to int8 where that is asked for."""

from trt_build.cpu.compile import compile_openvino, cpu_name

__all__ = ["compile_openvino", "cpu_name"]
