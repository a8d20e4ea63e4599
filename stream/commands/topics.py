"""`python -m stream topics`: creates the topics."""

from stream.commands.cluster import create_all_topics
from stream.logs import log_to_stderr
from stream.settings import TopicsSettings


def run(settings: TopicsSettings) -> int:
    """Creates the topics."""
    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
    for name, sentence in create_all_topics(settings).items():
        print(f"{name}: {sentence}")
    return 0
