"""What a verification keeps of an earlier one, and what it looks at anew."""

import json

import pytest

from tests.integration.proof.mutations_v2 import NAME
from tests.integration.proof.proving import (
    Pulled,
    after_batches,
    failing,
    proved,
    pull,
)
from tests.runs import query
from tests.v2 import V2
from transfer.proof import keeper
from transfer.proof.document import AT_MOST
from transfer.verify import VerifyOptions, verify

pytestmark = pytest.mark.django_db(databases=["default", "v2"])

OPEN = "SELECT count(*) FROM migration_differences WHERE resolved_at IS NULL AND record_id = %s"


def least(name: str) -> str:
    [(found,)] = query(f"SELECT min(id::text) FROM {name}")
    return str(found)


def stop_in_submissions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify until some submissions are compared, and their place is kept."""
    monkeypatch.setattr(keeper, "SECONDS_BETWEEN", -1.0)
    [(before,)] = query(
        "SELECT ceil(count(*) / 2.0) FROM (SELECT FROM users UNION ALL SELECT FROM organizations"
        " UNION ALL SELECT FROM forms) AS others"
    )
    with pytest.raises(Pulled):
        proved(NAME, after_batches(int(before) + 4, pull), batch_size=2)


def test_a_table_in_which_something_differed_is_looked_at_anew(
    often: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been mended since, and what differed then would be told as today's."""
    record = least("submissions")
    [(status,)] = query("SELECT status::text FROM submissions WHERE id = %s::uuid", [record])
    change = "UPDATE submissions SET status = %s, updated_at = updated_at WHERE id = %s::uuid"
    query(change, ["archived", record])
    stop_in_submissions(monkeypatch)
    [(state,)] = query("SELECT state FROM migration_verifications")
    assert json.loads(state)["tables"]["submissions"]["counts"]["differing"] == 1
    query(change, [status, record])

    document = proved(NAME)

    assert document["resumed"]
    assert failing(document) == {}


def test_one_that_was_stopped_long_ago_begins_anew(
    often: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_in_submissions(monkeypatch)
    query("UPDATE migration_verifications SET heartbeat_at = now() - interval '61 minutes'")
    query("UPDATE submissions SET status = 'archived' WHERE id = %s::uuid", [least("submissions")])

    document = proved(NAME)

    assert not document["resumed"]
    assert "Values of submissions" in failing(document)


def test_the_report_says_that_it_was_gone_on_with(
    often: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_in_submissions(monkeypatch)

    text = verify(VerifyOptions(NAME)).as_text()

    assert "records were compared up to then, and not again (--restart begins anew)" in text


def test_a_difference_that_still_stands_stays_open_beyond_the_cap(
    often: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(last,)] = query("SELECT max(id::text) FROM submissions")
    query("UPDATE submissions SET status = 'archived' WHERE id = %s::uuid", [last])
    proved(NAME)
    assert query(OPEN, [last]) != [(0,)]
    before = query(OPEN, [last])
    monkeypatch.setattr(keeper, "MAX_STORED", 3)
    query("UPDATE submissions SET deleted_at = now(), updated_at = updated_at")

    proved(NAME)

    assert query(OPEN, [last]) == before


@pytest.mark.parametrize("levels", [90, 150, 300, 1000, 2500])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_json_of_any_depth_is_told_and_no_crash(often: V2, levels: int, brackets: str) -> None:
    opening = "[" if brackets == "[]" else '{"a":'
    closing = brackets[1]
    deep = f'{{"deep": {opening * levels}1{closing * levels}}}'
    record = least("submissions")
    query("UPDATE submissions SET data = %s::jsonb WHERE id = %s::uuid", [deep, record])

    document = proved(NAME)

    assert record in failing(document)["Values of submissions"]


def test_every_place_of_a_record_counts_however_many_are_told(often: V2) -> None:
    many = json.dumps({f"k{number}": number for number in range(AT_MOST + 50)})
    record = least("submissions")
    query(
        "UPDATE submissions SET data = data || %s::jsonb, updated_at = updated_at"
        " WHERE id = %s::uuid",
        [many, record],
    )

    document = proved(NAME)

    assert document["differences"]["total"] == AT_MOST + 50
    assert query(OPEN, [record]) == [(AT_MOST,)]


def test_a_key_as_long_as_a_book_is_cut_where_it_is_kept(often: V2) -> None:
    record = least("submissions")
    query(
        "UPDATE submissions SET data = data || jsonb_build_object(repeat('k', 100000), 'v')"
        " WHERE id = %s::uuid",
        [record],
    )

    document = proved(NAME)

    assert max(len(one["column"]) for one in document["differences"]["shown"]) < 1000


def test_a_list_answer_taken_apart_keeps_each_of_its_places(often: V2) -> None:
    [(record, name)] = query(
        "SELECT id::text, key FROM submissions, jsonb_each(data)"
        " WHERE jsonb_typeof(value) = 'array'"
        " ORDER BY id, key LIMIT 1"
    )
    query(
        "UPDATE submissions SET data = data || jsonb_build_object(%s::text,"
        ' \'{"a": "1", "b": "2"}\'::jsonb), updated_at = updated_at WHERE id = %s::uuid',
        [name, record],
    )

    shown = proved(NAME)["differences"]["shown"]

    places = {one["column"]: (one["v2_value"] is None, one["v3_value"]) for one in shown}
    assert places[f"data[{name}][a]"] == (True, '"1"')
    assert places[f"data[{name}][b]"] == (True, '"2"')
    assert places[f"data[{name}]"] == (False, None)
