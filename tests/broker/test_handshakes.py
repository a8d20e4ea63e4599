"""Who is refused, or doesn't trust whom it finds, is told so at once, with what to check; no secret is ever shown."""

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaTimeoutError

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.handshakes import handshakes_of
from stream.broker.topics import require_topics
from stream.broker.writing import Writer
from stream.errors import UserError
from tests.certificates import Authority
from tests.guarded_kafka import GuardedKafka, User, Way

WRONG = "not-the-password"


@pytest.fixture
def user(guarded: GuardedKafka) -> User:
    return guarded.newcomer()


def refused(bootstrap: str, options: Mapping[str, str], *, within_s: float = 30.0, timeout_s: float = 60.0) -> str:
    """What is said, once."""
    began = time.monotonic()
    with pytest.raises(UserError) as told:
        Cluster(bootstrap, options=options, connect_timeout_s=timeout_s).admin()
    assert time.monotonic() - began < within_s
    return str(told.value)


def test_kafka_python_takes_a_refusal_for_silence(user: User):
    given = {**user.options, "sasl_plain_password": WRONG}
    with pytest.raises(KafkaTimeoutError, match="Unable to bootstrap"):
        KafkaAdminClient(bootstrap_servers=user.bootstrap, bootstrap_timeout_ms=2000, **given)


def test_a_wrong_password_is_told_at_once_and_not_shown(user: User):
    said = refused(user.bootstrap, {**user.options, "sasl_plain_password": WRONG})
    assert f"refuses the log-in of '{user.name}' by PLAIN" in said
    assert "Invalid username or password" in said
    assert "check the Kafka settings sasl_plain_username and sasl_plain_password" in said
    assert WRONG not in said


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_wrong_password_for_scram_is_told_so_too(guarded: GuardedKafka, mechanism: Way):
    user = guarded.newcomer(by=mechanism)
    said = refused(user.bootstrap, {**user.options, "sasl_plain_password": WRONG})
    assert f"refuses the log-in of '{user.name}' by {mechanism}" in said
    assert WRONG not in said


def test_a_mechanism_that_the_listener_does_not_have_is_named(user: User):
    said = refused(user.bootstrap, {**user.options, "sasl_mechanism": "SCRAM-SHA-256"})
    assert "doesn't take sasl_mechanism = SCRAM-SHA-256" in said


def test_a_log_in_where_there_is_none_is_taken_out_again(guarded: GuardedKafka, user: User):
    said = refused(guarded.bootstrap, user.options)
    assert f"Kafka at {guarded.bootstrap} takes no log-in at this port" in said
    assert "take out security_protocol = SASL_PLAINTEXT" in said


def test_a_listener_that_hangs_up_may_want_a_log_in(user: User):
    said = refused(user.bootstrap, {}, timeout_s=2.0)
    assert "did not answer for 2 s" in said
    assert "whether its listener wants TLS or a log-in (security_protocol)" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sasl_mechanism": "PLAIN"}, "sasl_mechanism is of no use with security_protocol = PLAINTEXT"),
        ({"security_protocol": "SASL_SSL"}, "sasl_mechanism and sasl_plain_username and sasl_plain_password: set"),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "me"},
            "SASL_SSL is no log-in without sasl_plain_password: set it",
        ),
    ],
)
def test_half_a_log_in_is_none(options: Mapping[str, str], words: str):
    assert words in refused("127.0.0.1:1", options)


def test_who_is_let_in_goes_on_as_ever(user: User):
    with closing(user.cluster().admin()) as admin:
        assert admin.list_topics() == []


# TLS.


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """An authority that this Kafka doesn't know."""
    return Authority(tmp_path)


def test_a_broker_whose_certificate_is_not_to_be_trusted_is_told_with_why(guarded: GuardedKafka, stranger: Authority):
    given = guarded.anybody().options
    expired, misnamed, tls = map(guarded.at, ("EXPIRED", "MISNAMED", "TLS"))
    said = refused(expired, given)
    assert f"the certificate of Kafka at {expired} isn't trusted (certificate has expired)" in said
    assert "have the broker's renewed, or check this machine's clock" in said
    said = refused(misnamed, given)
    assert "certificate is not valid for '127.0.0.1'): give --bootstrap, and the broker's advertised.listeners" in said
    said = refused(tls, {**given, "ssl_cafile": str(stranger.cafile)})
    assert f"set ssl_cafile (now '{stranger.cafile}') to the certificate of the authority that signed it" in said
    assert "set ssl_cafile (none is set) to" in refused(tls, {"security_protocol": "SSL"})


