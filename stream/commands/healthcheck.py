"""`python -m stream healthcheck`: asks a worker on this machine how it is, for containers that hold no other client."""

import json
import sys
from http.client import HTTPConnection, HTTPException

from stream.errors import UserError
from stream.settings import HealthcheckSettings

HEALTHY, UNHEALTHY = 0, 1
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a worker listens that listens everywhere


def run(settings: HealthcheckSettings) -> int:
    """Prints what the worker says of itself: exit code 0 if all is well, else 1, as Docker wants it.

    Raises:
        UserError: the worker's port is not told.
    """
    if settings.ops_port == 0:
        raise UserError("--ops-port 0 lets a worker take any free port: give the one that it printed")
    host = _EVERYWHERE.get(settings.ops_host, settings.ops_host)
    connection = HTTPConnection(host, settings.ops_port, timeout=settings.timeout_s)
    try:
        connection.request("GET", f"/{settings.question}z")
        answer = connection.getresponse()
        failed = dict(json.loads(answer.read())["failed"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:  # another program may listen there
        print(f"no worker answers at {host}:{settings.ops_port}: {error}", file=sys.stderr)
        return UNHEALTHY
    finally:
        connection.close()
    print("; ".join(f"{name}: {reason}" for name, reason in failed.items()) or settings.question)
    return UNHEALTHY if failed else HEALTHY
