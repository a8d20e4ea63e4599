"""The spec travels: its digest says whether two sides mean the same numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stream.clip.spec import ClipSpec

specs = st.builds(
    ClipSpec,
    frames=st.integers(2, 64),
    size=st.integers(16, 256),
    sampling=st.sampled_from(["whole", "central"]),
    scale=st.sampled_from(["fit", "native"]),
    margin=st.integers(0, 20),
    outside=st.sampled_from(["keep", "zero"]),
    extra=st.sampled_from(["none", "mask", "distance"]),
)


@given(specs, specs)
def test_digests_are_equal_if_and_only_if_the_specs_are(a, b):
    assert (a.digest == b.digest) == (a == b)


@given(specs)
def test_a_spec_survives_json(spec):
    assert ClipSpec.model_validate_json(spec.model_dump_json()).digest == spec.digest


def test_the_second_channel_counts():
    assert ClipSpec(extra="none").shape == (1, 16, 64, 64)
    assert ClipSpec(extra="distance").shape == (2, 16, 64, 64)


def test_a_field_that_this_version_does_not_know_is_refused():
    with pytest.raises(ValidationError):
        ClipSpec.model_validate({"frames": 16, "stride": 2})
