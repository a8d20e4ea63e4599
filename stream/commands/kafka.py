"""`python -m stream kafka`: runs the embedded broker."""

from stream.local.embedded import run_kafka
from stream.settings import KafkaSettings


def run(settings: KafkaSettings) -> int:
    """Runs the embedded broker."""
    return run_kafka(
        folder=settings.data,
        port=settings.port or None,
        fetch_only=settings.fetch_only,
        say=lambda line: print(line, flush=True),
    )
