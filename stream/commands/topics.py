"""`python -m stream topics`: creates the topics."""

from stream.commands import start_log
from stream.commands.cluster import create_all_topics
from stream.settings import TopicsSettings


def run(settings: TopicsSettings) -> int:
    """Creates the topics."""
    start_log(settings)
    for name, sentence in create_all_topics(settings).items():
        print(f"{name}: {sentence}")
    return 0
