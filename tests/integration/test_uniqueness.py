"""Decisions that need a whole table (M6, M12), against slow and obvious ways to them."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.factories import FormFactory, OrganizationFactory, SubmissionFactory, UserFactory
from tests.runs import query
from tests.unit.mapping.oracles import assign_numbers
from transfer.mapping.codes import Code
from transfer.mapping.numbers import Number, number_fault
from transfer.mapping.text import clean
from transfer.mapping.users import email_key
from transfer.target import Target
from transfer.uniqueness import Assignments, Claim

pytestmark = pytest.mark.django_db(transaction=True)

ORGANIZATIONS = [f"0000000{n}-0000-4000-8000-00000000000a" for n in (1, 2)]
FORM = "00000000-0000-4000-8000-00000000000f"
# Ids that share their first eight digits, their first nine, or none.
IDS = [
    "aaaaaaaa-0000-4000-8000-000000000001",
    "aaaaaaaa-0000-4000-8000-000000000002",
    "aaaaaaaa-1000-4000-8000-000000000003",
    "AAAAAAAA-2000-4000-8000-00000000000B".lower(),
    "bbbbbbbb-0000-4000-8000-000000000004",
    "0a000000-0000-4000-8000-000000000005",
    "ffffffff-ffff-4fff-bfff-ffffffffffff",
]
TIMES = [datetime(2024, 1, day) for day in (1, 2)]  # noqa: DTZ001 - v2's times have no zone
CODES = [
    None, "", "A", "a", "É", "x" * 50, "x" * 51, "y" * 60, "V2-aaaaaaaa", "V2-aaaaaaaa0",
    "V2-aaaaaaaa00", "V2-AAAAAAAA", "V2-bbbbbbbb", "n\x00", "n\ufffd", " A",
]  # fmt: skip

NUMBERS = [code for code in CODES if code and "\0" not in code and len(code) <= 50]
LAST = datetime(9999, 1, 1)  # noqa: DTZ001 - as TIMES


class Row(NamedTuple):
    id: str
    organization: str
    created_on: datetime | None
    value: str | None


class Present(NamedTuple):
    """A row of v3: v3's own or (with a name) migrated; of an id of v2 or another."""

    id: str
    organization: str
    value: str
    migration: str | None

    def counts(self, v2_ids: Iterable[str]) -> bool:
        """Whether v2's rows have to make way: not for those that are the same rows."""
        return self.migration is None or self.id not in v2_ids


def rows(values: st.SearchStrategy[str | None]) -> st.SearchStrategy[list[Row]]:
    return st.lists(
        st.builds(
            Row,
            st.sampled_from(IDS),
            st.sampled_from(ORGANIZATIONS),
            st.sampled_from([*TIMES, None]),
            values,
        ),
        unique_by=lambda row: row.id,
    )


def presents(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[Present]]:
    return st.lists(
        st.builds(
            Present,
            st.sampled_from([*IDS, *(f"{n:08x}-0000-4000-9000-000000000000" for n in range(4))]),
            st.sampled_from(ORGANIZATIONS),
            values,
            st.sampled_from([None, "night", "another night"]),
        ),
        max_size=4,
        unique_by=(lambda row: row.id, lambda row: (row.organization, row.value)),
    )


@pytest.fixture
def target() -> Iterator[Target]:
    for one in ORGANIZATIONS:
        OrganizationFactory(id=one)
    FormFactory(id=FORM, organization_id=ORGANIZATIONS[0])
    with closing(Target("test", exclusive=False)) as opened:
        yield opened


def decided(
    target: Target, table: str, claims: list[Claim], *, dry: bool = False
) -> dict[str, Number]:
    """What is decided about the claims, in a transaction of its own."""
    # The connection that decides is the one that looks up; only a dry run's temporary table
    # needs that.
    assignments = Assignments("night", table, dry=dry)
    with target.reader.transaction():
        if table == "users":
            assignments.decide_emails(target.reader, claims)
        else:
            assignments.decide_numbers(target.reader, claims)
    return assignments.lookup(target, [claim.id for claim in claims])


def put(present: list[Present], table: str) -> None:
    for emptied in ("submissions", "users", "migration_assignments"):
        query(f"DELETE FROM {emptied}")
    for row in present:
        metadata = f'{{"migration_batch": "{row.migration}"}}' if row.migration else "{}"
        if table == "users":
            query(
                "INSERT INTO users (id, organization_id, email, metadata) VALUES (%s, %s, %s, %s)",
                [row.id, row.organization, row.value, metadata],
            )
        else:
            query(
                "INSERT INTO submissions (id, organization_id, form_id, submission_number,"
                " metadata) VALUES (%s, %s, %s, %s, %s)",
                [row.id, row.organization, FORM, row.value, metadata],
            )


# Submission numbers, by M12


def number_claims(v2: list[Row]) -> list[Claim]:
    claims = []
    for row in v2:
        fault = number_fault(row.value)
        value = clean(row.value or "") if fault is None else None
        claims.append(Claim(row.id, row.organization, _time(row), value, fault))
    return claims


