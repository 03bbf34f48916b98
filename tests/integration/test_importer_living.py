"""Imports into a v3 that is not empty, out of a v2 that people work in (M1, M5)."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories import FormFactory, OrganizationFactory, SubmissionFactory, UserFactory
from tests.runs import (
    TABLES,
    Quiet,
    counted,
    documents,
    errors,
    query,
    rich_v2,
    run,
)
from tests.v2 import guid, make_v2
from transfer.batch import TableState
from transfer.mapping.codes import Code, Severity
from transfer.source import Source
from transfer.source_pages import Page

pytestmark = pytest.mark.django_db(transaction=True)


# v3 is not empty


def test_m1_rows_of_v3_s_own_are_never_touched(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    acme = OrganizationFactory(id=guid(1, 1), name="Elsewhere", slug="acme")
    form = FormFactory(id=guid(4, 2), organization=acme, name="Elsewhere", slug="leave-request")
    UserFactory(id=guid(2, 3), organization=acme, email="elsewhere@example.org")
    SubmissionFactory(id=v2.submissions[6]["Id"], form=form, submission_number="B")
    own = {table: query(f"SELECT ctid::text, xmin::text, id FROM {table}") for table in TABLES}

    run(name="night")

    for table, rows in own.items():
        for row in rows:
            assert row in query(f"SELECT ctid::text, xmin::text, id FROM {table}")
    assert {row["record_id"] for row in errors("id_taken")} == {
        guid(1, 1), guid(4, 2), guid(2, 3), v2.submissions[6]["Id"],
    }  # fmt: skip
    assert [e["record_id"] for e in errors("value_too_long")] == [v2.forms[3]["Id"]]


def test_m5_a_slug_of_v3_s_own_row_is_avoided_even_under_an_id_of_v2(v2_path: Path) -> None:
    make_v2(
        v2_path,
        organizations=[{"Name": "One"}, {"Name": "Two"}],
        forms=[{"Name": "Alpha"}, {"Name": "Beta"}],
    )
    own = OrganizationFactory(id=guid(1, 1), slug="two")
    FormFactory(id=guid(4, 1), organization=own, slug="beta")

    run()

    assert query("SELECT slug FROM organizations ORDER BY id") == [("two",), ("two-2",)]
    assert query("SELECT slug FROM forms ORDER BY id") == [("beta",), ("beta-2",)]


# A v2 that is alive


def test_m5_an_organization_or_form_added_while_the_run_goes_gets_a_free_slug(
    v2_path: Path,
) -> None:
    v2 = make_v2(v2_path, organizations=[{"Name": "Acme"}], forms=[{"Name": "Leave"}])

    class Live(Quiet):
        def table_started(self, state: TableState) -> None:
            if state.table in ("organizations", "forms"):
                v2.add(
                    state.table, {"Name": {"organizations": "Acme", "forms": "Leave"}[state.table]}
                )

    report = run(Live(), batch_size=1)

    assert report.outcome == "finished"
    assert query("SELECT slug FROM organizations ORDER BY id") == [("acme",), ("acme-2",)]
    assert query("SELECT slug FROM forms ORDER BY id") == [("leave",), ("leave-2",)]


def test_m5_a_name_changed_between_two_starts_takes_nobody_s_slug(v2_path: Path) -> None:
    v2 = make_v2(v2_path, organizations=[{"Name": "Acme"}, {"Name": "Acme"}], forms=[{}])
    run(name="m", limit=1)
    v2.execute("UPDATE Organization SET Name = 'Zeta' WHERE Id = ?", [guid(1, 1)])

    report = run(name="m")

    assert report.outcome == "finished"
    assert query("SELECT name, slug FROM organizations ORDER BY id") == [
        ("Acme", "acme"),
        ("Acme", "acme-2"),
    ]
    assert report.failed == 0


def test_m12_a_submission_without_a_code_added_while_the_run_goes_gets_all_its_digits(
    v2_path: Path,
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], submissions=[{}])

    class Live(Quiet):
        def table_started(self, state: TableState) -> None:
            if state.table == "submissions":
                v2.add("submissions", {"LookupCode": None}, {"LookupCode": ""})

    report = run(Live())

    late = [row["Id"].replace("-", "") for row in v2.submissions[1:]]
    assert counted(report, "submissions") == (3, 3, 0)
    assert query("SELECT submission_number FROM submissions ORDER BY id OFFSET 1") == [
        (f"V2-{digits}",) for digits in late
    ]
    assert report.findings(Severity.WARNING) == {Code.NUMBER_MISSING: 2}


@pytest.fixture
def before_reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], None]:
    """Run something once, just before the first query of a v2 table's rows."""

    def install(table: str, act: Callable[[], object]) -> None:
        real, done = Source.read, []

        def read(self: Source, query: Any, *rest: Any) -> Page:
            if query.model._meta.db_table == table and not done:
                done.append(True)
                act()
            return real(self, query, *rest)

        monkeypatch.setattr(Source, "read", read)

    return install


def test_m17_answers_of_a_submission_added_meanwhile_are_no_orphans(
    v2_path: Path, before_reading: Callable[[str, Callable[[], object]], None]
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}, {}])
    between = v2.submissions[0]["Id"][:-1] + "f"

    def submit() -> None:
        for new in (between, guid(10, 99)):
            v2.add("submissions", {"Id": new})
            v2.add("answers", {"FormSubmissionId": new, "FreeFormEntry": "late"})
        v2.add("answers", {"FormSubmissionId": guid(10, 77), "FreeFormEntry": "nobody's"})

    before_reading("FormSubmissionMetaData", submit)

    run()

    assert [e["error_detail"]["FormSubmissionId"] for e in errors("answer_orphaned")] == [
        guid(10, 77)
    ]


def test_a_field_added_meanwhile_does_not_stop_the_run(
    v2_path: Path, before_reading: Callable[[str, Callable[[], object]], None]
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], choices=[{}])

    def design() -> None:
        v2.add("fields", {})
        v2.add("settings", {})
        v2.add("maps", {})

    before_reading("FieldSetting", design)

    assert run(tables=["organizations", "forms"]).outcome == "finished"
    assert documents("forms")[0]["definition"]["fields"] == []


def test_r7_a_time_limit_of_the_database_stops_nothing(
    v2_path: Path, before_reading: Callable[[str, Callable[[], object]], None]
) -> None:
    rich_v2(v2_path)
    (database,) = query("SELECT quote_ident(current_database())")[0]
    # The numbers are decided in one COPY, which lasts as long as reading v2's submissions does.
    before_reading("FormSubmission", lambda: time.sleep(1.5))
    query(f"ALTER DATABASE {database} SET statement_timeout = 1000")
    try:
        assert run().outcome == "finished"
    finally:
        query(f"ALTER DATABASE {database} RESET statement_timeout")
