"""What a scorer gets bytes and pixels from, as it sees them."""

from concurrent.futures import Future
from typing import Protocol

from stream.clip import Clip
from stream.readers import ReadRequest


class Fetcher(Protocol):
    """Gets the bytes of clips."""

    def submit(self, uri: str, *, sha256: str | None) -> Future[bytes]:
        """The future raises ClipFault or Outage."""

    def store_of(self, uri: str) -> str:
        """The name of the place that serves the clip, or fails for all that lie there."""


class Readers(Protocol):
    """Turn the bytes of clips into pixels."""

    @property
    def free(self) -> int:
        """How many clips they would begin to read at once."""

    def submit(self, request: ReadRequest) -> Future[Clip]:
        """The future raises ClipFault."""
