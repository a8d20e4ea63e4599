"""Logs: lines of text on stderr, in UTC, without secrets."""

import logging
import sys
import time
from collections.abc import Iterable

_HIDDEN = "***"


def log_to_stderr(level: str, *, secrets: Iterable[str]) -> None:
    """From here on what is logged goes to stderr.

    Args:
        level: the least severity shown; kafka-python's own lines are shown from "debug" on, for it tells of each retry
            as an error, and what matters of it is told by us.
        secrets: texts that must not be shown, whoever logs them: kafka-python logs its whole configuration.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(secrets))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    if level != "debug":
        logging.getLogger("kafka").setLevel(logging.CRITICAL)


class _Formatter(logging.Formatter):
    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        self._hidden = sorted(forms, key=len, reverse=True)  # one may be part of another

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for each in self._hidden:
            line = line.replace(each, _HIDDEN)
        return line


def _forms(secret: str) -> set[str]:
    """A secret as it stands in a text, and as Python shows it within a text or within bytes."""
    in_bytes = secret.encode().decode("latin-1").encode("unicode_escape").decode()
    return {secret, repr(secret)[1:-1], in_bytes, in_bytes.replace("'", r"\'")}
