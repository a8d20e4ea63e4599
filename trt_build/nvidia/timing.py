"""The timing cache: what TensorRT measured of its kernels, so that the next build of the kind takes seconds.

It holds for one GPU, one version of TensorRT and one driver, and the file's name says which. TensorRT checks it, too;
what it refuses is begun anew, for a cache may be lost at any time.
"""

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stream.engine.driver import Gpu
from trt_build.nvidia.handle import Handle

if TYPE_CHECKING:
    import tensorrt as nv


def timing_file(folder: Path, *, handle: Handle, gpu: Gpu) -> Path:
    """Where the cache of this TensorRT on this GPU lies."""
    name = f"{handle} {gpu.name} cuda {gpu.cuda}"
    return folder / f"{re.sub('[^A-Za-z0-9.]+', '-', name).lower()}.timing"


def use_timing(config: "nv.IBuilderConfig", file: Path) -> None:
    """Gives the builder what the file holds, or an empty cache."""
    try:
        content = file.read_bytes()
    except OSError:
        content = b""
    for each in (content, b""):
        cache = config.create_timing_cache(each)
        if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
            return


def save_timing(config: "nv.IBuilderConfig", file: Path) -> None:
    """Writes the cache, if there is one, whole or not at all. Of two builders at once the later one's stays.

    Raises:
        OSError: the folder can't be made or written to.
    """
    cache = config.get_timing_cache()
    if cache is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
        part = Path(folder) / "part"
        part.write_bytes(bytes(cache.serialize()))
        part.replace(file)
