"""What the tests of preflight_v2 on SQL Server ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs import rich_v2
from tests.sqlserver.server import V2Server, publish
from tests.v2 import V2


@pytest.fixture
def v2(v2_path: Path) -> V2:
    return rich_v2(v2_path)


@pytest.fixture
def server(v2: V2) -> Iterator[V2Server]:
    with publish(v2) as made, made.use():
        yield made
