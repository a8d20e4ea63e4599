"""What pydantic found wrong, as a sentence for whoever gave it."""

from importlib.metadata import version

from pydantic import ValidationError
from pydantic_core import ErrorDetails


def first_error(error: ValidationError) -> str:
    """The first thing that is wrong: `num_frames: Input should be a valid integer (got '52'); and 2 more`."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(map(str, first["loc"]))
    given = "" if first["type"] == "missing" else f" (got {first['input']!r:.80})"
    more = f"; and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return f"{field}{': ' if field else ''}{rule(first)}{given}{more}"


def other_schema(error: ValidationError) -> str | None:
    """Says of a file that another version of this package has written it, where that is what is wrong, and the way out.

    It is of another `schema`, or has fields that this version doesn't know, and no other fault.
    """
    found, here = error.errors(include_url=False), f"stall-stream {version('stall-stream')}"
    for each in found:
        if each["loc"] == ("schema",) and each["type"] == "literal_error":
            it = f"it is of schema {each['input']!r:.20}, and {here} reads {each['ctx']['expected']}"
            return f"{it}; install the version that wrote it"
    if all(each["type"] == "extra_forbidden" for each in found):
        return f"{here} knows no {'.'.join(map(str, found[0]['loc']))}; install the version that wrote it"
    return None


def rule(error: ErrorDetails) -> str:
    """What was asked for, in pydantic's words or those of the validator that refused."""
    return error["msg"].removeprefix("Value error, ")
