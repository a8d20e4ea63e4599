"""A real Apache Kafka that asks who one is, and lets each do only what was allowed."""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from stream.broker.cluster import Cluster
from stream.embedded import EmbeddedKafka
from stream.ports import free_ports

_HOST = "127.0.0.1"
_LOGINS = 100
_SEEN_WITHIN_S = 10.0

_PROPERTIES = """\
listeners=PLAINTEXT://{open},CONTROLLER://{controller},GUARDED://{guarded}
advertised.listeners=PLAINTEXT://{open},GUARDED://{guarded}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_PLAINTEXT
listener.name.guarded.sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {logins};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS
"""
"""Whoever comes without a name, by the open listener, may do all: the tests' set-up, and the node itself."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in."""

    name: str
    password: str
    bootstrap: str

    @property
    def options(self) -> Mapping[str, str]:
        """kafka-python's arguments."""
        return {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": self.name,
            "sasl_plain_password": self.password,
        }

    @property
    def environment(self) -> Mapping[str, str]:
        """The same for a command."""
        given = {f"STALL_KAFKA_{name.upper()}": text for name, text in self.options.items()}
        return {"STALL_BOOTSTRAP": self.bootstrap, **given}

    def cluster(self, *, connect_timeout_s: float = 30.0) -> Cluster:
        """What this user is let see."""
        return Cluster(self.bootstrap, options=self.options, connect_timeout_s=connect_timeout_s)


class GuardedKafka(EmbeddedKafka):
    """`EmbeddedKafka` with a second listener for users with a password, who may do nothing at first."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (port,) = free_ports(_HOST, 1)
        self.guarded = f"{_HOST}:{port}"
        self._newcomers = map(self._user, itertools.count())

    def _user(self, number: int) -> User:
        assert number < _LOGINS
        return User(f"user-{number}", f"Secret-{number}-of-user", self.guarded)

    def _properties(self, data: Path) -> str:
        logins = " ".join(f'user_{each.name}="{each.password}"' for each in map(self._user, range(_LOGINS)))
        more = _PROPERTIES.format(
            open=self.bootstrap, controller=f"{_HOST}:{self._controller_port}", guarded=self.guarded, logins=logins
        )
        return super()._properties(data) + more  # a later line wins

    def newcomer(self, *rights: str) -> User:
        """A user whom no other test knows, with these rights (as `allow` takes them)."""
        user = next(self._newcomers)
        self.allow(user, *rights)
        return user

    def allow(self, user: User, *rights: str) -> None:
        """Gives rights, told as `Read topic clips`, or `Write transactional-id a*` for all whose name begins so."""
        acls = [_acl(user, each) for each in rights]
        with self._set_up() as admin:
            admin.create_acls(acls)
            _await(lambda: all(each in _of(admin, user) for each in acls))

    def withdraw(self, user: User, *rights: str) -> None:
        """Takes rights back."""
        acls = [_acl(user, each) for each in rights]
        with self._set_up() as admin:
            admin.delete_acls([_only(each) for each in acls])
            _await(lambda: not any(each in _of(admin, user) for each in acls))

    def _set_up(self) -> KafkaAdminClient:
        return Cluster(self.bootstrap).admin()


def _acl(user: User, right: str) -> ACL:
    operation, kind, name = right.split(" ")
    pattern = ACLResourcePatternType.PREFIXED if name.endswith("*") else ACLResourcePatternType.LITERAL
    resource = ResourcePattern(ResourceType[kind.upper().replace("-", "_")], name.removesuffix("*"), pattern)
    return ACL(f"User:{user.name}", "*", ACLOperation[operation.upper()], ACLPermissionType.ALLOW, resource)


def _only(acl: ACL) -> ACLFilter:
    return ACLFilter(acl.principal, acl.host, acl.operation, acl.permission_type, acl.resource_pattern)


def _of(admin: KafkaAdminClient, user: User) -> list[ACL]:
    anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    acls, _ = admin.describe_acls(
        ACLFilter(f"User:{user.name}", None, ACLOperation.ANY, ACLPermissionType.ANY, anything)
    )
    return list(acls)


def _await(holds: Callable[[], bool]) -> None:
    """What the controller has taken reaches the broker's authorizer a moment later."""
    deadline = time.monotonic() + _SEEN_WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "the broker doesn't heed its rules"
        time.sleep(0.02)
