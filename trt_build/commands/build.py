"""`python -m trt_build [build]`: from a checkpoint to an artifact."""

import sys

from rich.table import Table

from stream.engine.golden import proof_of
from training.measures.needed import never_given
from training.progress import Bars
from trt_build.build import STAGES, Built, build
from trt_build.commands import console
from trt_build.inspection import proved
from trt_build.settings import BuildSettings


def run(settings: BuildSettings) -> int:
    """Builds the artifact, unless it is there already, and tells what it is."""
    with Bars() as bars:
        clips_done = bars.clips("clips")
        built = build(settings, lambda stage: bars.say(f"{STAGES.index(stage) + 1}/{len(STAGES)} {stage}"), clips_done)
    if built.speed is None:
        print(
            f"{settings.out} is built of the same already ({built.artifact.digest}); --force builds it anew",
            file=sys.stderr,
        )
    console().print(summary(built))
    return 0


def summary(built: Built) -> Table:
    """What the artifact is, how fast, and what should be known before it serves."""
    artifact = built.artifact
    size_mb = sum(each.stat().st_size for each in artifact.path.iterdir()) / 1e6
    table = Table("artifact", artifact.digest, title=str(artifact.path))
    for name, told in proved(proof_of(artifact)):
        table.add_row(name, told)
    table.add_row("size", f"{size_mb:.2f} MB")
    if built.speed:
        table.add_row("one clip alone", f"{built.speed.latency_ms:.1f} ms")
        table.add_row("all slots busy", f"{built.speed.clips_per_s:.0f} clips/s")
    for warning in built.warnings:
        table.add_row("warning", warning)
    rule = artifact.manifest.rule
    for verdict in never_given(low=rule.low, high=rule.high):
        table.add_row(
            "warning",
            f"its rule calls no clip {verdict}, for want of clips to show how often that would be wrong: choose it "
            "again by `python -m training calibrate`, with more clips or wider limits",
        )
    return table
