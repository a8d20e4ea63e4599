"""Artifacts, PyTorch and ONNX Runtime side by side on this machine: what each makes of the same clips, and how fast."""
