"""A log-in that Kafka refuses is told from silence, at once, with what to check; its secret is never shown."""

import time
from collections.abc import Mapping
from contextlib import closing

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaTimeoutError

from stream.broker.cluster import Cluster
from stream.errors import UserError
from tests.guarded_kafka import GuardedKafka, User

WRONG = "not-the-password"


@pytest.fixture
def user(guarded: GuardedKafka) -> User:
    return guarded.newcomer()


def refused(bootstrap: str, options: Mapping[str, str], *, within_s: float = 10.0, timeout_s: float = 60.0) -> str:
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
    assert words in refused("127.0.0.1:1", options, within_s=1.0)


def test_who_is_let_in_goes_on_as_ever(user: User):
    with closing(user.cluster().admin()) as admin:
        assert admin.list_topics() == []
