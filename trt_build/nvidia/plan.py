"""From an ONNX file to a serialised plan, or one line of NVIDIA's own words that says why not.

Precision is not chosen here: networks are strongly typed, so each tensor has the type that the file gives it
(`fp16` and `int8` rewrite the file).
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from stream.engine.artifact import Hardware
from stream.engine.nvlog import Lines, logger_into, words
from stream.errors import UserError
from trt_build.nvidia.handle import Handle
from trt_build.nvidia.timing import save_timing, use_timing

if TYPE_CHECKING:
    import tensorrt as nv


class PlanSettings(BaseModel):
    """How to compile. Rising batch sizes and enough workspace are for TensorRT to judge, which says why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usual_batch: int = Field(ge=1)
    """The batch size that kernels are chosen for."""
    largest_batch: int = Field(ge=1)
    hardware: Hardware = "this"
    workspace_bytes: int | None = Field(default=None, ge=1)
    """Memory on the GPU that a kernel may use beside its tensors; None leaves it at all there is."""
    level: int = Field(default=3, ge=0, le=5)
    """Of the builder's optimisation, NVIDIA's default; TensorRT itself takes 9 without a word."""
    timing: Path | None = None
    """The timing cache's file, by `timing_file`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A network as TensorRT loads it."""

    content: bytes
    warnings: tuple[str, ...]
    """NVIDIA's, each once, and that the timing cache couldn't be kept."""


def compile_plan(onnx_file: Path, settings: PlanSettings, handle: Handle) -> Plan:
    """Parses and compiles a network of one input whose first axis alone is dynamic, as `export_onnx` writes it.

    Raises:
        UserError: TensorRT doesn't understand the file, or can't compile it as the settings want it.
    """
    lines = Lines()
    try:
        content = _compile(onnx_file, settings, handle, lines)
    except UserError as error:
        # Not with its frames, which hold a builder: one that is collected as garbage from within the log of the next
        # build waits for that build, and the build for its log (seen in TensorRT-RTX 1.7).
        raise error.with_traceback(None) from None
    return Plan(content, tuple(dict.fromkeys(lines.warnings)))


def _compile(onnx_file: Path, settings: PlanSettings, handle: Handle, lines: Lines) -> bytes:
    library = handle.library
    logger = logger_into(lines, library)
    builder = library.Builder(logger)
    network = builder.create_network(handle.network_flags)
    parser = library.OnnxParser(network, logger)
    if not parser.parse_from_file(str(onnx_file)):
        raise _unread(onnx_file, handle, words(_parser_errors(parser)))
    if (network.num_inputs, network.num_outputs) != (1, 1):  # it reads an empty file, too
        raise _unread(onnx_file, handle, f"{network.num_inputs} inputs and {network.num_outputs} outputs, not one each")
    config = builder.create_builder_config()
    if settings.timing:
        use_timing(config, settings.timing)
    lines.take_errors()  # of a cache that it refused, say: no harm was done
    _configure(config, settings, handle)
    index = config.add_optimization_profile(_profile(builder, network.get_input(0), settings, lines))
    if index < 0 or lines.errors:
        raise _refused(onnx_file, settings, handle, lines)
    serialized = builder.build_serialized_network(network, config)
    if serialized is None:
        raise _refused(onnx_file, settings, handle, lines)
    if settings.timing:
        try:
            save_timing(config, settings.timing)
        except OSError as error:  # the plan is worth more than the cache
            lines.warnings.append(f"the timing cache {settings.timing} can't be written ({error.strerror})")
    return bytes(serialized)


def inspect(plan: bytes, handle: Handle, lines: Lines) -> str | None:
    """What the inspector says of a plan's layers, as JSON; None where it says nothing, and `lines` may tell why."""
    runtime = handle.library.Runtime(logger_into(lines, handle.library))
    engine = runtime.deserialize_cuda_engine(plan)
    inspector = engine.create_engine_inspector() if engine else None
    return inspector.get_engine_information(handle.library.LayerInformationFormat.JSON) if inspector else None


def _configure(config: "nv.IBuilderConfig", settings: PlanSettings, handle: Handle) -> None:
    library = handle.library
    config.builder_optimization_level = settings.level
    config.profiling_verbosity = library.ProfilingVerbosity.DETAILED  # for the inspector
    if settings.workspace_bytes:
        config.set_memory_pool_limit(library.MemoryPoolType.WORKSPACE, settings.workspace_bytes)
    config.clear_flag(library.BuilderFlag.TF32)  # it rounds products of fp32 to 10 bits: 1e-4 would be out of reach
    handle.aim(config, settings.hardware)


def _profile(
    builder: "nv.Builder", clips: "nv.ITensor", settings: PlanSettings, lines: Lines
) -> "nv.IOptimizationProfile":
    profile = builder.create_optimization_profile()
    clip = tuple(clips.shape)[1:]
    sizes = [(size, *clip) for size in (1, settings.usual_batch, settings.largest_batch)]
    try:
        profile.set_shape(clips.name, *sizes)
    except (RuntimeError, ValueError):  # where it doesn't only log; the profile then isn't taken
        lines.add(logging.ERROR, f"the profile {sizes} is refused")
    return profile


def _unread(onnx_file: Path, handle: Handle, why: str) -> UserError:
    return UserError(
        f"{handle} can't read {onnx_file.name}: {why}; "
        "export the checkpoint again, or report the network's configuration"
    )


def _parser_errors(parser: "nv.OnnxParser") -> Iterator[str]:
    for i in range(parser.num_errors):
        error: nv.ParserError = parser.get_error(i)
        where = f" (node {error.node_name()}, {error.node_operator()})" if error.node_name() else ""
        yield f"{error.desc()}{where}"


def _refused(onnx_file: Path, settings: PlanSettings, handle: Handle, lines: Lines) -> UserError:
    sizes = f"batches 1, {settings.usual_batch}, {settings.largest_batch}"
    workspace = f", workspace {settings.workspace_bytes} bytes" if settings.workspace_bytes else ""
    return UserError(
        f"{handle} can't compile {onnx_file.name} ({sizes}{workspace}): {lines.take_errors()}; "
        "give what it asks for, or another precision or target"
    )
