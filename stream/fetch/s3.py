"""Clips in S3 and what speaks its language: `s3://bucket/key` uris, inside the roots and nowhere else.

A uri is percent-encoded, as a uri is: the key `a b%.mp4` is `s3://bucket/a%20b%25.mp4`, with the blank as it is, too.
Credentials are found where obstore finds them: the AWS_* names of the environment, web identity, the instance's role.
The store is asked for one object by one GET, never for a list; it is the endpoint's own matter where it redirects to.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from stream.errors import ClipFault, Outage, Reason, UserError
from stream.fetch.contract import CLIP_LIMIT_BYTES, Patience
from stream.fetch.uris import decoded, without_secrets

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

_FAULTS = {
    "NoSuchKey": Reason.NOT_FOUND,
    "AccessDenied": Reason.FORBIDDEN,
    "InvalidObjectState": Reason.FORBIDDEN,  # archived: somebody has to restore it first
    "KeyTooLongError": Reason.BAD_REFERENCE,
}
"""S3's error codes that speak of one object. All others (SlowDown, SignatureDoesNotMatch, ExpiredToken, NoSuchBucket,
...) and an answer without a code, as a proxy gives it, are no clip's fault."""

_AS_IT_IS = {"", "identity", "aws-chunked"}
"""Content encodings that leave a body alone; the last says how it was uploaded, and some servers go on saying it."""
_URI = re.compile(r"s3://([^/?#]*)/?([^?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_ENDPOINT = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[^?#]*)?", re.IGNORECASE)
_ENDPOINT_NAMES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")

