"""`python -m stream schema`: prints JSON Schema."""

import json

from stream.schema import json_schema, json_schemas
from stream.settings import SchemaSettings


def run(settings: SchemaSettings) -> int:
    """Prints JSON Schema."""
    print(json.dumps(json_schema(settings.record) if settings.record else json_schemas(), indent=2))
    return 0
