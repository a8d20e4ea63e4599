"""Tells a Kafka that refuses a client from one that doesn't answer: to kafka-python 3.0.12 both are silence."""

import ssl
from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import create_connection
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

from stream.broker.certificates import tls_refusal
from stream.errors import UserError

_TLS_ALERT = b"\x15\x03"
"""What an alert of TLS begins with (RFC 8446, section 5.1); to Kafka it would be the size of an answer of 336 MiB."""
_HUNG_UP = ("socket disconnected", "UNEXPECTED_EOF", "ECONNRESET", "reset by peer", "TLS's handshake")


class RefusedError(UserError):
    """Kafka doesn't let this client in, or isn't trusted by it: trying the same again would fail the same way."""


class Handshakes:
    """What became of a client's connections; `client` is for kafka-python's setting `kafka_client`.

    Args:
        bootstrap: whom they are with.
        options: kafka-python's.
    """

    def __init__(self, bootstrap: str, options: Mapping[str, Any]) -> None:
        self._bootstrap = bootstrap
        self._options = options
        self.lost: BaseException | None = None
        """Why the last one was that was lost."""
        self.refusal: RefusedError | None = None

    @property
    def doubt(self) -> str:
        """What to check besides where the other side hangs up, as one does that was expecting something else."""
        if not any(words in str(self.lost) for words in _HUNG_UP):
            return ""
        protocol = self._options.get("security_protocol", "PLAINTEXT")
        if protocol == "PLAINTEXT":
            return "whether its listener wants TLS or a log-in (security_protocol)"
        return f"whether its listener is one for security_protocol = {protocol}"

    def note(self, error: BaseException) -> None:
        """Takes in why a connection was lost."""
        self.lost = error
        self.refusal = self.refusal or refusal_of(self._bootstrap, self._options, error)

    def client(self, **config: Any) -> KafkaNetClient:
        """kafka-python's own, but for its connections."""
        net = NetworkSelector(**config)
        return KafkaNetClient(net=net, manager=_Manager(net, self, **config))


def handshakes_of(client: KafkaConsumer | KafkaProducer) -> Handshakes:
    """Those of a client that was made with them."""
    holder = client._sender._client if isinstance(client, KafkaProducer) else client  # noqa: SLF001 - no public way
    found: Handshakes = holder._manager.handshakes  # noqa: SLF001
    return found


