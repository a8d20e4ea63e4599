"""OpenVINO without its telemetry, which tells its maker of each import, from a child forked in the midst of threads.

Such a child inherits a worker's connections and pipes: where it outlives the worker, so do the readers.
"""

import sys

# OpenVINO has a stub for where the package of that name can't be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402 - after it

__all__ = ["ov"]
