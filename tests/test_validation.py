"""What pydantic finds wrong is told in one way, whatever was read."""

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from stream.validation import first_error


class Cup(BaseModel):
    """Of tea."""

    litres: float = Field(gt=0)
    tea: dict[str, int] = {}

    @field_validator("tea")
    @classmethod
    def _is_tea(cls, tea: dict[str, int]) -> dict[str, int]:
        if not tea:
            raise ValueError("is an empty cup")
        return tea

    @model_validator(mode="after")
    def _is_not_strong(self) -> "Cup":
        if sum(self.tea.values()) > 9:
            raise ValueError("the tea is too strong")
        return self


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{"litres": 0}', "litres: Input should be greater than 0 (got 0)"),
        ("{}", "litres: Field required"),
        ('{"litres": "a", "tea": {"b": "c"}}', "litres: Input should be a valid number, unable to parse string"),
        ('{"litres": "a", "tea": {"b": "c"}}', "(got 'a'); and 1 more"),
        ('{"litres": 1, "tea": {"b": "c"}}', "tea.b: Input should be a valid integer"),
        ('{"litres": 1, "tea": {}}', "tea: is an empty cup (got {})"),
        ('{"litres": 1, "tea": {"green": 10}}', "the tea is too strong (got "),
        ("[]", "Input should be an object (got [])"),
        ("tea", "Invalid JSON"),
        (f'{{"litres": "{"x" * 999}"}}', "x" * 79),
    ],
)
def test_the_first_mistake_is_one_short_sentence_with_field_rule_and_value(given: str, said: str):
    with pytest.raises(ValidationError) as caught:
        Cup.model_validate_json(given)
    sentence = first_error(caught.value)
    assert said in sentence
    assert "\n" not in sentence
    assert len(sentence) < 250
