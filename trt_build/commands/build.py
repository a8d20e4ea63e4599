"""`python -m trt_build [build]`: from a checkpoint to an artifact."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from stream.engine.golden import proof_of
from training.words import never_given
from trt_build.build import STAGES, Built, build
from trt_build.inspection import proved
from trt_build.settings import BuildSettings


def run(settings: BuildSettings) -> int:
    """Builds the artifact, unless it is there already, and tells what it is."""
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(STAGES[0], total=len(STAGES))
        clips = progress.add_task("clips", total=None, visible=False)
        built = build(
            settings,
            lambda stage: progress.update(task, description=stage, completed=STAGES.index(stage)),
            lambda done, total: progress.update(clips, completed=done, total=total, visible=done < total),
        )
        progress.update(task, description="done", completed=len(STAGES))
    if built.speed is None:
        print(
            f"{settings.out} is built of the same already ({built.artifact.digest}); --force builds it anew",
            file=sys.stderr,
        )
    Console(markup=False, emoji=False).print(summary(built))
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
    for verdict in never_given(artifact.manifest.rule):
        table.add_row(
            "warning",
            f"its rule calls no clip {verdict}, for want of clips to show how often that would be wrong: choose it "
            "again by `python -m training calibrate`, with more clips or wider limits",
        )
    return table
