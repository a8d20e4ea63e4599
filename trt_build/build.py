"""The build from checkpoint to artifact, in the order it happens, whatever the target."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version

from stream.engine.artifact import Artifact, Manifest, Precision, load_artifact, seal
from stream.engine.golden import check_golden
from stream.engine.open import open_engine
from training.checkpoint import CheckpointCard, load_checkpoint
from trt_build.agreement import verify_by_verdicts
from trt_build.export import export_onnx
from trt_build.samples import Progress, draw_samples
from trt_build.settings import BuildSettings
from trt_build.staging import staged
from trt_build.target import ONNX, Target, target_for
from trt_build.verify import Speed, measure, record_golden, sample_clips, verify

STAGES = (
    "load the checkpoint",
    "export to ONNX",
    "draw clips",
    "lower and compile",
    "verify against torch",
    "record golden clips",
    "check as a worker does",
)


@dataclass(frozen=True, slots=True)
class Built:
    """What came of a build."""

    artifact: Artifact
    speed: Speed
    warnings: tuple[str, ...]
    """The compiler's."""


def build(
    settings: BuildSettings, begin: Callable[[str], None], clips_done: Progress = lambda _done, _all: None
) -> Built:
    """Writes the artifact at `settings.out`.

    Args:
        settings: what is asked for.
        begin: told each of STAGES.
        clips_done: told of clips that are generated or scored, and of how many.

    Raises:
        UserError: this machine can't compile for the target, the checkpoint can't be read, `out` can't be written, or
            the engine isn't the network's equal.
    """
    return build_for(target_for(settings), settings, begin, clips_done)


def build_for(target: Target, settings: BuildSettings, begin: Callable[[str], None], clips_done: Progress) -> Built:
    """The same for a target that is at hand, of the settings' precision."""
    precision = settings.precision
    with staged(settings.out, force=settings.force) as folder:
        begin(STAGES[0])
        network, card = load_checkpoint(settings.checkpoint)
        begin(STAGES[1])
        export_onnx(network, card.spec, folder / ONNX)
        begin(STAGES[2])
        clips = sample_clips(card.spec)
        samples = draw_samples(settings, card.spec, clips_done) if precision == "int8" else None
        begin(STAGES[3])
        warnings = target.compile(folder, samples.calibration if samples else None)
        draft = _draft(target, card, precision)
        with closing(open_engine(seal(folder, draft))) as engine:
            begin(STAGES[4])
            if samples:
                proof = verify_by_verdicts(
                    network, engine, clips, samples, rule=card.rule, target=target, folder=folder, progress=clips_done
                )
            else:
                proof = verify(network, engine, clips, precision)
            begin(STAGES[5])
            record_golden(engine, clips, card.spec).save(folder)
            seal(folder, draft.model_copy(update={"proof": proof}))
            begin(STAGES[6])
            check_golden(load_artifact(folder), engine)
            speed = measure(engine, clips)
    return Built(load_artifact(settings.out), speed, warnings)


def _draft(target: Target, card: CheckpointCard, precision: Precision) -> Manifest:
    return Manifest(
        schema=1,
        kind=target.kind,
        spec=card.spec,
        rule=card.rule,
        labels=("flowing", "stalled"),
        precision=precision,
        batch_sizes=target.batch_sizes,
        device=target.device,
        builder={**{name: version(name) for name in ("stall-stream", "torch", "onnx", "av")}, **target.builder},
        training=card.model_dump(mode="json", include={"training", "dataset", "network", "weights_sha256"}),
        proof=None,
    )
