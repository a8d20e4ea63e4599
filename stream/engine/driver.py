"""Which GPU the NVIDIA driver shows, if any. Asked before TensorRT is touched, which without one ends the process.

TensorRT's `Runtime` doesn't raise where there is no driver: it gives an object that crashes on first use or at
exit. And `cuInit` may itself spoil a process that forks later, so a child process asks.
"""

import json
import subprocess
import sys
from dataclasses import dataclass

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
device, name, number = ctypes.c_int(), ctypes.create_string_buffer(256), ctypes.c_int()
def asked(status):
    if status:
        raise SystemExit(f"the NVIDIA driver doesn't say what GPU it has ({status})")
    return number.value
asked(cuda.cuDeviceGet(ctypes.byref(device), 0))
asked(cuda.cuDeviceGetName(name, len(name), device))
major, minor = (asked(cuda.cuDeviceGetAttribute(ctypes.byref(number), each, device)) for each in (75, 76))
version = asked(cuda.cuDriverGetVersion(ctypes.byref(number)))
cuda_version = f"{version // 1000}.{version % 1000 // 10}"
import json
print(json.dumps({"name": name.value.decode(), "capability": f"{major}.{minor}", "cuda": cuda_version}))
"""
"""75 and 76 are CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""
_DEADLINE_S = 60.0
_CUDA = 13
"""What the libraries of the extra [tensorrt] are of; older drivers don't serve it."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first GPU that CUDA shows."""

    name: str
    capability: str
    """Compute capability, as "8.9"."""
    cuda: str
    """The newest CUDA that the driver serves, as "13.2"."""

    @property
    def major(self) -> int:
        """Of the compute capability: GPUs of one number are of one family."""
        return int(self.capability.partition(".")[0])


def require_gpu() -> Gpu:
    """The GPU, where one can be used.

    Raises:
        UserError: what is absent, and what to use instead.
    """
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        fault = f"the NVIDIA driver doesn't answer within {_DEADLINE_S:g} s"
    else:
        if probe.returncode == 0:
            gpu = Gpu(**json.loads(probe.stdout))
            if int(gpu.cuda.partition(".")[0]) >= _CUDA:
                return gpu
            fault = f"the NVIDIA driver serves CUDA {gpu.cuda}, and {_CUDA} is needed: install driver 580 or later"
        else:
            said = probe.stderr.strip().rpartition("\n")[2]
            fault = said or f"asking the NVIDIA driver ended with {probe.returncode}"
    raise UserError(f"a TensorRT engine needs a GPU: {fault}; use OpenVINO here (trt_build --target openvino)")
