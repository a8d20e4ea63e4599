"""From a reference's uri to the bytes of a clip: one `Source` for each scheme, and only what `--allow` names.

`contract` says what a source is; `files` is the one for file:// and absolute paths, `s3` for s3://, `http` for
http:// and https://; `roots` makes the sources that `--allow` asks for; `fetcher` calls them on threads and checks
digests. No error's text and no store's name holds a uri's query or password: `uris` says what may be shown.
"""

from stream.fetch.contract import Patience, Source
from stream.fetch.fetcher import Fetcher
from stream.fetch.files import Files
from stream.fetch.roots import SourceOptions, named_sources, open_sources
from stream.fetch.s3 import S3Access
from stream.fetch.uris import without_secrets

__all__ = [
    "Fetcher",
    "Files",
    "Patience",
    "S3Access",
    "Source",
    "SourceOptions",
    "named_sources",
    "open_sources",
    "without_secrets",
]
