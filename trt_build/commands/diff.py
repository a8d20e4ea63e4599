"""`python -m trt_build diff`: what differs between two artifacts, and which verdicts."""

from contextlib import ExitStack, closing

from rich.table import Table

from stream.engine.artifact import Artifact, load_artifact
from stream.engine.open import open_engine
from training.fields import differing
from training.outfile import check_writable, write_text
from training.progress import Bars
from trt_build.commands import console
from trt_build.comparison import Comparison, Judged
from trt_build.labelled import shared_clips
from trt_build.scoring import score_clips
from trt_build.sheet import beneath, flips_csv, meaning, verdict_table
from trt_build.tool_settings import DiffSettings

_OTHER_IN_EACH_BUILD = ("files", "inputs")
"""Digests that differ where anything does."""


def run(settings: DiffSettings) -> int:
    """Prints both, and whether these clips can tell that the second is better."""
    if settings.out:
        check_writable(settings.out)
    a, b = load_artifact(settings.a), load_artifact(settings.b)
    shown = console()
    shown.print(_fields(a, b))
    with ExitStack() as stack, Bars() as bars:
        engines = [stack.enter_context(closing(open_engine(each))) for each in (a, b)]  # either may be refused
        shared = shared_clips(settings, a, b, bars)
        judged = []
        for name, artifact, engine, clips in zip("AB", (a, b), engines, (shared.a, shared.b), strict=True):
            logits = score_clips(engine, clips, progress=bars.clips(f"score by {name}"))
            judged.append(Judged.of(logits, artifact.manifest.rule))
    found = Comparison.of(shared.a.facts, *judged)
    shown.print(verdict_table(found))
    print(beneath(found, shared.description))
    if settings.out:
        write_text(settings.out, flips_csv(found))
    print(meaning(found, generated=settings.data is None))
    return 0


def _fields(a: Artifact, b: Artifact) -> Table | str:
    if a.digest == b.digest:
        return f"A and B are the same artifact ({a.digest})"
    table = Table("differs", f"A {a.digest}", f"B {b.digest}")
    for name, *values in differing(a.manifest, b.manifest, exclude=_OTHER_IN_EACH_BUILD):
        table.add_row(name, *map(str, values))
    return table if table.row_count else "A and B differ in nothing but their files' digests"