# Of the text that obstore's errors have, in which no key can stand for what they look for: it has no line breaks.
_ANSWER = re.compile(r'inner: Status \{\n\s+status: (\d{3}),\n\s+body: Some\(\n\s+"(.*)",\n')
_CODE = re.compile(r"<Code>(\w+)</Code>")
_NO_CREDENTIALS = re.compile(r"\n\s+uri: Some\(\n\s+\S+/latest/(?:api/token|meta-data/)")
"""What is asked of the machine's own metadata service, when nothing else gives credentials."""
_CAUSES = {
    re.compile(r"\bkind: Timeout,\n"): "it doesn't answer in time",
    re.compile(r"\bkind: ConnectionRefused,\n"): "connection refused",
    re.compile(r'\n\s+"dns error",\n'): "its name is unknown",
    re.compile(r"\bInvalidCertificate\b"): "its certificate is not trusted (SSL_CERT_FILE may name whom to trust)",
    re.compile(r"\b(?:IncompleteBody|IncompleteMessage|UnexpectedEof)\b"): "it ended the answer early",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Access:
    """How S3 is reached; what isn't said is as the AWS_* names of the environment say, or else as at AWS."""

    endpoint: str | None = None
    """`https://host[:port]` of another server than AWS's."""
    region: str | None = None
    unsigned: bool = False
    """Nothing is signed, as public buckets want it."""
    virtual_hosted: bool = False
    """A bucket is part of the host's name instead of the path."""

    def open(self, bucket: str, patience: Patience) -> S3Store:
        """The bucket; nothing is asked of it yet.

        Raises:
            UserError: this can't be.
        """
        endpoint = self.endpoint or next(filter(None, map(os.environ.get, _ENDPOINT_NAMES)), None)
        if endpoint and not _ENDPOINT.fullmatch(endpoint):
            raise UserError(
                "--s3-endpoint (or AWS_ENDPOINT_URL) must be https://host[:port] or http://host[:port], without user, "
                f"password and query: {without_secrets(endpoint)}"
            )
        config: S3Config = {"skip_signature": True} if self.unsigned else {}
        if self.region:
            config["region"] = self.region
        if self.virtual_hosted:
            config["virtual_hosted_style_request"] = True
        if endpoint:
            config["endpoint"] = endpoint.replace("://", f"://{bucket}.") if self.virtual_hosted else endpoint
        client: ClientConfig = {
            "connect_timeout": timedelta(seconds=patience.connect_s),
            "read_timeout": timedelta(seconds=patience.silence_s),
            "timeout": timedelta(seconds=patience.total_s),
        }
        if endpoint and endpoint.lower().startswith("http:"):
            client["allow_http"] = True
        try:
            return S3Store(bucket, client_options=client, retry_config={"max_retries": 0}, config=config)
        except BaseError as error:
            said = str(error).partition("\n")[0]
            raise UserError(f"S3 can't be reached by these settings ({said}): look at --s3-* and AWS_*") from None


@dataclass(frozen=True, slots=True)
class S3Place:
    """An object, or all objects below a prefix, or with none a whole bucket."""

    bucket: str
    key: str

    @classmethod
    def of(cls, uri: str) -> Self:
        """What `s3://bucket/key` names.

        Raises:
            ClipFault: bad_reference.
        """
        shown = without_secrets(uri)
        found = _URI.fullmatch(uri)
        if not found or not _BUCKET.fullmatch(found[1]):
            rule = "in S3 a clip is s3://bucket/key, without user and password"
            raise ClipFault(Reason.BAD_REFERENCE, f"{shown}: {rule}")
        if found[3]:
            raise ClipFault(Reason.BAD_REFERENCE, f"{shown}: a key has %3F for ? and %23 for #")
        try:
            key = decoded(found[2])
        except ValueError as rule:
            raise ClipFault(Reason.BAD_REFERENCE, f"{shown}: {rule}") from None
        if key and {"", ".", ".."} & set(key.removesuffix("/").split("/")):
            raise ClipFault(Reason.BAD_REFERENCE, f"{shown}: keys with empty parts, . or .. between / can't be read")
        return cls(found[1], key)

    def __contains__(self, other: "S3Place") -> bool:
        """By whole parts: `clips` holds `clips` and `clips/a.mp4`, and not `clips-secret/a.mp4`."""
        folder = self.key.removesuffix("/")
        inside = not folder or other.key == folder or other.key.startswith(f"{folder}/")
        return self.bucket == other.bucket and inside


class S3:
    """The source of S3 objects below `roots`."""

    def __init__(
        self,
        roots: Iterable[S3Place],
        *,
        access: S3Access,
        patience: Patience,
        limit_bytes: int = CLIP_LIMIT_BYTES,
    ) -> None:
        """Opens each bucket once, for connections are kept.

        Raises:
            UserError: by these settings S3 can't be reached.
        """
        self._roots = tuple(roots)
        self._buckets = {bucket: access.open(bucket, patience) for bucket in {root.bucket for root in self._roots}}
        self._limit_bytes = limit_bytes

    def store_of(self, uri: str) -> str:
        """See Source: a bucket is one, for its name, its region and our rights may be wrong."""
        return f"s3://{self._place(uri).bucket}"

    def read(self, uri: str) -> bytes:
        """See Source."""
        shown, place = without_secrets(uri), self._place(uri)
        if not place.key or place.key.endswith("/"):
            raise ClipFault(Reason.BAD_REFERENCE, f"{shown}: this names no object; a clip is s3://bucket/key")
        with _errors_of(shown):
            answer = obstore.get(self._buckets[place.bucket], place.key)
            size = answer.meta["size"]
            if size > self._limit_bytes:
                raise ClipFault(Reason.TOO_LARGE, f"{shown}: {size} bytes, {self._limit_bytes} are allowed")
            if (packed := answer.attributes.get("Content-Encoding", "")).lower() not in _AS_IT_IS:
                raise ClipFault(Reason.UNDECODABLE, f"{shown}: packed (Content-Encoding {packed}), which is not undone")
            return bytes(answer.bytes())  # as many as told, for HTTP/1.1 gives no more and fewer are an error

    def _place(self, uri: str) -> S3Place:
        place = S3Place.of(uri)
        if not any(place in root for root in self._roots):
            shown = without_secrets(uri)
            raise ClipFault(Reason.FORBIDDEN, f"{shown}: outside of the buckets and prefixes that may be read from")
        return place


@contextmanager
def _errors_of(shown: str) -> Iterator[None]:
    """Makes obstore's errors ours."""
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        text = str(error)
        answer = _ANSWER.search(text)
        code = _CODE.search(answer[2]) if answer else None
        if code and (reason := _FAULTS.get(code[1])):
            raise ClipFault(reason, f"{shown}: S3 says {code[1]}") from None
        said = f"S3 says {code[1] if code else 'no reason'} ({answer[1]})" if answer else ""
        raise Outage(f"{shown}: {_hint(text) or said or _cause(text)}") from None


def _hint(text: str) -> str | None:
    """What the user can do about it."""
    if not _NO_CREDENTIALS.search(text):
        return None
    return "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --s3-unsigned for a public bucket"


def _cause(text: str) -> str:
    """Why there was no answer."""
    known = (words for cause, words in _CAUSES.items() if cause.search(text))
    return next(known, text.partition("\n")[0].rpartition(" - ")[2])
