"""A pytest plugin: marks what runs by itself, for it depends on time or takes the whole machine.

`make test` runs all else first, several at a time, and then these, one after another.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ALONE = (
    "broker",
    "chaos",
    "contract/test_broker.py",
    "fetch",
    "local",
    "processes",
    "readers",
    "sending",
    "system/test_demo.py",
    "system/test_doctor_command.py",
    "system/test_drain.py",
    "system/test_first_worker.py",
    "system/test_others.py",
    "system/test_rebalance.py",
    "system/test_stores_away.py",
    "system/test_whole_way.py",
    "test_ops.py",
)


@pytest.hookimpl(tryfirst=True)  # before those are chosen that have a mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.resolve().is_relative_to(TESTS / place) for place in ALONE):
            item.add_marker("alone")
