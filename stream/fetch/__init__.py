"""From a reference's uri to the bytes of a clip: one `Source` for each scheme, and only what `--allow` names.

`contract` says what a source is; `files` is the one for file:// and absolute paths; `roots` makes the sources
that `--allow` asks for; `fetcher` calls them on threads and checks digests.
"""

from stream.fetch.contract import Source
from stream.fetch.fetcher import Fetcher
from stream.fetch.files import Files
from stream.fetch.roots import open_sources

__all__ = ["Fetcher", "Files", "Source", "open_sources"]
