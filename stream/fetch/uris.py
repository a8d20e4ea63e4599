"""What all sources need to know of uris: what of one may be shown, and what its percent escapes mean."""

import re
from urllib.parse import unquote

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*"  # RFC 3986, section 3.1
_HOST = r"(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]*\])(?::[0-9]*)?"
_SHOWN = re.compile(rf"({_SCHEME}://{_HOST}(?:/[^?#]*)?)(?:[?#].*)?", re.DOTALL)
_ANY = re.compile(rf"({_SCHEME}:)?(//)?[^?#]*", re.DOTALL)
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def without_secrets(uri: str) -> str:
    """The uri as it may be told: no query, which may be a signature, and no user or password.

    Of one whose host is no host there is only the scheme left. An absolute path is told as it is.
    """
    if uri.startswith("/"):
        return uri
    if shown := _SHOWN.fullmatch(uri):
        return shown[1]
    rest = _ANY.match(uri)
    assert rest is not None
    return f"{rest[1]}//..." if rest[1] and rest[2] else rest[0]


def decoded(text: str, *, errors: str = "strict") -> str:
    """Percent escapes become what they stand for, once: `%2520` is `%20`.

    Args:
        text: without ? and #.
        errors: what becomes of escapes that are no UTF-8, as in `bytes.decode`.

    Raises:
        ValueError: the rule that is broken.
    """
    if _LONE_PERCENT.search(text):
        raise ValueError("% begins an escape of two hexadecimal digits; for itself it is %25")
    try:
        text.encode()
        plain = unquote(text, errors=errors)
    except UnicodeError:
        raise ValueError("it is no UTF-8") from None
    if _CONTROL.search(plain):
        raise ValueError("it has control characters")
    return plain
