"""Two settings are laid side by side field by field, and only what differs is told."""

from pydantic import JsonValue

from training.fields import differences


def test_only_what_differs_is_told_and_that_by_its_whole_name():
    was: JsonValue = {"seed": 0, "recipe": {"batch": 8, "augmentation": {"noise": 5.0}}, "frames": 16}
    now: JsonValue = {"seed": 0, "recipe": {"batch": 4, "augmentation": {"noise": 0.0}}, "frames": 16}
    assert differences(was, now) == "recipe.batch: 8, now 4; recipe.augmentation.noise: 5.0, now 0.0"
    assert differences(was, was) == ""


def test_what_is_none_differs_too_and_what_only_one_has_is_not_told():
    assert differences({"share": 0.5, "alpha": 4}, {"share": None, "size": 2}) == "share: 0.5, now None"


def test_of_lists_of_parts_their_number_is_told_or_the_part_that_differs():
    one: JsonValue = {"depth": [1, 2]}
    other: JsonValue = {"depth": [1, 3]}
    assert differences({"members": [one]}, {"members": [one, one]}) == "members.count: 1, now 2"
    assert differences({"members": [one, one]}, {"members": [one, other]}) == "members.1.depth: [1, 2], now [1, 3]"


def test_of_many_differences_the_rest_is_counted():
    said = differences({str(n): 0 for n in range(9)}, {str(n): 1 for n in range(9)})
    assert said.startswith("0: 0, now 1; 1: 0, now 1; ")
    assert said.endswith("; and 5 more")
