"""Opens the engine that an artifact holds; only that engine's library is imported."""

from typing import TYPE_CHECKING

from stream.engine.artifact import Artifact
from stream.engine.contract import Engine
from stream.engine.driver import require_gpu
from stream.errors import UserError

if TYPE_CHECKING:
    from stream.engine.gpu import TensorRtEngine


def open_engine(artifact: Artifact, *, threads: int | None = None) -> Engine:
    """Compiles or loads the artifact's network.

    Args:
        artifact: from `load_artifact`.
        threads: of the CPU, for OpenVINO; None takes all that the process may use.

    Raises:
        UserError: the network doesn't fit the manifest, or the machine isn't the one it was built for.
    """
    match artifact.manifest.kind:
        case "openvino":
            from stream.engine.cpu import OpenVinoEngine  # noqa: PLC0415 - one library of two is installed

            return OpenVinoEngine(artifact, threads=threads)
        case "tensorrt":
            try:
                gpu = require_gpu()
            except UserError as error:
                raise UserError(
                    f"artifact {artifact.path} is a plan for {artifact.manifest.device.name}: {error}"
                ) from None
            return tensorrt_engine()(artifact, gpu)


def tensorrt_engine() -> "type[TensorRtEngine]":
    """The class of TensorRT's engines; ask for a GPU first.

    Raises:
        UserError: TensorRT or CUDA's bindings aren't installed.
    """
    try:
        from stream.engine.gpu import TensorRtEngine  # noqa: PLC0415 - one library of two is installed
    except ImportError as error:
        raise UserError(
            f"plans of TensorRT can't be run here: {error}; on a machine with a GPU: pip install -c constraints.txt "
            "'.[tensorrt]'"
        ) from None
    return TensorRtEngine