class _Manager(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python is untyped
    """Gives up where one of the first connections is refused; after that it is for a client's owner to look.

    kafka-python means to, and doesn't get to know of the refusal.
    """

    def __init__(self, net: NetworkSelector, handshakes: Handshakes, **config: Any) -> None:
        super().__init__(net, **config)
        self.cluster.config["allow_auto_create_topics"] = False  # the clients' setting of that name never gets there
        self.handshakes = handshakes

    def get_connection(self, node_id: Any, *args: Any, **how: Any) -> Any:
        if self.handshakes.refusal and not self.bootstrapped:
            raise self.handshakes.refusal
        known = self._conns.get(node_id)
        connection = super().get_connection(node_id, *args, **how)
        if connection is not known:
            connection.close_future.add_errback(self.handshakes.note)
        return connection

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> KafkaTCPTransport:
        """A connection, kafka-python's but for its transport."""
        sock = await create_connection(
            self._net,
            *(node.host, node.port, self.config["socket_options"]),
            proxy_url=self.config["proxy_url"],
            timeout_at=timeout_at,
        )
        if not self.ssl_enabled:
            return _PlainTransport(self._net, sock, host=node.host)
        given = {name: value for name, value in self.config.items() if name.startswith("ssl_")}
        try:
            transport = _TlsTransport(self._net, sock, host=node.host, **given)
        except OSError as error:  # a file is being exchanged: kafka-python expects no error but its own
            sock.close()
            raise KafkaConnectionError(error) from error
        await transport.handshake_until(timeout_at)
        return transport


class _ToTheEnd(KafkaTCPTransport):  # type: ignore[misc]
    """Hands out what came before its end.

    kafka-python throws that away where both come at once, as with a refusal: a broker says why, and hangs up.
    """

    def _sock_recv(self) -> tuple[bytes, BaseException | None]:
        data, error = super()._sock_recv()
        return data, None if data else error


class _PlainTransport(_ToTheEnd):
    """Knows TLS where it comes unasked, as the very first that is heard."""

    _heard = False

    def _sock_recv(self) -> tuple[bytes, BaseException | None]:
        data, error = super()._sock_recv()
        if not self._heard and data.startswith(_TLS_ALERT):
            return b"", _TlsSpokenError()
        self._heard = True
        return data, error


class _TlsTransport(_ToTheEnd, KafkaSSLTransport):  # type: ignore[misc]
    """Waits for the other side's part of the handshake no longer than for its part of the rest.

    kafka-python waits without end.
    """

    async def handshake_until(self, timeout_at: float | None) -> None:
        """Raises KafkaConnectionError, with what is wrong in it."""
        try:
            await self._shake_hands(timeout_at)
        except KafkaTimeoutError:
            self.abort()
            raise KafkaConnectionError("no answer to TLS's handshake") from None
        except OSError as error:
            self.abort()
            raise KafkaConnectionError(error) from error

    async def _shake_hands(self, timeout_at: float | None) -> None:
        while True:
            try:
                self._sock.do_handshake()
            except ssl.SSLWantReadError:
                await self._net.wait_read(self._sock, timeout_at=timeout_at)
            except ssl.SSLWantWriteError:
                await self._net.wait_write(self._sock, timeout_at=timeout_at)
            else:
                return


class _TlsSpokenError(KafkaConnectionError):  # type: ignore[misc]
    """The other side answers in TLS what was asked without."""


def require_whole_log_in(options: Mapping[str, Any]) -> None:
    """Makes sure that what a log-in needs is there, and that there is one.

    Raises:
        UserError: kafka-python would fail on it without a word, or leave the log-in out.
    """
    protocol, mechanism = options.get("security_protocol", "PLAINTEXT"), options.get("sasl_mechanism")
    given = sorted(name for name in options if name.startswith("sasl_"))
    if not protocol.startswith("SASL_"):
        if given:
            raise UserError(
                f"the Kafka setting {given[0]} is of no use with security_protocol = {protocol}: "
                "set that to SASL_SSL or SASL_PLAINTEXT, or take it out"
            )
        return
    wanted = ["sasl_mechanism"]
    if mechanism is None or mechanism == "PLAIN" or mechanism.startswith("SCRAM-"):
        wanted += ["sasl_plain_username", "sasl_plain_password"]
    missing = [name for name in wanted if name not in options]
    if missing:
        raise UserError(f"security_protocol = {protocol} is no log-in without {' and '.join(missing)}: set it")


def refusal_of(bootstrap: str, options: Mapping[str, Any], error: BaseException) -> RefusedError | None:
    """What to check after a connection was lost, or None where trying again may help.

    Args:
        bootstrap: whom it was with.
        options: kafka-python's.
        error: why it was lost.
    """
    within = error.args[0] if isinstance(error, KafkaConnectionError) and error.args else error
    said = (
        tls_refusal(bootstrap, options, within)
        if isinstance(within, ssl.SSLError)
        else _protocol_refusal(bootstrap, options, error) or _log_in_refusal(bootstrap, options, error)
    )
    return RefusedError(said) if said else None


def _protocol_refusal(bootstrap: str, options: Mapping[str, Any], error: BaseException) -> str | None:
    protocol = options.get("security_protocol", "PLAINTEXT")
    if isinstance(error, _TlsSpokenError):
        other = "SASL_SSL" if protocol.startswith("SASL_") else "SSL"
        return (
            f"Kafka at {bootstrap} speaks TLS at this port: set security_protocol = {other} (now {protocol}), or give "
            "the port of a listener without"
        )
    if isinstance(error, IllegalSaslStateError):
        return (
            f"Kafka at {bootstrap} takes no log-in at this port: give that of a listener with SASL, or take out "
            f"security_protocol = {protocol} and the sasl_ settings"
        )
    return None


def _log_in_refusal(bootstrap: str, options: Mapping[str, Any], error: BaseException) -> str | None:
    mechanism, name = options.get("sasl_mechanism"), options.get("sasl_plain_username")
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"Kafka at {bootstrap} doesn't take sasl_mechanism = {mechanism}: set that to one which its listener has"
    if not isinstance(error, SaslAuthenticationFailedError):
        return None
    who = f" of {name!r}" if name else ""
    why = f" ({error.args[0]})" if error.args else ""
    return (
        f"Kafka at {bootstrap} refuses the log-in{who} by {mechanism}{why}: check the Kafka settings "
        "sasl_plain_username and sasl_plain_password"
    )
