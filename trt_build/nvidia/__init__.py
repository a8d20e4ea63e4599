"""From an ONNX file to a serialised TensorRT plan; only `handle` knows which TensorRT it is."""
