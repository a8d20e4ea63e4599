"""Lower precision as a rewrite of the ONNX file: what comes in and goes out keeps its type, `uint8` and `float32`."""
