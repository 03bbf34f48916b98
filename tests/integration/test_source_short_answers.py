"""An answer of SQL Server's that is cut short is never taken for the whole one (R1, R7).

mssql-python gives the rows that had come and no error, where the connection breaks in the middle
of them: where exactly it has to break depends on the rows' shape, and here it is 53,000 bytes in.
A page with fewer rows than asked for would be taken for the table's last.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from legacy_v2 import models as v2_models
from tests.sqlserver.server import V2Server, publish
from tests.v2 import make_v2
from transfer.source import Source

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 3000
COLUMNS = ("id", "organization_id", "lookup_code", "last_updated_on")


@pytest.fixture
def server(v2_path: Path) -> Iterator[V2Server]:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}])
    v2.add("submissions", *({"LastUpdatedOn": None} for _ in range(ROWS)))
    with publish(v2) as server:
        yield server


@pytest.mark.peer_only
@pytest.mark.parametrize("after", [0, 29_000, 53_000, 59_000])
def test_r1_an_answer_cut_in_the_middle_is_read_again(server: V2Server, after: int) -> None:
    with server.use():
        source = Source(backoff=(0, 0))
        server.peer.harm.cut("LastUpdatedOn", after=after)
        page = source.read(v2_models.FormSubmission._default_manager.order_by("id"), COLUMNS)
        source.close()

    assert server.peer.harm.done == 1
    assert page.length == ROWS


@pytest.mark.peer_only
def test_the_driver_does_not_restore_a_broken_connection_behind_our_back(server: V2Server) -> None:
    with server.use() as connection:
        text = connection._build_connection_string(connection.get_connection_params(), "")
    assert text.endswith(";ConnectRetryCount={0}")

    with server.use(server.with_options(ConnectRetryCount="0")) as connection:
        text = connection._build_connection_string(connection.get_connection_params(), "")
    assert text.count("ConnectRetryCount") == 1
