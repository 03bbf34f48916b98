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
from transfer import uniqueness
from transfer.lookup_codes import Keys, Wishes, keys_of, sortable
from transfer.mapping.codes import Code
from transfer.mapping.numbers import Number
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
    "V2-aaaaaaaa00", "V2-AAAAAAAA", "V2-bbbbbbbb", "n\x00", "n\ufffd", "n\ud800", " A", "\\N",
    "a\tb\\", "\r\n", "\ud83d\ude00", "\U0001f600", "x" * 49 + "\ud83d\ude00",
]  # fmt: skip

NUMBERS = [code for code in CODES if code and clean(code) == code and len(code) <= 50]
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


class Table(list[Row]):
    """v2's submissions, as a source gives them: in pages, of two rows each."""

    def all_keys(self) -> Iterator[Keys]:
        for page in self._pages():
            yield keys_of([row.organization for row in page], [row.value for row in page])

    def wishes(self) -> Iterator[Wishes]:
        for page in self._pages():
            ids, organizations, times, codes = zip(*page, strict=True)
            yield Wishes(ids, organizations, codes, times)

    def _pages(self) -> Iterator[list[Row]]:
        yield from (self[start : start + 2] for start in range(0, len(self), 2))


def decided(target: Target, v2: list[Row], *, dry: bool = False) -> dict[str, Number]:
    """What is decided about the numbers of these submissions, in a transaction of its own."""
    # The connection that decides is the one that looks up; only a dry run's temporary table
    # needs that.
    assignments = Assignments("night", "submissions", dry=dry)
    with target.reader.transaction():
        assignments.decide_numbers(target.reader, Table(v2))
    return assignments.lookup(target, [row.id for row in v2])


def decided_emails(target: Target, claims: list[Claim]) -> dict[str, Number]:
    """What is decided about these claims."""
    assignments = Assignments("night", "users", dry=False)
    with target.reader.transaction():
        assignments.decide_emails(target.reader, claims)
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


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
@given(
    rows(st.sampled_from(CODES)),
    # An empty v3 is what most runs find: then only suspects are claims.
    st.one_of(st.just([]), presents(st.sampled_from(NUMBERS))),
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

    assert decided(target, v2) == expected


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
@given(rows(st.sampled_from(CODES)), st.sampled_from([0, 1]))
def test_r5_where_too_many_codes_are_shared_all_are_claims_and_decided_the_same(
    target: Target, v2: list[Row], bound: int
) -> None:
    put([], "submissions")
    few = decided(target, v2)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uniqueness, "SHARED_AT_MOST", bound)
        assert decided(target, v2) == few


@pytest.mark.parametrize("order", [1, -1])
def test_m1_the_order_of_reading_decides_nothing(target: Target, order: int) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], "A") for one in IDS][::order]

    found = decided(target, v2)

    assert set(found) == set(IDS) - {min(IDS)}


def test_m12_a_dry_run_decides_the_same_and_leaves_nothing(target: Target) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], "A") for one in IDS]
    real = decided(target, v2)
    query("TRUNCATE migration_assignments")

    dry = decided(target, v2, dry=True)

    assert dry == real
    assert query("SELECT * FROM migration_assignments") == []


def test_r2_deciding_again_after_a_lost_answer_to_the_commit_changes_nothing(
    target: Target,
) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], "A") for one in IDS]
    first = decided(target, v2)

    assert decided(target, v2) == first


@pytest.mark.parametrize("codes", [[], ["A"], ["A", "B"], ["A"] * 3])
def test_few_decisions_are_asked_for_once_whatever_the_number_of_batches(
    target: Target, monkeypatch: pytest.MonkeyPatch, codes: list[str]
) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], None, code) for one, code in zip(IDS, codes, strict=False)]
    before = decided(target, v2)
    assignments = Assignments("night", "submissions", dry=False)
    assignments.lookup(target, IDS)

    def fail(*_args: object) -> None:
        raise AssertionError("a query")

    monkeypatch.setattr(target, "read", fail)
    assert assignments.lookup(target, IDS) == before
    assert assignments.lookup(target, IDS[:1]) == {}


@pytest.mark.parametrize("bound", [5, 6])
def test_r5_many_decisions_are_looked_up_a_batch_at_a_time(
    target: Target, monkeypatch: pytest.MonkeyPatch, bound: int
) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], "A") for one in IDS]
    before = decided(target, v2)
    assert len(before) == 6
    monkeypatch.setattr(uniqueness, "DECISIONS_AT_MOST", bound)

    assignments = Assignments("night", "submissions", dry=False)
    found = [assignments.lookup(target, [one]) for one in IDS]

    assert found == [{one: before[one]} if one in before else {} for one in IDS]


def test_m12_what_is_decided_anew_is_looked_up_anew(target: Target) -> None:
    assignments = Assignments("night", "submissions", dry=False)
    for codes in (["A", "A"], ["A", "B"], [None, "A"]):
        v2 = [Row(one, ORGANIZATIONS[0], None, code) for one, code in zip(IDS, codes, strict=False)]
        with target.reader.transaction():
            assignments.decide_numbers(target.reader, Table(v2))

        assert assignments.lookup(target, IDS) == decided(target, v2)


def test_r7_an_id_that_is_no_id_is_looked_up_as_nothing(target: Target) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], "A") for one in IDS]
    decided(target, v2)

    found = Assignments("night", "submissions", dry=False).lookup(
        target, ["not-a-guid", *IDS[:2], "None"]
    )

    assert found.keys() <= set(IDS[:2])
    assert found


def test_r7_decisions_are_looked_up_again_where_the_connection_is_lost(target: Target) -> None:
    v2 = [Row(one, ORGANIZATIONS[0], TIMES[0], None) for one in IDS]
    before = decided(target, v2)
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
        Claim(row.id, row.organization, sortable(row.created_on), email_key(row.value or ""))
        for row in v2
    ]
    assert decided_emails(target, claims) == {
        one: Number("", Code.EMAIL_DUPLICATE) for one in later
    }


def test_the_factories_rows_and_these_are_of_one_kind(target: Target) -> None:
    """``put`` writes by hand, for speed; a row of v3's own code is the same to a decision."""
    submission = SubmissionFactory(submission_number="A")
    user = UserFactory(email="A@x.org")
    organizations = str(submission.organization_id), str(user.organization_id)
    one, other = str(uuid4()), str(uuid4())

    row = Row(one, organizations[0], None, "A")
    assert decided(target, [row])[one].code is Code.NUMBER_DUPLICATE
    claim = Claim(other, organizations[1], None, "a@x.org")
    assert decided_emails(target, [claim])[other].code is Code.EMAIL_DUPLICATE
