"""v2's times with a zone of their own are before or since the cut by that zone (M3)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections

from tests.runs import query
from tests.sqlserver.server import publish
from tests.v2 import V2, copy_into_schema, make_v2, use_v2
from transfer.source import Source
from transfer.verify_source import Cut, SourceCounts, Split

pytestmark = pytest.mark.django_db(transaction=True)

COPY = "zoned_times"
BERLIN = ZoneInfo("Europe/Berlin")
CUT = Cut.at(datetime(2024, 6, 1, 10, tzinfo=UTC), BERLIN)  # 12:00 of Berlin's clock


@pytest.fixture
def v2(v2_path: Path, settings: Any) -> V2:
    settings.V2_TIME_ZONE = "Europe/Berlin"
    times = ["2024-06-01 11:30:00+02:00", "2024-06-01 12:30:00+02:00", "2024-06-01 10:00:00+00:00"]
    return make_v2(
        v2_path,
        organizations=[{"CreatedOn": "2024-01-01 00:00:00+00:00"}],
        forms=[{"CreatedOn": "2024-01-01 00:00:00+00:00"}],
        submissions=[{"CreatedOn": time, "LastUpdatedOn": None} for time in times],
    )


def counted() -> tuple[Split, int]:
    """As v2 counts them, and how many it lists as made since."""
    source = Source()
    counts = SourceCounts(source, CUT)
    since = sum(sum(page.values()) for page in counts.ids("submissions"))
    return counts.rows("submissions"), since


@pytest.mark.usefixtures("sql_server_driver")
def test_in_sql_server(v2: V2) -> None:
    with publish(v2, time_type="datetimeoffset") as server, server.use():
        assert counted() == (Split(2, 1), 1)


def test_in_postgresql(v2: V2) -> None:
    copy_into_schema(v2, COPY)
    query(f'ALTER TABLE {COPY}."FormSubmission" ALTER "CreatedOn" TYPE timestamptz')
    alias = dict(connections["default"].settings_dict)
    alias["OPTIONS"] = {**alias["OPTIONS"], "options": f"-c search_path={COPY}"}
    # What a copy without zones was cast from: the times of Berlin's clock, read in UTC.
    query(f"""UPDATE {COPY}."FormSubmission" SET "CreatedOn" = "CreatedOn" - interval '2 hours'""")
    try:
        with use_v2(**alias):
            assert counted() == (Split(2, 1), 1)
    finally:
        query(f"DROP SCHEMA {COPY} CASCADE")
