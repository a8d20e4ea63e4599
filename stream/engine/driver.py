"""Is there an NVIDIA driver with a GPU? Asked before TensorRT is touched, which without one ends the process.

TensorRT's `Runtime` doesn't raise where there is no driver: it gives an object that crashes on first use or at
exit. And `cuInit` may itself spoil a process that forks later, so a child process asks.
"""

import subprocess
import sys

from stream.errors import UserError

_PROBE = """
import ctypes
try:
    cuda = ctypes.CDLL("libcuda.so.1")
except OSError:
    raise SystemExit("there is no NVIDIA driver (libcuda.so.1)")
if status := cuda.cuInit(0):
    raise SystemExit(f"the NVIDIA driver doesn't start (cuInit says {status})")
count = ctypes.c_int()
if cuda.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
    raise SystemExit("the NVIDIA driver shows no GPU")
"""
_DEADLINE_S = 60.0


def require_gpu() -> None:
    """Returns where a GPU can be used.

    Raises:
        UserError: what is absent, and what to use instead.
    """
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        fault = f"the NVIDIA driver doesn't answer within {_DEADLINE_S:.0f} s"
    else:
        if probe.returncode == 0:
            return
        fault = probe.stderr.strip().rpartition("\n")[2] or f"asking the NVIDIA driver ended with {probe.returncode}"
    raise UserError(f"a TensorRT engine needs a GPU: {fault}; use an artifact of kind openvino on this machine")
