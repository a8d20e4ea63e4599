"""Commands of `python -m stream`, a module each: here parts are built and joined, and nowhere else.

Each module imports what its command uses, and is itself imported only when the command runs: `schema` starts without
OpenVINO, `score` without Kafka. What several share is in `cluster`, `sources` and `scoring`, apart
for that reason.
"""

from stream.logs import log_to_stderr
from stream.settings import StreamSettings


def start_log(settings: StreamSettings) -> None:
    """Logs as the settings say, without what they know to be secret."""
    log_to_stderr(settings.log_level, secrets=settings.secrets, form=settings.log_format)
