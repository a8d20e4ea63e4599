"""What commands share that fetch clips: how their stores are reached."""

from stream.fetch import Patience, S3Access, SourceOptions
from stream.settings import SourceSettings


def source_options(settings: SourceSettings, *, connections: int) -> SourceOptions:
    """How clips are fetched, so many at a time."""
    access = S3Access(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        unsigned=settings.s3_unsigned,
        virtual_hosted=settings.s3_virtual_hosted,
    )
    return SourceOptions(s3=access, patience=Patience.of(settings.fetch_timeout_s), connections=connections)
