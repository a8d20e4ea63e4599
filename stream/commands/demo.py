"""`python -m stream demo`: plays the demo."""

import sys

from stream.local.demo import DemoOptions, run_demo
from stream.processes.children import ChildFailedError
from stream.settings import DemoSettings
from stream.terminal.console import Console


def run(settings: DemoSettings) -> int:
    """Plays the demo."""
    options = DemoOptions(
        clips=settings.clips,
        workers=settings.workers,
        seed=settings.seed,
        artifact=settings.artifact,
        folder=settings.folder,
        keep=settings.keep,
    )
    console = Console(highlight=False, soft_wrap=True)
    try:
        run_demo(options, say=lambda line: console.print(line, style="bold", markup=False))
    except ChildFailedError as failure:
        print(f"python -m stream demo: {failure}", file=sys.stderr)
        return 1
    return 0
