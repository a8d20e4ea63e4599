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


def timing_file(folder: Path, *, handle: Handle, gpu: Gpu | None) -> Path:
    """Where the cache of this TensorRT on this GPU lies; without a GPU, that of an edition that compiles for others."""
    where = f"{gpu.name} cuda {gpu.cuda}" if gpu else "no gpu"
    return folder / f"{re.sub('[^A-Za-z0-9.]+', '-', f'{handle} {where}').lower()}.timing"


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
    """Writes the cache, whole or not at all. Of two builders at once the later one's stays; each is of use.

    Raises:
        OSError: the folder can't be made or written to.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
        part = Path(folder) / "part"
        part.write_bytes(bytes(config.get_timing_cache().serialize()))
        part.replace(file)
