"""COPY into v3: what goes in, what is refused and left out (M1, R7)."""

import re
from collections import Counter
from typing import Any

import orjson
import pytest

from tests.batches import NOW, ORGANIZATION, batch, checkpoint, in_v3, outcome, user_id
from tests.factories import UserFactory
from tests.runs import errors, query
from transfer import load
from transfer.batch_copy import BatchCopy
from transfer.ledger import Ledger
from transfer.load import Loader
from transfer.mapping.codes import Code
from transfer.mapping.findings import AnswerLedger, Finding, Outcome

pytestmark = pytest.mark.django_db(transaction=True)


# A clean batch


def test_a_clean_batch_goes_in_with_one_copy_and_no_query_a_row(
    loader: Loader, statements: list[str]
) -> None:
    statements.clear()

    result = loader.load(batch(*map(outcome, range(50))))

    assert (result.records.migrated, result.records.failures, result.findings) == (50, 0, [])
    assert [s for s in statements if s.startswith("COPY")] == ['COPY "users"']
    assert len(statements) <= 4
    assert checkpoint() == ("in_progress", 50, 0, "key 1")


@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_batch_of_any_size_moves_the_checkpoint(loader: Loader, size: int) -> None:
    assert loader.load(batch(*map(outcome, range(size)))).records.migrated == size
    assert in_v3() == list(range(size))
    assert checkpoint() == ("in_progress", size, 0, "key 1")


def test_values_arrive_as_they_were_mapped(loader: Loader) -> None:
    email = 'tab\there\\N "quoted" \\. ü😀\r\n'
    auth = {"name": 'a\\b"c\n\t\x01', "n": None}

    loader.load(batch(outcome(1, email=email, auth_data=orjson.dumps(auth), status="inactive")))

    rows = query("SELECT email, auth_data::text, status::text, created_at FROM users")
    assert [(row[0], orjson.loads(row[1]), *row[2:]) for row in rows] == [
        (email, auth, "inactive", NOW)
    ]


# Refused rows

REFUSED: dict[str, dict[str, Any]] = {
    "22001": {"email": "x" * 300},
    "22P02 enum": {"status": "asleep"},
    "22P02 uuid": {"id": "not-a-guid"},
    "22P02 json": {"auth_data": b'{"a": 1,\n"b": }'},
    "22P05": {"auth_data": b'{"a": "\\u0000"}'},
    "22021": {"organization_id": "\x00"},
    "23502": {"email": None},
    "23503": {"organization_id": user_id(99)},
}
CODES = {"22001": "value_too_long"}
COLUMNS = {
    "22001": "email", "22P02 enum": "status", "22P02 uuid": "id", "22P02 json": "auth_data",
    "22P05": "auth_data", "23502": "email", "23503": "users_organization_id_fkey",
}  # fmt: skip


@pytest.mark.parametrize("place", [0, 4, 8])
@pytest.mark.parametrize("kind", REFUSED)
def test_r7_one_refused_row_is_left_out_wherever_it_stands(
    loader: Loader, kind: str, place: int
) -> None:
    outcomes = [outcome(n) for n in range(9)]
    outcomes[place] = outcome(place, **REFUSED[kind])

    result = loader.load(batch(*outcomes))

    assert in_v3() == [n for n in range(9) if n != place]
    assert (result.records.migrated, result.records.failures) == (8, 1)
    code = CODES.get(kind[:5], "refused_by_postgresql")
    assert result.records == Ledger(read=9, migrated=8, failed=Counter({code: 1}))
    assert result.answers == Ledger(read=9, migrated=8, failed=Counter({code: 1}))
    (error,) = errors()
    assert (error["code"], error["severity"]) == (code, "error")
    assert error["record_id"] == outcomes[place].record_id
    assert error["error_message"].startswith(f"PostgreSQL refused the row ({kind[:5]}): ")
    assert error["column_name"] == COLUMNS.get(kind, "")
    assert error["error_detail"]["Email"] == "as in v2"
    assert checkpoint() == ("in_progress", 8, 1, "key 1")


@pytest.mark.parametrize("at_once", [7, 500])
@pytest.mark.parametrize(
    "refused", [[], range(0, 40, 10), range(40), range(1, 40, 2), (0, 6, 7, 39)]
)
@pytest.mark.parametrize("kind", ["22001", "23503", "23503 each its own"])
def test_r7_any_number_of_refused_rows_leaves_the_rest(
    loader: Loader, refused: Any, kind: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "ROWS_A_COPY", at_once)
    changes = dict.fromkeys(refused, REFUSED[kind[:5]])
    if kind.endswith("own"):
        changes = {n: {"organization_id": user_id(1000 + n)} for n in refused}
    outcomes = [outcome(n, **changes.get(n, {})) for n in range(40)]

    result = loader.load(batch(*outcomes))

    assert in_v3() == [n for n in range(40) if n not in changes]
    assert result.records.failures == len(changes)
    assert [error["record_id"] for error in errors()] == [user_id(n) for n in sorted(changes)]


