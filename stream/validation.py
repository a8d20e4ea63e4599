"""What pydantic found wrong, as a sentence for whoever gave it."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails


def first_error(error: ValidationError) -> str:
    """The first thing that is wrong: `num_frames: Input should be a valid integer (got '52'); and 2 more`."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(map(str, first["loc"]))
    given = "" if first["type"] == "missing" else f" (got {first['input']!r:.80})"
    more = f"; and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return f"{field}{': ' if field else ''}{rule(first)}{given}{more}"


def rule(error: ErrorDetails) -> str:
    """What was asked for, in pydantic's words or those of the validator that refused."""
    return error["msg"].removeprefix("Value error, ")
