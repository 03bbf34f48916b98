"""Imports of values no column of v2 could hold: a copy of v2 may have been made by hand (R7)."""

from pathlib import Path

import pytest

from tests.runs import (
    TABLES,
    Quiet,
    counted,
    errors,
    query,
    run,
)
from tests.v2 import guid, make_v2
from transfer.batch import TableState
from transfer.exceptions import RunStoppedError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("table", "column", "v3_table"),
    [
        ("User", "Email", "users"), ("User", "CreatedOn", "users"),
        ("FormSubmission", "LookupCode", "submissions"),
        ("FormSubmission", "CreatedOn", "submissions"),
        ("FormSubmission", "FormTypeId", "submissions"),
        ("Organization", "Name", "organizations"), ("Organization", "CreatedOn", "organizations"),
        ("FormType", "Name", "forms"), ("FormType", "OrganizationId", "forms"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [b"\xff\x00", "no such thing", 7])
def test_r7_a_value_of_another_kind_costs_its_own_record_at_most(
    v2_path: Path, table: str, column: str, v3_table: str, value: object
) -> None:
    """SQLite holds anything anywhere, and a copy of v2 may have been made by hand."""
    v2 = make_v2(
        v2_path,
        organizations=[{}, {}],
        users=[{"OrganizationId": guid(1, 2)} for _ in range(3)],
        forms=[{"OrganizationId": guid(1, 2)} for _ in range(3)],
        fields=[{"FormTypeId": guid(4, 2)}],
        submissions=[{"FormTypeId": guid(4, 2)} for _ in range(3)],
    )
    stored = "CAST(? AS BLOB)" if isinstance(value, bytes) else "?"
    v2.execute(
        f'UPDATE "{table}" SET "{column}" = {stored} WHERE Id = (SELECT min(Id) FROM "{table}")',
        [value],
    )

    report = run()

    total, processed, failed = counted(report, v3_table)
    assert total == processed + failed
    usable = column in ("Name", "Email", "LookupCode") and not isinstance(value, bytes)
    assert failed == (0 if usable else 1)
    for other in TABLES:
        if other != v3_table:
            assert counted(report, other)[2] == 0


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    ("key", "migrated"),
    [
        ("no such thing", 2), ("[/]", 2), ("x" * 300, 2),
        ("000a00020000400080000000aa000000", 3), ("{000A0002-0000-4000-8000-000000000009}", 3),
    ],
)  # fmt: skip
def test_r7_a_submission_whose_key_is_no_guid_costs_itself_at_most(
    v2_path: Path, size: int, key: str, migrated: int
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}, {}, {}])
    for row in v2.submissions:
        v2.add("answers", {"FormSubmissionId": row["Id"], "FreeFormEntry": "a"})
    v2.execute("UPDATE FormSubmission SET Id = ? WHERE Id = ?", [key, guid(10, 2)])
    v2.execute(
        "UPDATE FormSubmissionMetaData SET FormSubmissionId = ? WHERE FormSubmissionId = ?",
        [key, guid(10, 2)],
    )

    report = run(batch_size=size)

    assert report.outcome == "finished"
    assert counted(report, "submissions") == (3, migrated, 3 - migrated)
    assert report.answers().read == 3
    assert errors("answer_orphaned") == []


@pytest.mark.parametrize("key", [b"\xff", None, "", "a\x00"])
def test_a_key_that_no_checkpoint_could_hold_stops_the_run_before_it_begins(
    v2_path: Path, key: bytes | str | None
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], users=[{}])
    v2.loosen("User")
    v2.execute("UPDATE User SET Id = ?", [key])

    with pytest.raises(RunStoppedError, match="v2's User holds a key that is no text, empty, or"):
        run()

    assert query("SELECT count(*) FROM users") == [(0,)]


@pytest.mark.parametrize("workers", [1, 2])
def test_numbers_among_keys_of_text_hide_no_other_row(v2_path: Path, workers: int) -> None:
    """In SQLite they sort before every text: behind '7' there would be none of these rows."""
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], submissions=[{}, {}])
    v2.loosen("FormSubmission", untyped=True)
    v2.add("submissions", *({"Id": number} for number in range(10)))

    with pytest.raises(RunStoppedError, match="FormSubmission holds a key that is no text, empty"):
        run(batch_size=2, workers=workers)

    assert query("SELECT status FROM migration_progress WHERE table_name = 'submissions'") != [
        ("completed",)
    ]


@pytest.mark.parametrize("key", ["''", "x'00ff'", "7", "NULL"])
@pytest.mark.parametrize("size", [1, 1000])
def test_r7_a_reference_that_is_no_key_at_all_stops_nothing_and_is_told(
    v2_path: Path, key: str, size: int
) -> None:
    v2 = make_v2(
        v2_path, organizations=[{}], forms=[{}], fields=[{}, {}], submissions=[{}], answers=[{}, {}]
    )
    v2.loosen("FormSubmissionMetaData")
    v2.loosen("Field")
    v2.execute(f"UPDATE Field SET FormTypeId = {key} WHERE Id = ?", (v2.fields[1]["Id"],))
    v2.execute(
        f"UPDATE FormSubmissionMetaData SET FormSubmissionId = {key} WHERE Id = ?",
        (v2.answers[1]["Id"],),
    )

    report = run(batch_size=size)

    assert report.outcome == "finished"
    assert report.answers().read == 2
    assert [e["code"] for e in errors("answer_orphaned")] == ["answer_orphaned"]
    assert [e["record_id"] for e in errors("field_without_form")] == [v2.fields[1]["Id"]]


def test_r2_answers_that_name_nothing_are_read_once_though_the_run_dies_behind_them(
    v2_path: Path,
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}])
    v2.loosen("FormSubmissionMetaData")
    v2.add("answers", {"FormSubmissionId": None, "FreeFormEntry": "lost"})

    def die(state: TableState) -> None:
        if state.table == "submissions":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Quiet(die), name="night")
    report = run(name="night")

    assert report.answers().read == 1
    assert len(errors("answer_orphaned")) == 1
