"""The build from checkpoint to artifact, in the order it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from stream.engine.artifact import Artifact, Device, Manifest, Precision, load_artifact, seal
from stream.engine.golden import check_golden
from stream.engine.open import open_engine
from training.checkpoint import CheckpointCard, load_checkpoint
from trt_build.cpu import compile_openvino, cpu_name
from trt_build.export import export_onnx
from trt_build.samples import Progress, draw_samples
from trt_build.settings import BuildSettings
from trt_build.staging import staged
from trt_build.verify import Speed, measure, record_golden, sample_clips, verify

STAGES = (
    "load the checkpoint",
    "export to ONNX",
    "compile",
    "verify against torch",
    "record golden clips",
    "check as a worker does",
)


@dataclass(frozen=True, slots=True)
class Built:
    """What came of a build."""

    artifact: Artifact
    speed: Speed


def build(
    settings: BuildSettings, begin: Callable[[str], None], clips_done: Progress = lambda _done, _all: None
) -> Built:
    """Writes the artifact at `settings.out`.

    Args:
        settings: what is asked for.
        begin: told each of STAGES.
        clips_done: told of clips that are generated or scored, and of how many.

    Raises:
        UserError: the checkpoint can't be read, `out` can't be written, or the engine isn't the network's equal.
    """
    with staged(settings.out, force=settings.force) as folder:
        begin(STAGES[0])
        network, card = load_checkpoint(settings.checkpoint)
        begin(STAGES[1])
        export_onnx(network, card.spec, folder / "model.onnx")
        begin(STAGES[2])
        compile_openvino(folder / "model.onnx", folder)
        clips, draft = sample_clips(card.spec), _draft(card, settings.precision)
        begin(STAGES[3])
        if settings.precision == "fp32":
            artifact = seal(folder, draft)
            proof = verify(network, artifact, clips)
        else:
            from trt_build.lowering import to_int8  # noqa: PLC0415 - brings NNCF, which fp32 has no use for

            samples = draw_samples(settings, card.spec, clips_done)
            artifact, proof = to_int8(network, draft, folder, clips, samples, progress=clips_done)
        engine = open_engine(artifact)
        try:
            begin(STAGES[4])
            record_golden(engine, clips, card.spec).save(folder)
            seal(folder, draft.model_copy(update={"proof": proof}))
            begin(STAGES[5])
            check_golden(load_artifact(folder), engine)
            speed = measure(engine, clips)
        finally:
            engine.close()
    return Built(load_artifact(settings.out), speed)


def _draft(card: CheckpointCard, precision: Precision) -> Manifest:
    return Manifest(
        schema=1,
        kind="openvino",
        spec=card.spec,
        rule=card.rule,
        labels=("flowing", "stalled"),
        precision=precision,
        batch_sizes=(1,),  # on a CPU, larger batches gain nothing
        device=Device(name=cpu_name()),
        builder={name: version(name) for name in ("stall-stream", "torch", "onnx", "openvino", "nncf", "av")},
        training=card.model_dump(mode="json", include={"training", "dataset", "network", "weights_sha256"}),
        proof=None,
    )
