"""The JSON Schema that others write producers and consumers by says what is read and written here."""

import json

import pytest

from stream.errors import Reason
from stream.records import ClipReference, FileSource, KafkaSource, Rejection
from stream.schema import json_schema, json_schemas
from tests.results.made_outcomes import made_verdict

VERDICT = made_verdict(
    clip_id="a", verdict="uncertain", probability=0.5, source=KafkaSource(topic="clips", partition=0, offset=0)
)
REJECTION = Rejection(schema=1, clip_id=None, reason=Reason.DAMAGED, detail="why", source=FileSource(file="a"))


def test_a_producer_must_give_three_fields_and_may_give_those_of_the_record():
    schema = json_schema("reference")
    assert schema["required"] == ["schema", "clip_id", "uri"]
    assert schema["additionalProperties"] is False
    names = {field.alias or name for name, field in ClipReference.model_fields.items()}
    assert set(schema["properties"]) == names
    assert schema["properties"]["schema"] == {"const": 1, "title": "Schema", "type": "integer"}


@pytest.mark.parametrize(("record", "outcome"), [("verdict", VERDICT), ("rejection", REJECTION)])
def test_an_outcome_has_the_fields_that_its_schema_names_and_no_other(record, outcome):
    schema = json_schema(record)
    written = json.loads(outcome.model_dump_json())
    assert set(written) == set(schema["properties"]) == set(schema["required"])
    assert schema["additionalProperties"] is False
    assert written["kind"] == record == schema["properties"]["kind"]["const"]


def test_a_consumer_is_told_all_reasons_and_labels():
    assert json_schema("rejection")["$defs"]["Reason"]["enum"] == list(Reason)
    assert json_schema("verdict")["properties"]["verdict"]["enum"] == ["stalled", "flowing", "uncertain"]


def test_all_of_them_are_of_the_same_dialect():
    assert set(json_schemas()) == {"reference", "verdict", "rejection"}
    assert {each["$schema"] for each in json_schemas().values()} == {"https://json-schema.org/draft/2020-12/schema"}
