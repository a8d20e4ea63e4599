"""TensorRT for NVIDIA GPUs: lowers the ONNX file and compiles it to a plan; `handle` knows which TensorRT it is."""
