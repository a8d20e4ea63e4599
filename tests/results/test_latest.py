"""Of many outcomes of a clip the latest counts, in whatever order they are read."""

from hypothesis import given
from hypothesis import strategies as st

from stream.errors import Reason
from stream.records import SCHEMA, KafkaSource, Rejection
from stream.results.answers import Answer
from stream.results.latest import latest


def answer(clip_id: str | None, appended_ms: int, number: int, place: int) -> Answer:
    source = KafkaSource(topic="clips", partition=number, offset=place)
    rejection = Rejection(schema=SCHEMA, clip_id=clip_id, reason=Reason.DAMAGED, detail="", source=source)
    return Answer(rejection, appended_ms)


FEW = st.integers(0, 3)
ANSWERS = st.lists(st.builds(answer, st.none() | st.text(max_size=2), FEW, FEW, FEW))


@given(ANSWERS)
def test_each_clip_has_its_latest_outcome_and_what_names_no_clip_stays_as_it_is(answers: list[Answer]):
    named = [each for each in answers if each.outcome.clip_id is not None]
    kept = list(latest(answers))
    nameless = [each for each in kept if each.outcome.clip_id is None]
    assert nameless == [each for each in answers if each.outcome.clip_id is None]
    told = kept[len(nameless) :]
    assert [each.outcome.clip_id for each in told] == sorted({str(each.outcome.clip_id) for each in named})
    for each in told:
        same = (other.order for other in named if other.outcome.clip_id == each.outcome.clip_id)
        assert each.order == max(same)