def test_a_broker_that_goes_on_by_another_name_than_its_certificates_is_told_as_soon(guarded: GuardedKafka):
    cluster = Cluster(guarded.at("ELSEWHERE"), options=guarded.anybody().options)
    began = time.monotonic()
    with pytest.raises(
        UserError, match=r"certificate is not valid for 'localhost'.*the broker's advertised\.listeners"
    ):
        require_topics(cluster, ["any"])
    assert time.monotonic() - began < 15.0


def test_a_client_whose_certificate_is_missing_expired_or_of_a_stranger_is_told_so(
    guarded: GuardedKafka, stranger: Authority
):
    at, given = guarded.at("CERTIFIED"), guarded.anybody().options
    said = refused(at, given)
    assert said == f"Kafka at {at} wants a certificate (certificate required): set ssl_certfile and ssl_keyfile"
    for made in (guarded.authority.issue("late", expired=True), stranger.issue("stranger")):
        files = {"ssl_certfile": str(made.certfile), "ssl_keyfile": str(made.keyfile)}
        said = refused(at, {**given, **files})
        assert f"Kafka at {at} refuses the certificate in ssl_certfile = '{made.certfile}'" in said
        assert "check whether it has expired, and whether the brokers trust its authority (openssl x509 " in said


def test_tls_that_comes_unasked_is_known(guarded: GuardedKafka, user: User):
    said = refused(guarded.at("TLS"), {})
    assert "speaks TLS at this port: set security_protocol = SSL (now PLAINTEXT)" in said
    assert "set security_protocol = SASL_SSL (now SASL_PLAINTEXT)" in refused(guarded.at("SCRAM"), user.options)


def test_a_log_in_by_tls_where_there_is_none_is_taken_out_again(guarded: GuardedKafka):
    said = refused(guarded.at("TLS"), guarded.newcomer(by="SCRAM-SHA-256").options)
    assert "takes no log-in at this port" in said


@pytest.mark.parametrize("listener", ["PLAINTEXT", "SCRAM"])
def test_a_listener_that_hangs_up_on_tls_may_be_of_another_protocol_which_is_said_early(
    guarded: GuardedKafka, caplog: pytest.LogCaptureFixture, listener: str
):
    doubt = "whether its listener is one for security_protocol = SSL"
    said = refused(guarded.at(listener), guarded.anybody().options, timeout_s=2.5)
    assert said.endswith(f"check the address, that the broker runs, and {doubt}")
    (early,) = (each.getMessage() for each in caplog.records if each.name == "stream.broker.cluster")
    assert early.endswith(f"doesn't answer yet; it is tried for 2 s: check {doubt}")


def test_one_that_never_answers_a_handshake_is_waited_for_no_longer_than_any(guarded: GuardedKafka):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at = f"127.0.0.1:{silent.getsockname()[1]}"
        said = refused(at, guarded.anybody().options, within_s=10.0, timeout_s=1.0)
    assert "did not answer for 1 s (KafkaConnectionError: no answer to TLS's handshake)" in said
    assert "whether its listener is one for security_protocol = SSL" in said


def test_an_answer_may_hold_whatever_an_alert_of_tls_looks_like(cluster: Cluster, new_topic: Callable[..., str]):
    topic, values = new_topic(), [bytes(before) + b"\x15\x03" * 200_000 for before in (0, 1, 2, 3)]
    with Writer(cluster) as writer:
        for value in values:
            writer.write(Message(topic, b"key", value))
    with cluster.consumer(topic, group_id=f"group-{topic}") as consumer:
        read: list[bytes] = []
        while len(read) < len(values):
            read += [each.value for records in consumer.poll(timeout_ms=500).values() for each in records]
        assert handshakes_of(consumer).lost is None
    assert read == values
