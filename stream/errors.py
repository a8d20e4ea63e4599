"""The three ways a piece of work can end badly; whatever else is raised is a defect and ends the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum


class Reason(StrEnum):
    """Why a clip was refused, which is final. Each is the clip's own fault, but for the last."""

    BAD_REFERENCE = "bad_reference"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too_large"
    WRONG_SHA256 = "wrong_sha256"
    UNREACHABLE = "unreachable"
    UNDECODABLE = "undecodable"
    DAMAGED = "damaged"
    TOO_SHORT = "too_short"
    NO_OUTLINE = "no_outline"
    UNUSABLE = "unusable"
    READER_CRASHED = "reader_crashed"
    READER_TIMEOUT = "reader_timeout"
    SKIPPED = "skipped"
    """By order of an operator, unseen: the reference itself ended its worker."""


class ClipFault(Exception):  # noqa: N818 - "fault" is the word of the domain
    """This clip can't be judged, and trying again would not change that; it becomes a rejection."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["ClipFault"], tuple[Reason, str]]:
        return ClipFault, (self.reason, self.detail)


class Outage(Exception):  # noqa: N818 - an outage is no error of the program
    """A store or the network does not serve now; the same call is made again later."""


class UserError(Exception):
    """The user's input can't be honoured: one line (value, rule, way out) on stderr and exit code 2."""


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Has the traceback of a defect say what was at hand; a clip's fault and an outage say it themselves."""
    try:
        yield
    except (ClipFault, Outage, UserError):
        raise
    except Exception as defect:
        defect.add_note(f"while at {what}")
        raise
