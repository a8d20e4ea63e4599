"""What is asked of a cluster is asked again while a broker is away, and no longer than it makes sense."""

import pytest
from kafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, KafkaError

from stream.broker.cluster import Cluster
from stream.errors import UserError

NOBODY = "127.0.0.1:1"


class Away:
    """Kafka's client while its broker restarts."""

    def __init__(self, error: KafkaError, times: int) -> None:
        self.error, self.left, self.asked = error, times, 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.left:
            raise self.error
        return "the answer"


def test_a_broker_that_is_away_for_a_moment_is_asked_again():
    question = Away(KafkaConnectionError("111 ECONNREFUSED"), 3)
    assert Cluster(NOBODY).ask(question) == "the answer"


def test_one_that_stays_away_is_asked_no_longer_than_for_a_connection():
    question = Away(KafkaConnectionError("111 ECONNREFUSED"), 1_000_000)
    with pytest.raises(UserError, match=rf"{NOBODY} did not serve for 0 s .*ECONNREFUSED.*: are enough"):
        Cluster(NOBODY, connect_timeout_s=0.5).ask(question)
    assert question.asked > 1


def test_a_refusal_is_not_asked_for_twice():
    question = Away(GroupAuthorizationFailedError(), 1)
    with pytest.raises(GroupAuthorizationFailedError):
        Cluster(NOBODY).ask(question)
    assert question.asked == 1