def _time(row: Row) -> str | None:
    return row.created_on.isoformat(" ") if row.created_on else None


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120, deadline=None
)
@given(
    rows(st.sampled_from(CODES)),
    presents(st.sampled_from(NUMBERS)),
)
@example(  # a later lookup code takes the eight digits, an earlier row's own number the nine
    [
        Row(IDS[0], ORGANIZATIONS[0], TIMES[0], None),
        Row(IDS[1], ORGANIZATIONS[0], TIMES[0], None),
        Row(IDS[4], ORGANIZATIONS[0], None, "V2-aaaaaaaa"),
    ],
    [],
)
def test_m12_numbers_are_those_of_the_slow_way(
    target: Target, v2: list[Row], present: list[Present]
) -> None:
    put(present, "submissions")
    ids = {row.id for row in v2}
    taken = {(row.organization, row.value) for row in present if row.counts(ids)}

    expected = assign_numbers(
        [(row.id, row.organization, row.created_on or LAST, row.value) for row in v2],
        taken,
    )

    assert decided(target, "submissions", number_claims(v2)) == expected


@pytest.mark.parametrize("order", [1, -1])
def test_m1_the_order_of_reading_decides_nothing(target: Target, order: int) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], "A") for one in IDS][::order]

    found = decided(target, "submissions", number_claims(v2))

    assert set(found) == set(IDS) - {min(IDS)}


def test_m12_a_dry_run_decides_the_same_and_leaves_nothing(target: Target) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], "A") for one in IDS]
    real = decided(target, "submissions", number_claims(v2))
    query("TRUNCATE migration_assignments")

    dry = decided(target, "submissions", number_claims(v2), dry=True)

    assert dry == real
    assert query("SELECT * FROM migration_assignments") == []


def test_r2_deciding_again_after_a_lost_answer_to_the_commit_changes_nothing(
    target: Target,
) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], "A") for one in IDS]
    first = decided(target, "submissions", number_claims(v2))

    assert decided(target, "submissions", number_claims(v2)) == first


def test_nothing_to_decide_costs_no_query_a_batch(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignments = Assignments("night", "submissions", dry=False)
    with target.reader.transaction():
        assignments.decide_numbers(target.reader, [])
    assert assignments.lookup(target, IDS) == {}

    def fail(*_args: object) -> None:
        raise AssertionError("a query")

    monkeypatch.setattr(target, "read", fail)
    assert assignments.lookup(target, IDS) == {}


def test_r7_an_id_that_is_no_id_is_looked_up_as_nothing(target: Target) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], "A") for one in IDS]
    decided(target, "submissions", number_claims(v2))

    found = Assignments("night", "submissions", dry=False).lookup(
        target, ["not-a-guid", *IDS[:2], "None"]
    )

    assert found.keys() <= set(IDS[:2])
    assert found


def test_r7_decisions_are_looked_up_again_where_the_connection_is_lost(target: Target) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], None) for one in IDS]
    before = decided(target, "submissions", number_claims(v2))
    query("SELECT pg_terminate_backend(%s)", [target.reader.info.backend_pid])

    assert Assignments("night", "submissions", dry=False).lookup(target, IDS) == before


# Emails, by M6

EMAILS = ["a@x.org", "A@X.ORG", "b@x.org", "é@x.org", "É@x.org", "straße@x.org", "STRASSE@x.org",
          "a@x.org ", "n\x00", "n\ufffd"]  # fmt: skip
PRESENT_EMAILS = [email for email in EMAILS if "\0" not in email]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None
)
@given(rows(st.sampled_from(EMAILS)), presents(st.sampled_from(PRESENT_EMAILS)))
def test_m6_the_later_of_one_email_whatever_its_case(
    target: Target, v2: list[Row], present: list[Present]
) -> None:
    put(present, "users")
    ids = {row.id for row in v2}
    taken = {(row.organization, email_key(row.value)) for row in present if row.counts(ids)}
    later = set()
    for row in sorted(v2, key=lambda row: (row.created_on or LAST, UUID(row.id))):
        assert row.value
        key = (row.organization, email_key(row.value))
        if key in taken:
            later.add(row.id)
        taken.add(key)

    claims = [
        Claim(row.id, row.organization, _time(row), email_key(row.value or ""), None) for row in v2
    ]
    assert decided(target, "users", claims) == {
        one: Number("", Code.EMAIL_DUPLICATE) for one in later
    }


def test_the_factories_rows_and_these_are_of_one_kind(target: Target) -> None:
    """``put`` writes by hand, for speed; a row of v3's own code is the same to a decision."""
    submission = SubmissionFactory(submission_number="A")
    user = UserFactory(email="A@x.org")
    organizations = str(submission.organization_id), str(user.organization_id)
    one, other = str(uuid4()), str(uuid4())

    claim = Claim(one, organizations[0], None, "A", None)
    assert decided(target, "submissions", [claim])[one].code is Code.NUMBER_DUPLICATE
    claim = Claim(other, organizations[1], None, "a@x.org", None)
    assert decided(target, "users", [claim])[other].code is Code.EMAIL_DUPLICATE
