"""Tells a Kafka that refuses a log-in from one that doesn't answer: to kafka-python 3.0.12 both are silence."""

from collections.abc import Mapping
from typing import Any

from kafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from stream.errors import UserError

REFUSALS = (SaslAuthenticationFailedError, UnsupportedSaslMechanismError, IllegalSaslStateError)
"""Trying the same again would fail the same way."""


class Handshakes:
    """What became of a client's first connections; `client` is for kafka-python's setting `kafka_client`."""

    def __init__(self) -> None:
        self.lost: list[BaseException] = []
        """Why each of them was."""

    @property
    def doubt(self) -> str:
        """What to check besides where no security settings were given."""
        hung_up = self.lost and "socket disconnected" in str(self.lost[-1])
        return "whether its listener wants TLS or a log-in (security_protocol)" if hung_up else ""

    def client(self, **config: Any) -> KafkaNetClient:
        """kafka-python's own, but for its connections."""
        net = NetworkSelector(**config)
        return KafkaNetClient(net=net, manager=_Manager(net, self.lost, **config))


class _Manager(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python is untyped
    """Gives up where one of the first connections is refused; a client that was connected before goes on trying.

    kafka-python means to, and doesn't get to know of the refusal.
    """

    def __init__(self, net: NetworkSelector, lost: list[BaseException], **config: Any) -> None:
        super().__init__(net, **config)
        self._lost = lost

    def get_connection(self, node_id: Any, *args: Any, **how: Any) -> Any:
        if self._lost and isinstance(self._lost[-1], REFUSALS) and not self.bootstrapped:
            raise self._lost[-1]
        connection = super().get_connection(node_id, *args, **how)
        if self.cluster.is_bootstrap(node_id):
            connection.close_future.add_errback(self._lost.append)
        return connection

    async def _build_transport(self, *args: Any, **how: Any) -> Any:
        """A connection that hands out what came before its end.

        kafka-python throws that away where both come at once, as with a refusal: a broker says why, and hangs up.
        """
        transport = await super()._build_transport(*args, **how)
        receive = transport._sock_recv  # noqa: SLF001 - no public way to it

        def receive_to_the_end() -> tuple[bytes, BaseException | None]:
            data, error = receive()
            return data, None if data else error

        transport._sock_recv = receive_to_the_end  # noqa: SLF001
        return transport


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


def refused(bootstrap: str, options: Mapping[str, Any], error: KafkaError) -> UserError:
    """What to check after one of REFUSALS."""
    mechanism, name = options.get("sasl_mechanism"), options.get("sasl_plain_username")
    if isinstance(error, UnsupportedSaslMechanismError):
        return UserError(
            f"Kafka at {bootstrap} doesn't take sasl_mechanism = {mechanism}: set that to one which its listener has"
        )
    if isinstance(error, IllegalSaslStateError):
        return UserError(
            f"Kafka at {bootstrap} takes no log-in at this port: give that of a listener with SASL, or take out "
            f"security_protocol = {options.get('security_protocol')} and the sasl_ settings"
        )
    who = f" of {name!r}" if name else ""
    why = f" ({error.args[0]})" if error.args else ""
    return UserError(
        f"Kafka at {bootstrap} refuses the log-in{who} by {mechanism}{why}: check the Kafka settings "
        "sasl_plain_username and sasl_plain_password"
    )