@pytest.mark.parametrize("kind", ["22001", "23503", "23505"])
@pytest.mark.parametrize("place", [0, 1, 500, 998, 999])
def test_one_refused_row_of_a_thousand_sends_at_most_half_the_batch_again(
    loader: Loader, kind: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"email": f"user{place - 1 if place else 1}@example.org"}
    changes = {"23505": other, **REFUSED}[kind]
    outcomes = [outcome(n, **(changes if n == place else {})) for n in range(1000)]
    sent: list[int] = []
    real = BatchCopy.whole

    def counting(self: BatchCopy, lines: Any) -> Any:
        if lines:
            sent.append(len(lines))
        return real(self, lines)

    monkeypatch.setattr(BatchCopy, "whole", counting)

    result = loader.load(batch(*outcomes))

    assert result.records.failures == 1
    assert sum(sent) <= 1000 + load.ROWS_A_COPY
    assert len(sent) <= 9


def test_rows_refused_for_different_reasons_each_keep_their_own(loader: Loader) -> None:
    kinds = list(REFUSED)
    outcomes = [outcome(3 * n + 1, **REFUSED[kind]) for n, kind in enumerate(kinds)]
    outcomes += [outcome(3 * n) for n in range(len(kinds))]
    outcomes.sort(key=lambda o: o.record_id)

    loader.load(batch(*outcomes))

    found = {e["record_id"]: re.search(r"\((\w+)\)", e["error_message"]) for e in errors()}
    states = {record: match.group(1) for record, match in found.items() if match}
    assert states == {
        outcome(3 * n + 1, **REFUSED[kind]).record_id: kind[:5] for n, kind in enumerate(kinds)
    }
    assert in_v3() == [3 * n for n in range(len(kinds))]


def test_a_key_that_two_rows_of_a_batch_want_goes_to_the_first(loader: Loader) -> None:
    twice = [outcome(n, email="same@example.org") for n in (1, 2)]

    result = loader.load(batch(outcome(0), *twice, outcome(3)))

    assert in_v3() == [0, 1, 3]
    (error,) = errors()
    assert error["record_id"] == user_id(2)
    assert (error["code"], error["column_name"]) == ("value_taken", "unique_email_per_org")
    assert result.records.failures == 1


def test_m1_two_v2_rows_of_one_id_are_a_row_and_an_error(loader: Loader) -> None:
    """A copy made by hand may hold an id in both cases; the rest of the batch must go on."""
    result = loader.load(batch(outcome(1), outcome(2), outcome(2, email="other@example.org")))

    assert in_v3() == [1, 2]
    assert (result.records.migrated, result.records.failures) == (2, 1)
    assert [error["record_id"] for error in errors()] == [user_id(2)]
    assert query("SELECT email FROM users ORDER BY id") == [
        ("user1@example.org",), ("user2@example.org",),
    ]  # fmt: skip


def test_what_the_mapping_remarked_on_a_refused_row_is_not_kept(loader: Loader) -> None:
    warned = outcome(1, email="x" * 300)
    warned.findings.append(Finding(Code.TEXT_CLEANED, "User", warned.record_id, "cleaned"))

    loader.load(batch(warned))

    assert [error["code"] for error in errors()] == ["value_too_long"]


def test_a_record_the_mapping_refused_is_an_error_and_no_row(loader: Loader) -> None:
    finding = Finding(Code.EMAIL_MISSING, "User", user_id(1), "no email", "Email", {"Id": "1"})
    failed = Outcome(user_id(1), None, [finding], AnswerLedger(failed=3))

    result = loader.load(batch(outcome(0), failed))

    assert (result.records.migrated, result.records.failures) == (1, 1)
    assert result.answers == Ledger(4, 1, failed=Counter(email_missing=3))
    (error,) = errors("email_missing")
    assert (error["column_name"], error["error_detail"]) == ("Email", {"Id": "1"})


# Ids that are taken


def test_m1_a_row_of_this_migration_that_is_there_counts_and_is_not_touched(
    loader: Loader,
) -> None:
    UserFactory(
        id=user_id(1), organization_id=ORGANIZATION, migration_batch="night", email="mine@x.org"
    )

    result = loader.load(batch(*map(outcome, range(3))))

    assert (result.records.migrated, result.records.failures) == (3, 0)
    assert errors() == []
    assert query("SELECT email FROM users WHERE id = %s", [user_id(1)]) == [("mine@x.org",)]


@pytest.mark.parametrize("batch_name", [None, "another night"])
def test_m1_an_id_that_came_from_elsewhere_is_an_error_and_is_not_touched(
    loader: Loader, batch_name: str | None
) -> None:
    UserFactory(
        id=user_id(1), organization_id=ORGANIZATION, migration_batch=batch_name, email="old@x.org"
    )

    result = loader.load(batch(*map(outcome, range(3))))

    assert (result.records.migrated, result.records.failures) == (2, 1)
    (error,) = errors()
    assert (error["code"], error["record_id"]) == ("id_taken", user_id(1))
    assert error["error_detail"]["Id"] == user_id(1)
    assert query("SELECT email FROM users WHERE id = %s", [user_id(1)]) == [("old@x.org",)]
