"""What every source of clips promises, whatever store it speaks to."""

from typing import Protocol

CLIP_LIMIT_BYTES = 64 << 20
"""More is no Stall Catchers clip: real ones have 2.4 MB."""


class Source(Protocol):
    """Reads clips of one scheme, inside the roots it was given. Called from several threads at once."""

    def store_of(self, uri: str) -> str:
        """The name of the place that a clip lies in: what serves or fails as a whole, and holds no secret.

        It waits for nothing: a dead file system must not hold up the one who asks.

        Raises:
            ClipFault: bad_reference.
        """

    def read(self, uri: str) -> bytes:
        """The whole clip; zero bytes are for the decoder to judge.

        Raises:
            ClipFault: bad_reference (no such uri can be), not_found, forbidden (outside of the roots, or the store
                denies it), too_large (found before it is read), undecodable (no file of bytes).
            Outage: the store does not serve now. The source tries once: waiting and trying again is the caller's.
        """
