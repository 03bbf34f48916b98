"""Indexes that nobody here made come back as they were, and refuse what they would have refused."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deferral.common import (
    another_session,
    deferred,
    in_submissions,
    indexes,
    normal,
    unsettled,
    whole,
)
from tests.runs import documents, errors, query, run
from tests.v2 import V2, make_v2
from transfer import deferral_settle
from transfer.exceptions import RunStoppedError

pytestmark = pytest.mark.django_db(transaction=True)

OF_THE_APPLICATION = {
    "app_who": "((data->>'who') COLLATE \"C\" text_pattern_ops DESC NULLS LAST) INCLUDE (status)",
    "app_partial": "(organization_id, created_at DESC) WHERE deleted_at IS NULL",
    'app "Odd" name': "((metadata->>'legacy_number')) WHERE metadata ? 'legacy_number'",
}


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """Return a v2 of nine submissions with an answer each."""
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        forms=[{}],
        fields=[{"Name": "who"}],
        submissions=[{} for _ in range(9)],
    )
    for number, row in enumerate(v2.submissions):
        v2.add("answers", {"FormSubmissionId": row["Id"], "FreeFormEntry": str(number)})
    return v2


@pytest.fixture
def own_schema() -> Iterator[None]:
    """Have an immutable function of the application's own in a schema of its own."""
    query("CREATE SCHEMA app")
    query(
        "CREATE FUNCTION app.who(jsonb) RETURNS text LANGUAGE sql IMMUTABLE"
        " RETURN lower($1->>'who')"
    )
    yield
    query("DROP SCHEMA app CASCADE")


def answered(v2: V2, number: int, text: str) -> None:
    """Change the answer to a submission in v2."""
    v2.execute(
        "UPDATE FormSubmissionMetaData SET FreeFormEntry = ? WHERE FormSubmissionId = ?",
        (text, v2.submissions[number]["Id"]),
    )


def test_indexes_of_the_application_come_back_as_they_were(v2: V2, own_schema: None) -> None:
    for name, what in OF_THE_APPLICATION.items():
        quoted = name.replace('"', '""')
        method = "USING btree" if "who" in name else ""
        query(f'CREATE INDEX "{quoted}" ON submissions {method} {what}'.replace("%", "%%"))
    query("CREATE INDEX app_gin ON submissions USING gin (data jsonb_path_ops)")
    query("CREATE INDEX app_function ON submissions (app.who(data)) WITH (fillfactor = 70)")
    want = normal()
    gone: list[set[str]] = []

    deferred(in_submissions(lambda: gone.append(want.indexes.keys() - indexes().keys())))

    assert {*OF_THE_APPLICATION, "app_gin", "app_function"} <= gone[0]
    assert whole() == want


@pytest.mark.parametrize(
    "more",
    [
        "COMMENT ON INDEX app_index IS 'why it is there'",
        "ALTER INDEX app_index ALTER COLUMN 1 SET STATISTICS 500",
        "ALTER TABLE submissions CLUSTER ON app_index",
        "ALTER INDEX app_index DEPENDS ON EXTENSION plpgsql",
    ],
)
def test_what_no_definition_tells_stays_where_it_is(v2: V2, more: str) -> None:
    query("CREATE INDEX app_index ON submissions ((data->>'who'))")
    query(more)
    there: list[bool] = []

    deferred(in_submissions(lambda: there.append("app_index" in indexes())))

    assert there == [True]


@pytest.mark.parametrize(
    ("index", "text"),
    [
        ("((data->>'who'))", "".join(chr(0x4E00 + n * 7 % 20000) for n in range(4000))),
        ("(((data->>'who')::int))", "no number"),
        ("(id) WHERE (data->>'who')::int > 0", "no number"),
    ],
)
def test_r7_rows_that_an_index_refuses_are_errors_as_in_a_normal_load(
    v2: V2, index: str, text: str
) -> None:
    query(f"CREATE INDEX app_index ON submissions {index}")
    for number in (2, 7):
        answered(v2, number, text)
    want = normal()

    deferred()

    assert [error["code"] for error in errors()] == ["refused_by_postgresql"] * 2
    assert len(documents("submissions")) == 7
    assert whole() == want


