"""What the tests of fetching share."""

from collections.abc import Iterator

import pytest

from tests.fetch.web import Web


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        yield server
