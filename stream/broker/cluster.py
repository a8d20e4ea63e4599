"""Which Kafka, and how to reach it: every client of this package is made here."""

import difflib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaConfigurationError, KafkaError, KafkaTimeoutError

from stream.broker.certificates import require_tls_files
from stream.broker.handshakes import Handshakes, refusal_of, require_whole_log_in
from stream.errors import UserError

log = logging.getLogger(__name__)

_Client = TypeVar("_Client", KafkaAdminClient, KafkaConsumer, KafkaProducer)
_Answer = TypeVar("_Answer")
_SAY_SO_AFTER_S = 2.0
_ASK_AGAIN_AFTER_S = 0.2
_DEFAULTS: dict[str, Any] = {
    **KafkaAdminClient.DEFAULT_CONFIG,
    **KafkaConsumer.DEFAULT_CONFIG,
    **KafkaProducer.DEFAULT_CONFIG,
}
_OURS = frozenset(
    {
        *("acks", "allow_auto_create_topics", "auto_offset_reset", "bootstrap_servers", "bootstrap_timeout_ms"),
        *("client_id", "enable_auto_commit", "enable_idempotence", "group_id", "group_instance_id", "isolation_level"),
        *("key_deserializer", "key_serializer", "max_poll_interval_ms", "metadata_max_age_ms"),
        *("partition_assignment_strategy", "session_timeout_ms", "transaction_timeout_ms", "transactional_id"),
        *("value_deserializer", "value_serializer"),
        *("api_version", "receive_buffer_bytes", "sasl_oauth_token_provider", "send_buffer_bytes", "ssl_context"),
    }
)
"""Not taken from outside: what a delivery's guarantee rests on, and what no text can give."""

_CHOICES = {
    "security_protocol": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "sasl_mechanism": ("PLAIN", "GSSAPI", "OAUTHBEARER", "SCRAM-SHA-256", "SCRAM-SHA-512", "AWS_MSK_IAM"),
}
"""kafka-python takes any word, and talks in plain text where it doesn't know one, as `ssl` in small letters."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kafka cluster as its clients see it."""

    bootstrap: str
    """One or more `host:port`, joined by commas."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """More keyword arguments of kafka-python's clients (TLS, SASL, sizes); each client takes those it knows."""
    connect_timeout_s: float = 30.0
    """How long an unreachable cluster is tried, with backoff, before it is an error."""

    def admin(self) -> KafkaAdminClient:
        """An admin client, a context manager.

        Raises:
            UserError: the cluster is not reachable, or an option is not valid.
        """
        return self._make(KafkaAdminClient, {})

    def consumer(self, *topics: str, **fixed: Any) -> KafkaConsumer:
        """A consumer that sees committed records only and commits nothing by itself; raises as `admin` does."""
        consumer = self._make(
            KafkaConsumer,
            {
                "isolation_level": "read_committed",  # also makes it wait for offsets still pending in a transaction
                "enable_auto_commit": False,
                "auto_offset_reset": "earliest",  # kafka-python's default would skip what came before the first join
                "allow_auto_create_topics": False,
                **fixed,
            },
        )
        if topics:
            consumer.subscribe(topics)
        return consumer

    def producer(self, **fixed: Any) -> KafkaProducer:
        """An idempotent producer; raises as `admin` does."""
        return self._make(
            KafkaProducer, {"acks": "all", "enable_idempotence": True, "allow_auto_create_topics": False, **fixed}
        )

    def ask(self, question: Callable[[], _Answer]) -> _Answer:
        """The answer, asked for again while a broker is away or others take its place, for `connect_timeout_s`.

        Raises:
            UserError: there was none, or Kafka doesn't let us in.
            KafkaError: another one that asking again doesn't help.
        """
        give_up_at = time.monotonic() + self.connect_timeout_s
        while True:
            try:
                return question()
            except KafkaError as error:
                if refusal := refusal_of(self.bootstrap, self.options, error):
                    raise refusal from None
                if not error.retriable:
                    raise
                if time.monotonic() > give_up_at:
                    told = f"Kafka at {self.bootstrap} did not serve for {self.connect_timeout_s:.0f} s ({error})"
                    raise UserError(f"{told}: are enough of its brokers up?") from error
            time.sleep(_ASK_AGAIN_AFTER_S)

    def _make(self, kind: type[_Client], fixed: Mapping[str, Any]) -> _Client:
        require_whole_log_in(self.options)
        require_tls_files(self.options)
        known = {name: value for name, value in self.options.items() if name in kind.DEFAULT_CONFIG}
        handshakes = Handshakes(self.bootstrap, self.options)
        try:
            with self._saying_so(handshakes):
                return kind(
                    bootstrap_servers=self.bootstrap.split(","),
                    bootstrap_timeout_ms=int(self.connect_timeout_s * 1000),
                    kafka_client=handshakes.client,
                    **{"reconnect_backoff_max_ms": 2000, **known, **fixed},
                )
        except KafkaTimeoutError:
            raise UserError(self._unreachable(handshakes)) from None
        except (KafkaConfigurationError, ValueError, OSError) as error:
            raise UserError(f"Kafka at {self.bootstrap} can't be used with these settings: {error}") from None

    @contextmanager
    def _saying_so(self, handshakes: Handshakes) -> Iterator[None]:
        def say_so() -> None:
            check = f": check {handshakes.doubt}" if handshakes.doubt else ""
            log.warning(
                "Kafka at %s doesn't answer yet; it is tried for %.0f s%s",
                *(self.bootstrap, self.connect_timeout_s, check),
            )

        timer = threading.Timer(_SAY_SO_AFTER_S, say_so)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _unreachable(self, handshakes: Handshakes) -> str:
        last = f" ({handshakes.lost})" if handshakes.lost else ""
        doubt = f", and {handshakes.doubt}" if handshakes.doubt else ""
        return (
            f"Kafka at {self.bootstrap} did not answer for {self.connect_timeout_s:.0f} s{last}: "
            f"check the address, that the broker runs{doubt}"
        )


def parse_options(texts: Mapping[str, str]) -> dict[str, Any]:
    """Reads kafka-python's keyword arguments from text, as the environment gives them.

    Args:
        texts: by the argument's name in lower case, as `{"security_protocol": "SSL", "max_request_size": "2000000"}`.

    Raises:
        UserError: a name that no client knows or that is not the user's to set, or a value of the wrong type.
    """
    return {name: _parse_option(name, text) for name, text in texts.items()}


def _typed(name: str) -> str:
    """As the user gives it: all of them are from the environment, `.env` or a file of that name."""
    return f"STALL_KAFKA_{name.upper()}"


def _parse_option(name: str, text: str) -> Any:
    if name not in _DEFAULTS:
        close = difflib.get_close_matches(name, _DEFAULTS, n=1)
        way_out = f"did you mean {_typed(close[0])}?" if close else "take it out"
        raise UserError(f"Kafka's client knows no setting {_typed(name)}: {way_out}")
    default = _DEFAULTS[name]
    if name in _OURS or not (default is None or isinstance(default, (bool, int, float, str))):
        raise UserError(f"the Kafka setting {name!r} can't be set from outside: take it out")
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise UserError(f"the Kafka setting {name} = {text!r} must be true or false")
        return text.lower() == "true"
    if name in _CHOICES and text not in _CHOICES[name]:
        raise UserError(f"the Kafka setting {name} = {text!r} must be one of {', '.join(_CHOICES[name])}")
    if isinstance(default, (int, float)):
        try:
            return int(text)
        except ValueError:
            raise UserError(f"the Kafka setting {name} = {text!r} must be a whole number") from None
    return text
