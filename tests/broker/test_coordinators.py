"""A group's coordinator moves where brokers come and go; kafka-python's admin client never asks again where it is."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.errors import NotCoordinatorError

from stream.broker.cluster import Cluster
from stream.broker.contract import Position
from stream.broker.groups import committed_position, set_positions
from stream.broker.rights import Right, require_rights
from stream.records import Partition

NewTopic = Callable[..., str]


@pytest.fixture
def impatient(cluster: Cluster) -> Cluster:
    return dataclasses.replace(cluster, connect_timeout_s=3.0)


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the first client that asks a group by this method ask a broker that is its coordinator no more."""

    def move(method: str) -> None:
        ask, outdated = getattr(KafkaAdminClient, method), []

        def asked(self: KafkaAdminClient, *args: Any, **options: Any) -> Any:
            outdated.append(self)
            if self is outdated[0]:
                raise NotCoordinatorError
            return ask(self, *args, **options)

        monkeypatch.setattr(KafkaAdminClient, method, asked)

    return move


def test_rights_on_a_group_are_asked_of_its_new_coordinator(impatient: Cluster, moved: Callable[[str], None]):
    moved("remove_group_members")
    require_rights(impatient, [Right("Read", "group", "group-that-moves")])


def test_positions_are_set_at_the_new_coordinator(
    impatient: Cluster, new_topic: NewTopic, moved: Callable[[str], None]
):
    partition = Partition(new_topic(), 0)
    moved("alter_group_offsets")
    set_positions(impatient, "group-that-moves", {partition: Position(3)})
    assert committed_position(impatient, "group-that-moves", partition) == Position(3)
