"""`python -m trt_build`: compiles a checkpoint to an artifact, and proves that both say the same."""

from stream.interrupts import end_in_order, end_silently

if __name__ == "__main__":
    end_silently()

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from stream.cli import Command, main
from trt_build.bench.settings import BenchSettings
from trt_build.settings import BuildSettings

if TYPE_CHECKING:
    from trt_build.build import Built


def _build(settings: BuildSettings) -> int:
    from trt_build.build import STAGES, build  # noqa: PLC0415 - brings PyTorch, which --help has no use for

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
    Console().print(_summary(built))
    return 0


def _summary(built: "Built") -> Table:
    artifact, proof = built.artifact, built.artifact.manifest.proof
    assert proof is not None
    size_mb = sum(each.stat().st_size for each in artifact.path.iterdir()) / 1e6
    table = Table("artifact", artifact.digest, show_header=True, title=str(artifact.path))
    table.add_row(
        "difference from torch", f"{proof.max_difference:.1e} at most, {proof.clips} clips at each batch size"
    )
    if agreement := proof.agreement:
        table.add_row(
            f"against fp32, {agreement.clips} clips",
            f"{agreement.flips:.2%} other verdicts, MCC {agreement.mcc_engine:.3f} for {agreement.mcc:.3f}, "
            f"correlation {agreement.correlation:.4f}",
        )
    table.add_row("size", f"{size_mb:.2f} MB")
    table.add_row("one clip alone", f"{built.speed.latency_ms:.1f} ms")
    table.add_row("all slots busy", f"{built.speed.clips_per_s:.0f} clips/s")
    return table


def _bench(settings: BenchSettings) -> int:
    from training.outfile import check_writable, write_text  # noqa: PLC0415
    from trt_build.bench.plot import check_format, plot  # noqa: PLC0415 - brings matplotlib, which --help has no use for
    from trt_build.bench.report import table  # noqa: PLC0415
    from trt_build.bench.run import bench  # noqa: PLC0415 - brings PyTorch

    for path in filter(None, (settings.json_file, settings.plot)):
        check_writable(path)
    if settings.plot:
        check_format(settings.plot)
    console = Console(stderr=True)
    found = bench(settings, lambda what: console.print(what, style="dim", highlight=False))
    Console().print(table(found))
    for note in found.notes:
        Console().print(note, highlight=False)
    if settings.json_file:
        write_text(settings.json_file, found.model_dump_json(indent=2) + "\n")
    if settings.plot:
        plot(found, settings.plot)
    return 0


COMMANDS = {
    "build": Command("checkpoint to artifact", BuildSettings, _build),
    "bench": Command("how fast artifacts are, beside PyTorch and ONNX Runtime", BenchSettings, _bench),
}

if __name__ == "__main__":
    end_in_order()
    sys.exit(main("python -m trt_build", COMMANDS, sys.argv[1:], default="build"))
