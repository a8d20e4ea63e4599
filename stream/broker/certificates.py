"""TLS's files, looked at before a connection needs them, and what a handshake that fails says about which setting."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stream.errors import UserError

_WITH_TLS = ("SSL", "SASL_SSL")
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)
_EXPIRED = 10
_OF_ANOTHER_HOST = (62, 64)
"""OpenSSL's codes, X509_V_ERR_...: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/"""

_REFUSED = (
    *("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "CERTIFICATE_EXPIRED", "UNKNOWN_CA"),
    *("CERTIFICATE_REVOKED", "UNSUPPORTED_CERTIFICATE", "ACCESS_DENIED"),
)
_NOTHING_IN_COMMON = ("HANDSHAKE_FAILURE", "PROTOCOL_VERSION", "INSUFFICIENT_SECURITY")
"""How OpenSSL's names of the other side's alerts end (RFC 8446, section 6.2)."""


def require_tls_files(options: Mapping[str, Any]) -> None:
    """Makes sure that the files that TLS is given can be used, and that TLS is asked for where there are some.

    Args:
        options: kafka-python's.

    Raises:
        UserError: kafka-python would try again without end, leave the setting out, or ask the terminal for a password.
    """
    protocol = options.get("security_protocol", "PLAINTEXT")
    given = sorted(name for name in options if name.startswith("ssl_"))
    if protocol not in _WITH_TLS:
        if given:
            raise UserError(
                f"the Kafka setting {given[0]} is of no use with security_protocol = {protocol}: "
                f"set that to {' or '.join(_WITH_TLS)}, or take it out"
            )
        return
    for name in ("ssl_cafile", "ssl_crlfile", "ssl_certfile", "ssl_keyfile"):
        if name in options:
            _require_readable(name, options[name])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in ("ssl_cafile", "ssl_crlfile"):
        if name in options:
            _load_authorities(context, name, options[name])
    if "ssl_certfile" in options:
        _load_certificate(context, options)
    elif "ssl_keyfile" in options:
        raise UserError("the Kafka setting ssl_keyfile is of no use without ssl_certfile: set that, or take it out")


def _require_readable(name: str, path: str) -> None:
    try:
        with open(path, "rb"):  # noqa: PTH123 - an empty name is no folder
            pass
    except OSError as error:
        raise UserError(f"the Kafka setting {name} = {path!r} can't be read ({error.strerror}): name a file") from None


def _load_authorities(context: ssl.SSLContext, name: str, path: str) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        if not Path(path).read_bytes().strip():
            raise UserError(
                f"the Kafka setting {name} = {path!r} is an empty file: put the authority's certificate there, or take "
                "the setting out where the system knows the authority"
            ) from None
        raise UserError(
            f"the Kafka setting {name} = {path!r} holds nothing in PEM: convert it "
            f"(openssl x509 -inform DER -in {path} -out ca.pem)"
        ) from None


def _load_certificate(context: ssl.SSLContext, options: Mapping[str, Any]) -> None:
    """Tries it as kafka-python will, but for a password that is missing: OpenSSL would ask the terminal."""
    certfile, keyfile = options["ssl_certfile"], options.get("ssl_keyfile")
    asked = False

    def password() -> str:
        nonlocal asked
        asked = True
        return str(options.get("ssl_password", ""))

    key = f"ssl_keyfile = {keyfile!r}" if keyfile else f"ssl_certfile = {certfile!r}"
    try:
        context.load_cert_chain(certfile, keyfile, password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UserError(
                f"the Kafka setting {key} has not the key of ssl_certfile = {certfile!r}: set two that belong together"
            ) from None
        if asked:
            way_out = "is another one: check it" if options.get("ssl_password") else "is missing: set it"
            raise UserError(f"the key in the Kafka setting {key} is encrypted, and ssl_password {way_out}") from None
        raise UserError(
            f"the Kafka settings ssl_certfile = {certfile!r} and ssl_keyfile = {keyfile!r} must be a certificate and "
            "its key, in PEM: convert them"
        ) from None


def tls_refusal(bootstrap: str, options: Mapping[str, Any], error: ssl.SSLError) -> str | None:
    """What to do about a failed handshake that would fail again; None where it may not, as where the other hung up.

    Args:
        bootstrap: whom it was with.
        options: kafka-python's.
        error: as `ssl` raised it.
    """
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _not_trusted(bootstrap, options, error)
    if reason.endswith(_REFUSED):
        return _not_let_in(bootstrap, options, reason.partition("_ALERT_")[2].replace("_", " ").lower())
    if reason.endswith(_NOTHING_IN_COMMON):
        return f"Kafka at {bootstrap} has no version or cipher of TLS that this client takes: allow it TLS 1.2 or later"
    if reason == "WRONG_VERSION_NUMBER":
        return (
            f"what answers at {bootstrap} doesn't speak TLS: give the port of a listener that does, or another "
            f"security_protocol than {options.get('security_protocol')}"
        )
    return None


def _not_trusted(bootstrap: str, options: Mapping[str, Any], error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        way_out = "have the broker's renewed, or check this machine's clock"
    elif error.verify_code in _OF_ANOTHER_HOST:
        way_out = "give --bootstrap, and the broker's advertised.listeners, a name that the certificate has"
    elif error.verify_code in _UNKNOWN_AUTHORITY:
        known = f"(now {options['ssl_cafile']!r})" if "ssl_cafile" in options else "(none is set)"
        way_out = f"set ssl_cafile {known} to the certificate of the authority that signed it"
    else:
        way_out = "check ssl_cafile and ssl_crlfile"
    return f"the certificate of Kafka at {bootstrap} isn't trusted ({error.verify_message.rstrip('.')}): {way_out}"


def _not_let_in(bootstrap: str, options: Mapping[str, Any], alert: str) -> str:
    certfile = options.get("ssl_certfile")
    if certfile is None:
        return f"Kafka at {bootstrap} wants a certificate ({alert}): set ssl_certfile and ssl_keyfile"
    return (
        f"Kafka at {bootstrap} refuses the certificate in ssl_certfile = {certfile!r} ({alert}): check whether it has "
        f"expired, and whether the brokers trust its authority (openssl x509 -noout -enddate -issuer -in {certfile})"
    )
