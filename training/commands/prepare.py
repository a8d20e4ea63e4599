"""`python -m training prepare`: reads recorded clips once and keeps them as a cache."""

from stream.terminal.console import Console
from training.data.cache import FAILURES
from training.progress import Bars
from training.settings import PrepareSettings
from training.sources import prepared
from training.summary import show_contents


def run(settings: PrepareSettings) -> int:
    """Reads recorded clips once and keeps them as a cache."""
    try:
        with Bars() as bars:
            manifest = prepared(settings, bars)
    except (KeyboardInterrupt, SystemExit):
        bars.say(f"stopped; what was read is kept in {settings.out}, and the same command goes on from there")
        raise
    assert manifest.contents is not None
    show_contents(Console(), manifest.contents, failures=settings.out / FAILURES)
    return 0
