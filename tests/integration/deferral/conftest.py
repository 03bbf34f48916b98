"""What the tests of deferred constraints ask for."""

from collections.abc import Iterator

import pytest
from psycopg import sql

from tests.integration.deferral.common import indexes
from tests.runs import query


@pytest.fixture(autouse=True)
def every_index(transactional_db: None) -> Iterator[None]:
    """Put the indexes back that a failing test may have left dropped, and drop its own."""
    before = indexes()
    yield
    for name in indexes().keys() - before.keys():
        query(f"DROP INDEX {sql.Identifier(name).as_string()}".replace("%", "%%"))
    for name in before.keys() - indexes().keys():
        query(before[name])
