"""What one migration left open is settled by whoever imports next, and said."""

from pathlib import Path

import pytest

from tests.integration.deferral.common import (
    deferred,
    in_submissions,
    indexes,
    unsettled,
)
from tests.integration.preflight.checking import check, lines
from tests.runs import Quiet, documents, errors, query, rich_v2, run
from tests.v2 import V2
from transfer.preflight.lines import Status
from transfer.status import read_status
from transfer.verify import VerifyOptions, verify

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def v2(v2_path: Path) -> V2:
    return rich_v2(v2_path)


def dead(v2: V2, *, form_gone: bool = False) -> None:
    """Begin the first organization's migration with keys off, and die among its submissions."""

    def die() -> None:
        raise MemoryError

    def lose() -> None:
        if form_gone:
            query("DELETE FROM forms WHERE id = %s", (v2.forms[1]["Id"],))

    with pytest.raises(MemoryError):
        run(
            in_submissions(lose, lambda: None, lambda: None, die),
            name="one",
            batch_size=4,
            organizations=[v2.organizations[0]["Id"]],
            defer_constraints=True,
        )
    assert {(migration, table) for migration, table, *_ in unsettled()} == {("one", "submissions")}


def other(v2: V2, *, option: bool) -> list[str]:
    """Import the second organization under a name of its own; what it said."""
    observer = Quiet()
    report = run(
        observer,
        name="two",
        batch_size=4,
        organizations=[v2.organizations[1]["Id"]],
        defer_constraints=option,
    )
    assert report.outcome == "finished"
    return observer.remarks


def completed(name: str) -> bool:
    return query(
        "SELECT bool_and(status = 'completed') FROM migration_progress WHERE migration_name = %s",
        (name,),
    ) == [(True,)]


@pytest.mark.parametrize("option", [True, False])
def test_the_next_import_builds_the_indexes_and_proves_the_keys(v2: V2, option: bool) -> None:
    before = indexes()
    dead(v2)

    said = other(v2, option=option)

    assert said[0].startswith("'one' left submissions with ")
    assert said[0].endswith("; this is settled first")
    assert "2 foreign key(s) proven" in said[1]
    assert indexes() == before
    assert unsettled() == []
    assert (completed("two"), completed("one")) == (True, False)
    deferred(name="one", organizations=[v2.organizations[0]["Id"]])
    assert completed("one")
    assert indexes() == before


def test_r1_the_next_import_records_the_other_s_orphans_as_the_other_s(v2: V2) -> None:
    dead(v2, form_gone=True)
    orphans = query("SELECT count(*) FROM submissions WHERE form_id NOT IN (SELECT id FROM forms)")
    assert orphans[0][0] > 0

    other(v2, option=False)

    refused = errors("refused_by_postgresql")
    assert {error["migration_name"] for error in refused} == {"one"}
    assert len(refused) == orphans[0][0]
    assert unsettled() == []
    deferred(name="one", organizations=[v2.organizations[0]["Id"]])
    assert completed("one")


def test_orphans_from_another_v2_wait_for_their_own_import(v2: V2) -> None:
    """Their records cannot be read again in this one."""
    before = indexes()
    dead(v2, form_gone=True)
    query('UPDATE migration_progress SET fingerprint = fingerprint || \'{"source": "elsewhere"}\'')
    rows = len(documents("submissions"))

    said = other(v2, option=False)

    assert any("break submissions_form_id_fkey" in line and "'one'" in line for line in said)
    assert indexes() == before
    assert {(migration, kind) for migration, _, kind, _ in unsettled()} == {("one", "foreign_key")}
    assert completed("two")
    assert len(documents("submissions")) > rows


def test_a_finished_migration_run_again_says_what_another_left(v2: V2) -> None:
    other(v2, option=False)
    dead(v2)
    left = unsettled()
    observer = Quiet()

    report = run(observer, name="two", organizations=[v2.organizations[1]["Id"]])

    assert report.outcome == "nothing to do"
    (said,) = observer.remarks
    assert said.startswith("'one' left ")
    assert said.endswith("to go on: import_v2 --name one")
    assert unsettled() == left


def test_r9_every_command_says_what_is_put_off_and_what_brings_it_back(v2: V2) -> None:
    """A sound migration beside one that died fails for an index that it did not drop itself."""
    other(v2, option=False)
    dead(v2)
    left = "submissions: 3 index(es) dropped"

    of_one, of_two = read_status("one")[0].notes, read_status("two")[0].notes
    assert [note for note in of_one if left in note and "2 foreign key(s) unproven" in note]
    assert not [note for note in of_two if left in note]
    (line,) = lines(check(), "v3", "keys and indexes")
    assert line.status is Status.WARNING
    assert line.found.startswith("the load of 'one' left submissions with 3 index(es) dropped")
    assert "import_v2 --name one" in line.action
    (lost,) = [one for one in verify(VerifyOptions(name="two")).checks if one.name == "Indexes"]
    assert (
        "idx_submissions_form is missing or not valid: the load of 'one' dropped it, and "
        "import_v2 --name one builds it again" in lost.faults
    )
