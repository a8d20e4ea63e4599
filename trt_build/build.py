"""The build from checkpoint to artifact, in the order it happens, whatever the target."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version

from stream.engine.artifact import Artifact, Manifest, load_artifact, seal
from stream.engine.golden import check_golden
from stream.engine.open import open_engine
from training.checkpoint import CheckpointCard, load_checkpoint, read_card
from trt_build.agreement import verify_by_verdicts
from trt_build.export import export_onnx
from trt_build.inputs import find_built, inputs_of
from trt_build.samples import Progress, check_source, draw_samples
from trt_build.settings import BuildSettings
from trt_build.staging import sole_builder, staged
from trt_build.target import ONNX, Target, target_for
from trt_build.verify import Speed, measure, record_golden, sample_clips, verify

STAGES = (
    "wait for another builder",
    "load the checkpoint",
    "draw clips",
    "export to ONNX",
    "lower and compile",
    "verify against torch",
    "record golden clips",
    "check as a worker does",
)
_TOLD = {"training", "dataset", "chosen_on", "network", "weights_sha256"}
"""Parts of a checkpoint's card that the manifest repeats."""
_BUILDERS = ("stall-stream", "torch", "onnx", "av", "opencv-python-headless")


@dataclass(frozen=True, slots=True)
class Built:
    """What came of a build."""

    artifact: Artifact
    speed: Speed | None
    """None where it was built before."""
    warnings: tuple[str, ...]
    """The compiler's."""


def build(
    settings: BuildSettings, begin: Callable[[str], None], clips_done: Progress = lambda _done, _all: None
) -> Built:
    """Sees to it that the artifact is at `settings.out`, unless it is there already.

    Args:
        settings: what is asked for.
        begin: told each of STAGES: the first where another process builds there, the others where this one does.
        clips_done: told of clips that are generated or scored, and of how many.

    Raises:
        UserError: this machine can't compile for the target, the checkpoint can't be read, `out` can't be written, or
            the engine isn't the network's equal.
    """
    return build_for(target_for(settings), settings, begin, clips_done)


def build_for(target: Target, settings: BuildSettings, begin: Callable[[str], None], clips_done: Progress) -> Built:
    """The same for a target that is at hand, of the settings' precision."""
    with sole_builder(settings.out, waits=lambda: begin(STAGES[0])):
        card = read_card(settings.checkpoint)
        if settings.precision == "int8":
            check_source(settings, card.spec)
        draft = _draft(target, card, settings)
        if not settings.force and (found := find_built(settings.out, draft)):
            return Built(found, None, ())
        return _build(target, draft, settings, begin, clips_done)


def _build(
    target: Target, draft: Manifest, settings: BuildSettings, begin: Callable[[str], None], clips_done: Progress
) -> Built:
    precision = settings.precision
    with staged(settings.out) as folder:
        begin(STAGES[1])
        network, card = load_checkpoint(settings.checkpoint)
        begin(STAGES[2])
        clips = sample_clips(card.spec)
        samples = draw_samples(settings, card.spec, clips_done) if precision == "int8" else None
        begin(STAGES[3])
        export_onnx(network, card.spec, folder / ONNX)
        begin(STAGES[4])
        warnings = target.compile(folder, samples.calibration if samples else None)
        with closing(open_engine(seal(folder, draft))) as engine:
            begin(STAGES[5])
            if samples:
                proof = verify_by_verdicts(
                    network, engine, clips, samples, rule=card.rule, target=target, folder=folder, progress=clips_done
                )
            else:
                proof = verify(network, engine, clips, precision)
            begin(STAGES[6])
            record_golden(engine, clips, card.spec).save(folder)
            seal(folder, draft.model_copy(update={"proof": proof}))
            begin(STAGES[7])
            check_golden(load_artifact(folder), engine)
            speed = measure(engine, clips)
    return Built(load_artifact(settings.out), speed, warnings)


def _draft(target: Target, card: CheckpointCard, settings: BuildSettings) -> Manifest:
    draft = Manifest(
        schema=1,
        kind=target.kind,
        spec=card.spec,
        rule=card.rule,
        labels=("flowing", "stalled"),
        precision=settings.precision,
        batch_sizes=target.batch_sizes,
        device=target.device,
        builder={**{name: version(name) for name in _BUILDERS}, **target.builder},
        training=card.model_dump(mode="json", include=_TOLD),
        proof=None,
    )
    return draft.model_copy(update={"inputs": inputs_of(draft, settings)})
