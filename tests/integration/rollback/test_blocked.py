"""Rows that refer to what would go: v3's own block it or go with it, other migrations' block it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import FormFactory, OrganizationFactory, SubmissionFactory, UserFactory
from tests.integration.rollback.common import (
    ALL,
    NONE,
    books,
    first,
    others_rows,
    rollback,
    rows_of,
    two_tenants,
)
from tests.runs import query, run
from transfer.exceptions import RunStoppedError
from transfer.rollback_report import RollbackReport

pytestmark = pytest.mark.django_db(transaction=True)


def user() -> None:
    UserFactory(organization_id=first("organizations"))


def form() -> None:
    FormFactory(organization_id=first("organizations"))


def submission() -> None:
    SubmissionFactory(form_id=first("forms"), organization=OrganizationFactory())


def workflow() -> None:
    query(
        "INSERT INTO workflows (organization_id, name, slug, type, definition)"
        " VALUES (%s, 'w', 'w', 'x', '{}')",
        [first("organizations")],
    )


def event() -> None:
    """An event of another organization, and of a user who would go."""
    query(
        "INSERT INTO events (organization_id, user_id, event_type, aggregate_type, aggregate_id)"
        " VALUES (%s, %s, 'x', 'form', gen_random_uuid())",
        [OrganizationFactory().pk, first("users")],
    )


def plugin() -> None:
    query(
        "INSERT INTO plugins (organization_id, name, slug, version, type, manifest)"
        " VALUES (%s, 'p', 'p', '1', 'field', '{}')",
        [first("organizations")],
    )


MADE = {
    "users": user,
    "forms": form,
    "submissions": submission,
    "workflows": workflow,
    "events": event,
    "plugins": plugin,
}


def blocked(**options: Any) -> RollbackReport:
    """A rollback that is refused, and has changed nothing."""
    before = query("SELECT xmin::text FROM migration_progress ORDER BY id")

    report = rollback("one", **options)

    assert report.outcome == "blocked"
    assert "BLOCKED" in report.as_text()
    assert report.notes == ["Nothing was changed."]
    assert rows_of("one") == ALL
    assert query("SELECT xmin::text FROM migration_progress ORDER BY id") == before
    return report


def test_v3s_own_rows_block_it_in_each_table_and_go_with_cascade(
    v2_path: Path, event_partition: None
) -> None:
    two_tenants(v2_path)
    own: dict[str, int] = {}
    for table, make in MADE.items():  # one after the other: each alone is found
        make()
        own[table] = 1
        report = blocked() if table in ("users", "plugins") else rollback("one", dry_run=True)
        assert report.blocked
        assert {one.table: one.rows for one in report.survey.referring} == own
        assert [len(one.samples) for one in report.survey.referring] == [1] * len(own)

    before = {table: query(f"SELECT count(*) FROM {table}")[0][0] for table in MADE}
    done = rollback("one", cascade=True)

    assert done.outcome == "finished"
    assert done.note is not None
    assert dict(done.note.cascaded) == own
    for table in MADE:
        expected = before[table] - 1 - ALL.get(table, 0)
        assert query(f"SELECT count(*) FROM {table}") == [(expected,)], table
    assert rows_of("one") == NONE
    assert rows_of("two") == ALL


@pytest.fixture
def event_partition(transactional_db: None) -> None:
    """See that events of today have a partition to go to."""
    ((there,),) = query(
        "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'events'::regclass)"
    )
    assert there


def test_what_refers_through_v3s_own_rows_goes_too_children_first(v2_path: Path) -> None:
    """A form of v3's own in a migrated organization, with submissions; more than a batch."""
    two_tenants(v2_path)
    own_form = FormFactory(organization_id=first("organizations"))
    SubmissionFactory.create_batch(7, form=own_form, organization=OrganizationFactory())
    ((organizations,),) = query("SELECT count(*) FROM organizations")

    report = blocked()
    assert {one.table: one.rows for one in report.survey.referring} == {
        "forms": 1,
        "submissions": 7,
    }

    done = rollback("one", cascade=True)

    assert done.note is not None
    assert dict(done.note.cascaded) == {"forms": 1, "submissions": 7}
    assert query("SELECT count(*) FROM organizations") == [(organizations - 1,)]
    assert rows_of("two") == ALL


def test_v3s_own_rows_that_refer_to_others_only_do_not_block(v2_path: Path) -> None:
    two_tenants(v2_path)
    UserFactory(organization_id=first("organizations", "two"))
    SubmissionFactory()
    others = others_rows()

    assert rollback("one").outcome == "finished"
    assert others_rows() == others


def test_another_migrations_rows_block_it_with_cascade_too_and_are_named(v2_path: Path) -> None:
    v2 = two_tenants(v2_path)
    home = {"FormTypeId": v2.forms[0]["Id"], "OrganizationId": v2.organizations[1]["Id"]}
    v2.add("submissions", home, home)
    # Submissions of the other tenant to a form of the first.
    run(name="three", organizations=[v2.organizations[1]["Id"]], tables=["submissions"])
    assert rows_of("three")["submissions"] == 2

    for cascade in (False, True):
        report = blocked(cascade=cascade)
        assert report.survey.others == {"three": {"submissions": 2}}
        assert "BLOCKED by migration three" in report.as_text()
        assert "It has to be rolled back first: rollback_v2 three" in report.as_text()

    rollback("three")
    assert rollback("one").outcome == "finished"
    assert rows_of("one") == NONE


