"""The field: who takes part in a comparison, and in which ways each may be run."""

from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from stream.clip.spec import ClipSpec
from stream.engine.artifact import Artifact, load_artifact
from stream.errors import UserError
from stream.validation import first_error
from training.checkpoint import load_checkpoint
from training.networks import NetworkConfig
from training.networks.cost import gflops
from trt_build.arrays import hand_over
from trt_build.bench import in_torch
from trt_build.bench.contenders import Arithmetic, Contender, Runner, Way
from trt_build.bench.settings import BenchSettings
from trt_build.verify import sample_clips

BEST = "PyTorch at its best"
_BATCHES = (1, 8)
"""Of PyTorch and ONNX Runtime: larger ones were never faster on a CPU."""

_GPU_LANES = 3
"""The slots of TensorRT's engine: what a worker keeps in hand."""

_ClipsOf = Callable[[ClipSpec], Path]


def contenders(settings: BenchSettings, scratch: Path) -> list[Contender]:
    """What others are compared with comes first: PyTorch at its best, or else the first artifact.

    Raises:
        UserError: a folder is none of those that it is given for, or the temporary folder is full.
    """
    written: dict[ClipSpec, Path] = {}

    def clips_of(spec: ClipSpec) -> Path:
        """The same scenes for every spec, each cropped as that spec wants it."""
        if spec not in written:
            written[spec] = scratch / f"{spec.digest}.npy"
            hand_over(sample_clips(spec), written[spec])
        return written[spec]

    artifacts = [load_artifact(path) for path in settings.artifacts]
    found = list(_of_torch(settings.checkpoint, settings.cpus, clips_of)) if settings.checkpoint else []
    found += [_of_artifact(artifact, settings.cpus, clips_of) for artifact in artifacts]
    return [*found, *_of_onnxruntime(artifacts, settings.cpus, clips_of)]


def peak_way(arithmetic: Arithmetic, contender: Contender, threads: int) -> Way:
    """The machine's peak; a clip of the contender's goes along for form's sake."""
    return Way(
        runner="peak",
        source=Path(),
        clips=contender.ways[0].clips,
        name=arithmetic,
        lanes=threads,
        threads=threads,
    )


def _of_torch(checkpoint: Path, threads: int, clips_of: _ClipsOf) -> Iterator[Contender]:
    _, card = load_checkpoint(checkpoint)
    operations = gflops(card.network, card.spec.shape)
    clips = clips_of(card.spec)

    def ways(names: tuple[str, ...], batches: tuple[int, ...], lanes: set[int]) -> tuple[Way, ...]:
        return _ways("torch", checkpoint, clips, threads, names=names, batches=batches, lanes=lanes)

    for name, tried in (
        (BEST, ways(tuple(in_torch.WAYS), _BATCHES, {1, threads})),
        ("PyTorch as it comes", ways(("eager",), (1,), {1})),
    ):
        yield Contender(name=name, ways=tried, spec=card.spec, gflops=operations, arithmetic="fp32")


def _of_artifact(artifact: Artifact, threads: int, clips_of: _ClipsOf) -> Contender:
    manifest = artifact.manifest
    clips = clips_of(manifest.spec)
    on_cpu = manifest.kind == "openvino"
    lanes = {threads, 2 * threads} if on_cpu else {_GPU_LANES}
    return Contender(
        name=f"{artifact.path} ({manifest.precision})",
        ways=_ways("artifact", artifact.path, clips, threads, batches=manifest.batch_sizes, lanes=lanes),
        spec=manifest.spec,
        gflops=gflops(_network_of(artifact), manifest.spec.shape),
        arithmetic=("int8" if manifest.precision == "int8" else "fp32") if on_cpu else None,
    )


def _of_onnxruntime(artifacts: list[Artifact], threads: int, clips_of: _ClipsOf) -> Iterator[Contender]:
    """One for each network: artifacts in several precisions are made from the same file."""
    seen = set()
    for artifact in artifacts:
        digest = artifact.manifest.files.get("model.onnx")
        if digest is None or digest in seen:
            continue
        seen.add(digest)
        spec = artifact.manifest.spec
        file = artifact.path / "model.onnx"
        yield Contender(
            name=f"ONNX Runtime, {file}",
            ways=_ways("onnxruntime", file, clips_of(spec), threads, batches=_BATCHES, lanes={1, threads}),
            spec=spec,
            gflops=gflops(_network_of(artifact), spec.shape),
            arithmetic="fp32",
        )


def _ways(
    runner: Runner,
    source: Path,
    clips: Path,
    threads: int,
    *,
    batches: tuple[int, ...],
    lanes: set[int],
    names: tuple[str, ...] = ("",),
) -> tuple[Way, ...]:
    return tuple(
        Way(runner=runner, source=source, clips=clips, name=name, lanes=some, batch=batch, threads=threads)
        for name in names
        for batch in batches
        for some in sorted(lanes)
    )


def _network_of(artifact: Artifact) -> NetworkConfig:
    try:
        found: NetworkConfig = TypeAdapter(NetworkConfig).validate_python(artifact.manifest.training.get("network"))
    except ValidationError as error:
        raise UserError(
            f"artifact {artifact.path}: its manifest doesn't tell the network's shape ({first_error(error)}); build it "
            "again with python -m trt_build"
        ) from None
    return found
