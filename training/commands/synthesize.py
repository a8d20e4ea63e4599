"""`python -m training synthesize`: writes a folder of synthetic clips."""

import sys

from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from stream.terminal.console import Console
from training.settings import SynthesizeSettings
from training.synthetic.folder import synthesize


def run(settings: SynthesizeSettings) -> int:
    """Writes a folder of synthetic clips."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("clips", total=settings.clips)
        synthesize(
            settings.out,
            clips=settings.clips,
            seed=settings.seed,
            stalled_share=settings.stalled_share,
            preset=settings.preset,
            bad=settings.bad,
            reencoded_share=settings.reencoded_share,
            processes=settings.processes,
            progress=lambda done: progress.update(task, completed=done),
        )
    wrote = f"wrote {settings.clips} clips ({settings.bad} of them bad), metadata and labels to {settings.out}"
    print(wrote, file=sys.stderr)
    return 0