def test_another_migrations_rows_block_it_where_v3s_own_stand_between(v2_path: Path) -> None:
    two_tenants(v2_path)
    own_form = FormFactory(organization_id=first("organizations"))
    query(
        "UPDATE submissions SET form_id = %s, updated_at = created_at WHERE id = %s",
        [own_form.pk, first("submissions", "two")],
    )

    report = blocked(cascade=True)

    assert report.survey.others == {"two": {"submissions": 1}}
    assert [one.table for one in report.survey.referring] == ["forms"]


def test_rows_that_another_rollback_kept_block_it_and_it_says_how_to_go_on(v2_path: Path) -> None:
    """Of a migration that is rolled back already, and of one that v3 does not know."""
    two_tenants(v2_path)
    query(
        "UPDATE submissions SET form_id = %s, status = 'approved' WHERE id = %s",
        [first("forms"), first("submissions", "two")],
    )
    assert rollback("two").survey.kept > 0

    report = blocked()

    assert "rolled back first" not in report.as_text()
    assert (
        "It is rolled back, and these rows were kept: point them elsewhere, or remove them, too: "
        "rollback_v2 two --include-modified"
    ) in report.as_text()
    assert report.as_json()["ways_out"].keys() == {"two"}
    query("UPDATE migration_progress SET migration_name = 'gone' WHERE migration_name = 'two'")
    assert (
        "v3 knows no migration of that name: point these rows elsewhere, or correct "
        "migration_batch in their metadata."
    ) in blocked().as_text()
    query("UPDATE migration_progress SET migration_name = 'two' WHERE migration_name = 'gone'")
    query(
        "UPDATE migration_progress SET ledger = jsonb_set(ledger, '{rollback,finished}', 'false')"
        " WHERE migration_name = 'two'"
    )
    assert "It has to be rolled back first: rollback_v2 two" in blocked().as_text()

    rollback("two", include_modified=True)
    assert rollback("one").outcome == "finished"


@pytest.fixture
def make_table() -> Iterator[Callable[[str], None]]:
    """Make tables of the application's that this program does not know."""
    query("CREATE SCHEMA app")
    yield query
    query("DROP SCHEMA app CASCADE")


def test_tables_that_are_not_known_count_whatever_their_keys_are(
    v2_path: Path, make_table: Callable[[str], None]
) -> None:
    """Without a primary key, with a composite one, with a key that cascades or sets to null,
    and rows that refer to such rows and to each other."""
    two_tenants(v2_path)
    submission, form = first("submissions"), first("forms")
    other = first("submissions", "two")
    make_table(
        f"""
        CREATE TABLE app.bookmark (note text, submission uuid REFERENCES submissions);
        CREATE TABLE app.share (
            form uuid REFERENCES forms ON DELETE CASCADE, n int, PRIMARY KEY (form, n));
        CREATE TABLE app.note (
            id serial PRIMARY KEY, parent int REFERENCES app.note, form uuid, n int,
            FOREIGN KEY (form, n) REFERENCES app.share);
        CREATE TABLE app.empty (id int PRIMARY KEY, form uuid REFERENCES forms);
        CREATE TABLE app.hint (
            id serial PRIMARY KEY, submission uuid REFERENCES submissions ON DELETE SET NULL,
            empty int REFERENCES app.empty);
        INSERT INTO app.bookmark VALUES
            ('a', '{submission}'), ('b', '{other}'), ('c', NULL), ('a', '{submission}');
        INSERT INTO app.share VALUES ('{form}', 1), ('{form}', 2);
        INSERT INTO app.note VALUES
            (1, NULL, '{form}', 2), (2, 1, NULL, NULL), (3, 2, NULL, NULL), (4, 4, NULL, NULL);
        INSERT INTO app.hint VALUES (1, '{submission}'), (2, '{other}');
        """
    )
    counts = {"app.bookmark": 2, "app.share": 2, "app.note": 3, "app.hint": 1}

    report = blocked()
    assert {one.table: one.rows for one in report.survey.referring} == counts

    done = rollback("one", cascade=True, batch_size=1)

    assert done.outcome == "finished"
    assert done.note is not None
    assert dict(done.note.cascaded) == counts
    assert query("SELECT note FROM app.bookmark ORDER BY 1") == [("b",), ("c",)]
    assert query("SELECT id FROM app.note") == [(4,)]
    assert query("SELECT id FROM app.hint") == [(2,)]
    assert rows_of("one") == NONE


def test_rows_in_a_circle_are_told_and_the_rest_is_removed(
    v2_path: Path, make_table: Callable[[str], None]
) -> None:
    two_tenants(v2_path)
    make_table("ALTER TABLE organizations ADD owner uuid REFERENCES users")
    try:
        query(
            "UPDATE organizations SET owner = %s, updated_at = updated_at WHERE id = %s",
            [first("users"), first("organizations")],
        )

        with pytest.raises(RunStoppedError, match=r"in a circle, set to null one of .*owner"):
            rollback("one", include_modified=True)

        assert rows_of("one") == NONE | {"organizations": 1, "users": 1}
        assert not any(note["finished"] for _, note in books().values())
        query("UPDATE organizations SET owner = NULL")
        assert rollback("one", include_modified=True).outcome == "finished"
        assert rows_of("one") == NONE
    finally:
        query("ALTER TABLE organizations DROP owner")
