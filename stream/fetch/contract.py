"""What every source of clips promises, whatever store it speaks to."""

from dataclasses import dataclass
from typing import Protocol, Self

CLIP_LIMIT_BYTES = 64 << 20
"""More is no Stall Catchers clip: real ones have 2.4 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a source that speaks over a network waits."""

    connect_s: float = 5.0
    """For a connection."""
    silence_s: float = 10.0
    """For the next bytes of an answer."""
    total_s: float = 60.0
    """For the whole clip, however steadily its bytes come."""

    @classmethod
    def of(cls, total_s: float) -> Self:
        """The usual one, with nothing that waits longer than the whole."""
        usual = cls()
        return cls(connect_s=min(usual.connect_s, total_s), silence_s=min(usual.silence_s, total_s), total_s=total_s)


class Source(Protocol):
    """Reads clips of one scheme, inside the roots it was given. Called from several threads at once."""

    def store_of(self, uri: str) -> str:
        """The name of the place that a clip lies in: what serves or fails as a whole, and holds no secret.

        It waits for nothing: a dead file system must not hold up the one who asks.

        Raises:
            ClipFault: bad_reference, and forbidden where the names of places outside of the roots are endless.
        """

    def read(self, uri: str) -> bytes:
        """The whole clip; zero bytes are for the decoder to judge.

        Raises:
            ClipFault: bad_reference (no such uri can be), not_found, forbidden (outside of the roots, or the store
                denies it), too_large (found before it is read where its length is told, else while it is read),
                undecodable (no file of bytes, or bytes that would have to be unpacked).
            Outage: the store does not serve now, or not us: that our credentials are wrong is no clip's fault. The
                source tries once: waiting and trying again is the caller's.
        """
