"""One organization at a time, each under a name of its own: import, resume, verify, roll back.

The union of the migrations is the single run of everything, but for what names the migration and
its start (docs/runbook.md lists it).
"""

import json
import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.acceptance.resuming import Done
from tests.runs import TABLES, documents, empty_v3, errors, query, rich_v2
from tests.v2 import V2, make_v2

pytestmark = pytest.mark.django_db(transaction=True)

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")


def manage(command: str, *arguments: str) -> Done:
    """Run a command as manage.py would."""
    out, err = StringIO(), StringIO()
    try:
        call_command(command, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return Done(error.returncode, out.getvalue(), f"CommandError: {error}\n")
    except SystemExit as end:
        return Done(int(str(end.code)), out.getvalue(), err.getvalue())
    return Done(0, out.getvalue(), err.getvalue())


@pytest.fixture
def v2(v2_path: Path) -> V2:
    """Return a v2 of three organizations that share a name, forms and submissions."""
    return rich_v2(v2_path)


def ids(v2: V2) -> list[str]:
    return [row["Id"] for row in v2.organizations]


# The second owns the form that the first and the third answer, and it answers one of the first's.
OWNERS_FIRST = (1, 0, 2)


def apart(v2: V2, *more: str) -> None:
    """Import one organization after the other, each in pieces."""
    for number in OWNERS_FIRST:
        name = f"organization {number}"
        arguments = ("--name", name, "--organization", ids(v2)[number], *more)
        for _ in range(40):
            done = manage("import_v2", *arguments, "--batch-size", "4", "--limit", "9", "--json")
            assert done.status in (0, 3), done
            if json.loads(done.out)["outcome"] == "finished":
                break
        else:
            pytest.fail("it never finished")
    for number in OWNERS_FIRST:
        manage("retry_v2", "--name", f"organization {number}")


def rows() -> dict[str, list[str]]:
    """v3's rows without the migration's name and start."""
    started = {when for (when,) in query("SELECT DISTINCT started_at FROM migration_progress")}

    def moment(match: re.Match[str]) -> str:
        return "STARTED" if datetime.fromisoformat(match.group()) in started else match.group()

    def normal(row: dict[str, Any]) -> str:
        del row["metadata"]["migration_batch"]
        return TIME.sub(moment, json.dumps(row, sort_keys=True))

    return {table: [normal(row) for row in documents(table)] for table in TABLES}


def digest(*names: str) -> list[tuple[Any, ...]]:
    """Rows and books of these migrations, down to the place they lie at."""
    found = []
    for table in TABLES:
        found += query(
            f"SELECT '{table}', ctid::text, xmin::text, to_jsonb(t)::text FROM {table} AS t"
            " WHERE metadata->>'migration_batch' = ANY(%s) ORDER BY id",
            (list(names),),
        )
    for book in ("migration_progress", "migration_errors"):
        found += query(
            f"SELECT '{book}', ctid::text, xmin::text, to_jsonb(t)::text FROM {book} AS t"
            " WHERE migration_name = ANY(%s) ORDER BY id",
            (list(names),),
        )
    return found


@pytest.mark.parametrize("more", [(), ("--defer-constraints",)])
def test_the_union_is_the_single_run_of_everything(v2: V2, more: tuple[str, ...]) -> None:
    assert manage("import_v2", "--name", "everything").status == 3
    whole = rows()
    failed = {(e["record_id"], e["code"]) for e in errors() if e["severity"] == "error"}
    empty_v3()

    apart(v2, *more)

    assert rows() == whole
    still = {
        (e["record_id"], e["code"])
        for e in errors()
        if e["severity"] == "error" and not e["resolved_at"]
    }
    assert still <= failed
    # What belongs to no organization is in nobody's run.
    assert {code for _, code in failed - still} == {
        "answer_orphaned", "form_unknown", "organization_unknown",
    }  # fmt: skip


def test_several_are_under_way_at_once_and_each_goes_on_without_its_name(v2: V2) -> None:
    """A call that names an organization means its migration, whatever else is unfinished."""
    today = datetime.now(UTC).strftime("v2_migration_%Y_%m_%d")
    names = [f"{today}_{one[:8]}" for one in ids(v2)]
    for one in ids(v2):
        done = manage("import_v2", "--organization", one, "--limit", "2")
        assert "Stopped at --limit" in done.out

    listed = json.loads(manage("status_v2", "--json").out)["migrations"]
    assert [one["migration"] for one in listed] == names
    assert {one["outcome"] for one in listed} == {"in_progress"}
    assert "several migrations are unfinished" in manage("import_v2").err

    for number in OWNERS_FIRST:
        done = manage("import_v2", "--organization", ids(v2)[number])
        assert f"Migration {names[number]}: finished" in done.out
    before = digest(*names)
    for one in ids(v2):
        assert "nothing to do" in manage("import_v2", "--organization", one).out
    assert digest(*names) == before
    assert "Migration" in manage("status_v2").out
    assert all(name in manage("status_v2").out for name in names)


def test_a_name_that_another_organization_has_is_refused_with_what_to_do(v2: V2) -> None:
    one, two, _ = ids(v2)
    manage("import_v2", "--name", "night", "--organization", one)

    done = manage("import_v2", "--name", "night", "--organization", two)

    assert done.status == 1
    assert "give that one another --name" in done.err
    assert done.err.count("\n") == 1


def test_two_organizations_together_and_ids_that_begin_alike_have_names_of_their_own(
    v2: V2,
) -> None:
    one, two, three = ids(v2)
    twin = one[:13] + three[13:]
    v2.execute("UPDATE Organization SET Id = ? WHERE Id = ?", (twin, three))
    today = datetime.now(UTC).strftime("v2_migration_%Y_%m_%d")

    outs = [
        manage("import_v2", "--organization", one).out,
        manage("import_v2", "--organization", twin).out,
        manage("import_v2", "--organization", two, "--organization", twin, "--limit", "1").out,
    ]

    assert f"Migration {today}_{one[:8]}: finished" in outs[0]
    assert f"Migration {today}_{twin[:13]}: finished" in outs[1]
    assert f"Migration {today}_{min(two, twin)[:8]}_and_1_more: limited" in outs[2]


@pytest.fixture
def clean(v2_path: Path) -> V2:
    """Return a v2 without a fault: three organizations, and the third answers the second's form."""
    v2 = make_v2(v2_path, organizations=[{"Name": "A"}, {"Name": "B"}, {"Name": "C"}])
    for number, row in enumerate(v2.organizations):
        own = {"OrganizationId": row["Id"]}
        (form,) = v2.add("forms", own | {"Name": f"Form {number}"})
        (what,) = v2.add("fields", {"FormTypeId": form["Id"], "Name": "what"})
        v2.add("users", own | {"Email": "same@example.org"})
        for code in range(5):
            (submission,) = v2.add(
                "submissions", {"FormTypeId": form["Id"], "LookupCode": f"No {code}"}
            )
            v2.add("answers", {"FormSubmissionId": submission["Id"], "FieldId": what["Id"]})
    v2.add(
        "submissions",
        {"FormTypeId": v2.forms[1]["Id"], "OrganizationId": ids(v2)[2], "LookupCode": "shared"},
    )
    return v2


def test_each_is_proven_undone_and_done_again_without_touching_the_others(clean: V2) -> None:
    a, b, c = ids(clean)
    for one, name in ((a, "A"), (b, "B"), (c, "C")):
        assert manage("import_v2", "--name", name, "--organization", one).status == 0
    whole = rows()
    for one in (a, b, c):
        assert manage("verify_v2", "--organization", one).status == 0, one
    others = digest("B", "C")

    query("UPDATE submissions SET data = '{\"what\": \"other\"}' WHERE submission_number = 'No 2'"
          " AND organization_id = %s", (a,))  # fmt: skip
    assert manage("verify_v2", "--organization", a).status == 3
    assert manage("verify_v2", "--organization", b).status == 0

    # It was changed since, as the application does: it goes only where one says so.
    done = manage("rollback_v2", "--organization", a, "--include-modified", "--no-input")
    assert done.status == 0, done
    assert digest("B", "C") == others
    assert query("SELECT count(*) FROM submissions WHERE organization_id = %s", (a,)) == [(0,)]
    assert manage("rollback_v2", "--organization", b, "--no-input").status != 0
    assert digest("B", "C") == others

    assert manage("import_v2", "--organization", a, "--name", "A").status == 0
    assert rows() == whole
    assert manage("verify_v2", "--organization", a).status == 0
    assert digest("B", "C") == others
