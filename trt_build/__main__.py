"""`python -m trt_build`: compiles a checkpoint to an artifact, proves that both say the same, and tells of artifacts.

What a command doesn't use isn't imported: only `build`, and `verify` with a checkpoint, bring PyTorch.
"""
# ruff: noqa: PLC0415 - commands import only what they use

from stream.interrupts import end_in_order, end_silently

if __name__ == "__main__":
    end_silently()

import json
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from stream.cli import Command, main
from trt_build.bench.settings import BenchSettings
from trt_build.settings import BuildSettings
from trt_build.tool_settings import DiffSettings, InspectSettings, VerifySettings

if TYPE_CHECKING:
    from trt_build.build import Built


def _build(settings: BuildSettings) -> int:
    from trt_build.build import STAGES, build

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
        print(  # noqa: T201
            f"{settings.out} is built of the same already ({built.artifact.digest}); --force builds it anew",
            file=sys.stderr,
        )
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
    if built.speed:
        table.add_row("one clip alone", f"{built.speed.latency_ms:.1f} ms")
        table.add_row("all slots busy", f"{built.speed.clips_per_s:.0f} clips/s")
    for warning in built.warnings:
        table.add_row("warning", warning)
    return table


def _inspect(settings: InspectSettings) -> int:
    from stream.engine.artifact import load_artifact
    from trt_build.inspection import as_json, show

    artifact = load_artifact(settings.artifact)
    if settings.as_json:
        print(json.dumps(as_json(artifact)))  # noqa: T201
    else:
        show(artifact, _console())
    return 0


def _verify(settings: VerifySettings) -> int:
    from stream.engine.artifact import load_artifact
    from stream.engine.golden import drifted
    from trt_build.recheck import recheck

    artifact = load_artifact(settings.artifact)
    found = recheck(artifact, settings.checkpoint)
    table = Table(artifact.digest, "difference", "limit", "", title=str(artifact.path))
    for name, held in found.items():
        table.add_row(name, f"{held.difference:.2g}", f"{held.limit:.2g}", "holds" if held.holds else "DOES NOT HOLD")
    Console().print(table)
    broken = [held for held in found.values() if not held.holds]
    if broken:
        print(f"python -m trt_build verify: {drifted(artifact, broken[0].found)}", file=sys.stderr)  # noqa: T201
    return 1 if broken else 0


def _diff(settings: DiffSettings) -> int:
    from contextlib import closing

    from stream.engine.artifact import load_artifact
    from stream.engine.open import open_engine
    from training.outfile import check_writable, write_text
    from training.progress import Bars
    from trt_build.comparison import Comparison, Judged
    from trt_build.fields import differing
    from trt_build.labelled import shared_clips
    from trt_build.scoring import score_clips
    from trt_build.sheet import flips_csv, meaning, verdict_table

    if settings.out:
        check_writable(settings.out)
    a, b = load_artifact(settings.a), load_artifact(settings.b)
    fields = Table("differs", f"A {a.digest}", f"B {b.digest}")
    for name, *values in differing(a.manifest, b.manifest):
        fields.add_row(name, *map(str, values))
    console = _console()
    console.print(fields if fields.row_count else "A and B differ in nothing but their files' digests, if at all")
    with Bars() as bars:
        shared = shared_clips(settings, a, b, bars)
        judged = []
        for name, artifact, clips in (("A", a, shared.a), ("B", b, shared.b)):
            with closing(open_engine(artifact)) as engine:
                logits = score_clips(engine, clips, progress=bars.clips(f"score by {name}"))
            judged.append(Judged.of(logits, artifact.manifest.rule))
    found = Comparison.of(shared.a.facts, *judged)
    console.print(verdict_table(found, shared.description))
    if settings.out:
        write_text(settings.out, flips_csv(found))
    print(meaning(found, generated=settings.data is None))  # noqa: T201
    return 0


def _console() -> Console:
    """Wide enough for names with dots where the output is no terminal."""
    return Console(width=None if Console().is_terminal else 140)


def _bench(settings: BenchSettings) -> int:
    from training.outfile import check_writable, write_text
    from trt_build.bench.plot import check_format, plot  # brings matplotlib, which --help has no use for
    from trt_build.bench.report import table
    from trt_build.bench.run import bench  # brings PyTorch

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
    "inspect": Command("what an artifact is", InspectSettings, _inspect),
    "verify": Command("an artifact's proof again, on this machine", VerifySettings, _verify),
    "diff": Command("what differs between two artifacts, and which verdicts", DiffSettings, _diff),
    "bench": Command("how fast artifacts are, beside PyTorch and ONNX Runtime", BenchSettings, _bench),
}

if __name__ == "__main__":
    end_in_order()
    sys.exit(main("python -m trt_build", COMMANDS, sys.argv[1:], default="build"))