def test_an_index_that_is_there_again_is_left_as_it_is(v2: V2) -> None:
    """Somebody built it by hand while the run was away."""
    before = indexes()
    run(name="night", batch_size=4, limit=6, defer_constraints=True)
    query(before["idx_submissions_form"])
    ((oid,),) = query("SELECT 'idx_submissions_form'::regclass::oid")

    deferred()

    assert query("SELECT 'idx_submissions_form'::regclass::oid") == [(oid,)]
    assert indexes() == before


def test_another_index_of_that_name_stops_the_run_until_it_is_gone(v2: V2) -> None:
    want = normal()
    run(name="night", batch_size=4, limit=6, defer_constraints=True)
    query("CREATE INDEX idx_submissions_form ON forms (name)")

    with pytest.raises(RunStoppedError, match="v3 has another idx_submissions_form") as stopped:
        deferred()

    assert "CREATE INDEX idx_submissions_form ON" in stopped.value.message
    assert ("night", "submissions", "index", "idx_submissions_form") in unsettled()
    query("DROP INDEX idx_submissions_form")
    deferred()
    assert whole() == want


def test_an_index_that_cannot_be_built_again_names_its_statement(v2: V2, own_schema: None) -> None:
    query("CREATE INDEX app_index ON submissions (app.who(data))")
    run(name="night", batch_size=4, limit=6, defer_constraints=True)
    query("DROP FUNCTION app.who")

    with pytest.raises(RunStoppedError, match="index app_index of submissions cannot be built"):
        deferred()

    query("UPDATE migration_deferrals SET settled_at = now() WHERE name = 'app_index'")
    deferred()
    assert unsettled() == []


def test_a_table_in_use_when_indexes_are_to_be_built_stops_the_run_resumably(
    v2: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = normal()
    monkeypatch.setattr(deferral_settle, "BUILD_LOCK_SECONDS", "0.05")
    monkeypatch.setattr(deferral_settle, "BUILD_PAUSES", (0.01,))
    with another_session() as application:

        def write() -> None:
            application.execute("BEGIN")
            application.execute("LOCK TABLE submissions IN ROW EXCLUSIVE MODE")

        with pytest.raises(RunStoppedError, match="submissions is in use, so that index"):
            deferred(in_submissions(write))
        application.execute("ROLLBACK")

    deferred()

    assert whole() == want


def test_r7_refused_rows_that_an_older_transaction_still_sees_are_waited_for(
    v2: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL puts deleted rows into a new index too, while somebody may look at them."""
    query("CREATE INDEX app_index ON submissions (((data->>'who')::int))")
    answered(v2, 2, "no number")
    with another_session() as application:

        def look() -> None:
            application.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            application.execute("SELECT FROM forms")

        waited: list[float] = []
        sleep = time.sleep

        def end(seconds: float) -> None:
            if not waited:
                application.execute("COMMIT")
            waited.append(seconds)
            sleep(0.1)  # a vacuum of the server's own may look, too

        monkeypatch.setattr("transfer.deferral_settle.time.sleep", end)
        deferred(in_submissions(look))

    assert waited
    assert len(documents("submissions")) == 8
    assert "app_index" in indexes()


def test_r7_who_goes_on_seeing_refused_rows_is_named_at_every_start(
    v2: V2, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second start has no row to take out: the first did."""
    query("CREATE INDEX app_index ON submissions (((data->>'who')::int))")
    answered(v2, 2, "no number")
    want = normal()
    monkeypatch.setattr(deferral_settle, "ONLOOKERS_SECONDS", 0)
    with another_session() as dump:

        def look() -> None:
            dump.execute("SET application_name = 'pg_dump'")
            dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            dump.execute("SELECT FROM forms")

        for observer in (in_submissions(look), None):
            with pytest.raises(RunStoppedError, match="index app_index of submissions") as stopped:
                deferred(observer)
            said = stopped.value.message
            assert "a row that is gone counts as long as somebody may still see it: " in said
            assert f"pg_dump (backend {dump.info.backend_pid}, in its transaction since " in said
        dump.execute("COMMIT")

    deferred()

    assert whole() == want
