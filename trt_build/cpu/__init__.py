"""OpenVINO for CPUs: compiles the ONNX file, and quantises it to int8 where that is asked for."""
