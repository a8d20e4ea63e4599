"""What a user must be allowed to do in Kafka: asked before any work is done, and named where it is refused."""

import shlex
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import (
    AuthorizationError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
)

from stream.broker.cluster import Cluster
from stream.broker.guards import ask_as_nobody, root_of
from stream.broker.transactions import Transactions
from stream.errors import UserError

Operation = Literal["Read", "Write", "Describe", "Create"]
Kind = Literal["topic", "group", "transactional-id"]

_TIMEOUT_S = 10.0  # of one try: the next one may find that another broker has taken over

_KINDS: dict[type[KafkaError], Kind] = {
    TopicAuthorizationFailedError: "topic",
    GroupAuthorizationFailedError: "group",
    TransactionalIdAuthorizationFailedError: "transactional-id",
}


@dataclass(frozen=True, slots=True)
class Right:
    """An operation on a resource, in the words of Kafka's ACLs; Read and Write let describe it, too."""

    operation: Operation
    kind: Kind
    name: str
    prefix: bool = False
    """Whether it is for all whose name begins so."""

    def __str__(self) -> str:
        verb = "WRITE to" if self.operation == "Write" else self.operation.upper()
        kind = self.kind.replace("-", " ")
        return f"{verb} {kind}s that begin with {self.name!r}" if self.prefix else f"{verb} the {kind} {self.name!r}"

    @property
    def flags(self) -> str:
        """For Kafka's own kafka-acls.sh."""
        pattern = " --resource-pattern-type prefixed" if self.prefix else ""
        return f"--operation {self.operation} --{self.kind} {shlex.quote(self.name)}{pattern}"


class RightsMissingError(UserError):
    """Kafka doesn't let this user do what is asked: says which right is missing, and how it is given."""

    def __init__(self, cluster: Cluster, missing: Iterable[Right]) -> None:
        who, principal = _named(cluster.options)
        given = f"kafka-acls.sh --bootstrap-server {cluster.bootstrap} --add --allow-principal {principal}"
        told = [f"{who} may not {right}: have it allowed ({given} {right.flags})" for right in missing]
        super().__init__("\n  ".join(told if len(told) == 1 else [f"{len(told)} rights are missing:", *told]))


def _named(options: Mapping[str, Any]) -> tuple[str, str]:
    """Who Kafka takes us for, in words, and as its principal for a shell; a certificate's is its subject."""
    if name := options.get("sasl_plain_username"):
        return f"user {name!r}", shlex.quote(f"User:{name}")
    if certfile := options.get("ssl_certfile"):
        asked = f"openssl x509 -noout -subject -nameopt RFC2253 -in {shlex.quote(certfile)}"
        return f"the owner of the certificate {certfile!r}", f'"User:$({asked} | cut -d= -f2-)"'
    return "this user", "User:..."


def worker_rights(*, group: str, topic: str, output_topics: Iterable[str]) -> tuple[Right, ...]:
    """What a worker does all the time, beside its transactions."""
    return (
        Right("Read", "topic", topic),
        *(Right("Write", "topic", each) for each in output_topics),
        Right("Read", "group", group),
    )


def transactions_right(*, group: str, slot: str | None) -> Right:
    """What a worker's transactions take: without a slot it has another transactional id each time."""
    return Right("Write", "transactional-id", f"{group}-{slot or ''}", prefix=slot is None)


def require_rights(cluster: Cluster, rights: Iterable[Right]) -> None:
    """Makes sure of these rights, and disturbs nobody; a topic that doesn't exist is no matter of rights.

    Raises:
        RightsMissingError: some are missing; tells all of them.
        UserError: the cluster is not reachable.
    """
    with cluster.admin() as admin:
        missing = [right for right in rights if not _is_given(cluster, admin, right)]
    if missing:
        raise RightsMissingError(cluster, missing)


@contextmanager
def naming(cluster: Cluster, *rights: Right) -> Iterator[None]:
    """Has Kafka's refusal of what the body does say which of these rights is missing.

    Raises:
        RightsMissingError: the body was refused.
    """
    try:
        yield
    except KafkaError as error:
        refusal = root_of(error)
        if not isinstance(refusal, AuthorizationError):
            raise
        missing = _meant(refusal, rights)
        if not missing:
            raise UserError(f"Kafka at {cluster.bootstrap} doesn't allow it: {refusal}") from error
        raise RightsMissingError(cluster, missing) from error


def _meant(refusal: AuthorizationError, rights: Iterable[Right]) -> list[Right]:
    """Those of the kind that was refused; where topics are named, theirs alone."""
    of_kind = [right for right in rights if right.kind == _KINDS.get(type(refusal))]
    named = refusal.args[0] if refusal.args else ()
    names = {named} if isinstance(named, str) else named
    return [right for right in of_kind if right.name in names] or of_kind


def _is_given(cluster: Cluster, admin: KafkaAdminClient, right: Right) -> bool:
    try:
        if right.kind == "topic":
            return cluster.ask(lambda: _is_given_on_topic(admin, right))
        if right.kind == "group":
            cluster.ask(lambda: _leave_as_nobody(cluster, right.name))
        else:
            cluster.ask(lambda: ask_as_nobody(admin, transactional_id=_one_of(right)))
    except AuthorizationError:
        return False
    return True


def _leave_as_nobody(cluster: Cluster, group: str) -> None:
    """Kafka tells the rights on a group only once it exists; who may not leave it may not join it either.

    Asked by a client of its own: kafka-python's never asks again where a group's coordinator is (3.0.12), and it moves
    where brokers come and go.
    """
    with cluster.admin() as admin:
        admin.remove_group_members(group, [MemberToRemove(member_id=str(uuid.uuid4()))])


def _is_given_on_topic(admin: KafkaAdminClient, right: Right) -> bool:
    (found,) = admin.describe_topics([right.name])
    if found["error_code"] == TopicAuthorizationFailedError.errno:
        return False
    told = found.get("authorized_operations")  # not before Kafka 2.3
    return told is None or right.operation.upper() in told


def _one_of(right: Right) -> str:
    return f"{right.name}{uuid.uuid4()}" if right.prefix else right.name


def require_transactions(cluster: Cluster, right: Right) -> None:
    """Makes sure that the cluster gives transactions, by beginning one life of a producer: an older one's ends by that.

    Raises:
        UserError: it doesn't.
    """

    def begin() -> None:
        Transactions(cluster, transactional_id=_one_of(right), timeout_s=_TIMEOUT_S).close()

    try:
        with naming(cluster, right):
            cluster.ask(begin)
    except RightsMissingError:
        raise
    except (KafkaError, UserError) as error:
        raise UserError(
            f"{error} Else it gives no transactions, which delivery exactly once takes: check the brokers' "
            "transaction.state.log.replication.factor (no more than there are brokers) and "
            "transaction.state.log.min.isr, or give --delivery at-least-once"
        ) from error
