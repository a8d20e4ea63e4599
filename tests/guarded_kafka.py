"""A real Apache Kafka that asks who one is, by password or certificate, and lets each do only what was allowed."""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
    UserScramCredentialUpsertion,
)

from stream.broker.cluster import Cluster
from stream.local.embedded import EmbeddedKafka
from stream.local.ports import free_ports
from tests.certificates import Authority

_HOST = "127.0.0.1"
_LOGINS = 100
_SEEN_WITHIN_S = 10.0
_LOG_IN_AGAIN_MS = 3000  # by SCRAM: who has been logged in for so long must do it again (KIP-368)
_CONTROLLER = {"CONTROLLER": "PLAINTEXT"}

_PROPERTIES = """\
listeners=CONTROLLER://{controller},{listeners}
advertised.listeners={advertised}
listener.security.protocol.map={protocols}
listener.name.guarded.sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {logins};
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.scram.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.scram.connections.max.reauth.ms={log_in_again_ms}
listener.name.certified.ssl.client.auth=required
listener.name.expired.ssl.keystore.location={expired}
listener.name.misnamed.ssl.keystore.location={misnamed}
ssl.keystore.type=PEM
ssl.keystore.location={right}
ssl.truststore.type=PEM
ssl.truststore.location={trusted}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS
"""
"""Whoever comes without a name, by the open listener or by TLS alone, may do all: the tests' set-up, and the node."""

_PROTOCOLS = {
    "PLAINTEXT": "PLAINTEXT",
    "GUARDED": "SASL_PLAINTEXT",
    "TLS": "SSL",
    "CERTIFIED": "SSL",
    "SCRAM": "SASL_SSL",
    "EXPIRED": "SSL",
    "MISNAMED": "SSL",
    "ELSEWHERE": "SSL",  # tells clients to go on by another name, which its certificate hasn't
}
Way = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "certificate"]
"""How somebody says who they are."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody whom Kafka knows."""

    name: str
    bootstrap: str
    options: Mapping[str, str]
    """kafka-python's arguments."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The same for a command."""
        given = {f"STALL_KAFKA_{name.upper()}": text for name, text in self.options.items()}
        return {"STALL_BOOTSTRAP": self.bootstrap, **given}

    def cluster(self, *, connect_timeout_s: float = 30.0) -> Cluster:
        """What this user is let see."""
        return Cluster(self.bootstrap, options=self.options, connect_timeout_s=connect_timeout_s)


class GuardedKafka(EmbeddedKafka):
    """`EmbeddedKafka` with more listeners: for users with a password or a certificate, who may do nothing at first.

    Attributes:
        authority: whose certificates it has and trusts.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        ports = free_ports(_HOST, len(_PROTOCOLS))
        self._at = {name: f"{_HOST}:{port}" for name, port in zip(_PROTOCOLS, ports, strict=True)}
        self._at["PLAINTEXT"] = self.bootstrap
        self.authority = Authority(folder / "certificates")
        self._numbers = itertools.count()

    def at(self, listener: str) -> str:
        """A listener's address, by its name in `_PROTOCOLS`."""
        return self._at[listener]

    def _properties(self, data: Path) -> str:
        logins = " ".join(f'user_{name}="{_password(name)}"' for name in map(_name, range(_LOGINS)))
        listeners = ",".join(f"{name}://{at}" for name, at in self._at.items())
        more = _PROPERTIES.format(
            controller=f"{_HOST}:{self._controller_port}",
            listeners=listeners,
            advertised=listeners.replace(self.at("ELSEWHERE"), self.at("ELSEWHERE").replace(_HOST, "localhost")),
            protocols=",".join(f"{name}:{protocol}" for name, protocol in {**_PROTOCOLS, **_CONTROLLER}.items()),
            logins=logins,
            log_in_again_ms=_LOG_IN_AGAIN_MS,
            right=self.authority.issue("broker", _HOST).both,
            expired=self.authority.issue("expired", _HOST, expired=True).both,
            misnamed=self.authority.issue("misnamed", "kafka.example.org").both,
            trusted=self.authority.cafile,
        )
        return super()._properties(data) + more  # a later line wins

    def newcomer(self, *rights: str, by: Way = "PLAIN") -> User:
        """A user whom no other test knows, with these rights (as `allow` takes them)."""
        number = next(self._numbers)
        assert number < _LOGINS
        user = self._certified(number) if by == "certificate" else self._logged_in(_name(number), by)
        self.allow(user, *rights)
        return user

    def anybody(self) -> User:
        """Who talks over TLS and says no name."""
        options = {"security_protocol": "SSL", "ssl_cafile": str(self.authority.cafile)}
        return User("ANONYMOUS", self.at("TLS"), options)

    def _certified(self, number: int) -> User:
        made = self.authority.issue(_name(number))
        files = {"ssl_certfile": str(made.certfile), "ssl_keyfile": str(made.keyfile)}
        subject = f"CN={_name(number)},OU=tests,O=stall"
        return User(subject, self.at("CERTIFIED"), {**self.anybody().options, **files})

    def _logged_in(self, name: str, mechanism: str) -> User:
        said = {
            "sasl_mechanism": mechanism,
            "sasl_plain_username": name,
            "sasl_plain_password": _password(name),
        }
        if mechanism == "PLAIN":
            return User(name, self.at("GUARDED"), {"security_protocol": "SASL_PLAINTEXT", **said})
        self.set_password(name, mechanism, _password(name))
        return User(name, self.at("SCRAM"), {**self.anybody().options, "security_protocol": "SASL_SSL", **said})

    def set_password(self, name: str, mechanism: str, password: str) -> None:
        """Gives a user who logs in by SCRAM a password, the first one or another."""
        change = UserScramCredentialUpsertion(name, mechanism, password)
        with self._set_up() as admin:
            admin.alter_user_scram_credentials([change])

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


def _name(number: int) -> str:
    return f"user-{number}"


def _password(name: str) -> str:
    return f"Secret-of-{name}"


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
