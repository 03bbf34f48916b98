import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.unit.mapping.build import (
    ORG,
    OTHER_ORG,
    SUBMISSION,
    at,
    mapped,
    metadata,
    reference,
    uid,
)
from tests.unit.mapping.oracles import assign_numbers
from transfer.mapping.codes import Code
from transfer.mapping.numbers import Number, fallback_number, number_fault
from transfer.mapping.text import clean

EARLY, LATE = at("2020-01-01T00:00:00"), at("2024-01-01T00:00:00")


@pytest.mark.parametrize(
    ("lookup_code", "fault"),
    [
        ("LR-1", None),
        (" ", None),
        ("x" * 50, None),
        ("😀" * 50, None),
        (None, Code.NUMBER_MISSING),
        ("", Code.NUMBER_MISSING),
        ("x" * 51, Code.NUMBER_TOO_LONG),
        ("\ud83d\ude00" * 50, None),  # the halves of 50 characters
        ("\ud83d" * 51, Code.NUMBER_TOO_LONG),
    ],
)
def test_m12_what_a_lookup_code_alone_can_lack(lookup_code, fault):
    assert number_fault(lookup_code) == fault


def test_m12_a_number_made_from_the_id_has_as_many_digits_as_it_needs():
    v2_id = "01234567-89AB-cdef-0123-456789abcdef"

    assert fallback_number(v2_id, 8) == "V2-01234567"
    assert fallback_number(v2_id, 9) == "V2-012345678"
    assert fallback_number(v2_id, 32) == "V2-0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("digits", [0, 7, 33])
def test_m12_a_number_made_from_the_id_has_8_to_32_digits(digits):
    with pytest.raises(ValueError, match="8 to 32"):
        fallback_number(uid(1), digits)


def test_m12_the_lookup_code_is_the_number():
    outcome = mapped(reference(), lookup_code=" LR-7 ")

    assert outcome.row is not None
    assert outcome.row.submission_number == " LR-7 "
    assert metadata(outcome) == {}
    assert outcome.findings == []


@pytest.mark.parametrize(
    ("lookup_code", "code"),
    [
        (None, Code.NUMBER_MISSING),
        ("", Code.NUMBER_MISSING),
        ("x" * 60, Code.NUMBER_TOO_LONG),
        ("LR-1", Code.NUMBER_DUPLICATE),
    ],
)
def test_m12_a_number_that_stands_in_is_told_and_the_original_kept(lookup_code, code):
    number = Number("V2-00000064", code)

    outcome = mapped(reference(), lookup_code=lookup_code, number=number)

    assert outcome.row is not None
    assert outcome.row.submission_number == "V2-00000064"
    assert metadata(outcome) == {"legacy_number": lookup_code}
    (warning,) = outcome.findings
    assert (warning.code, warning.v2_table, warning.record_id, warning.column) == (
        code,
        "FormSubmission",
        SUBMISSION,
        "LookupCode",
    )
    assert warning.detail is not None
    assert warning.detail["LookupCode"] == lookup_code


def test_m04_m12_a_lookup_code_is_cleaned():
    outcome = mapped(reference(), lookup_code="LR\x00")

    assert outcome.row is not None
    assert outcome.row.submission_number == "LR\ufffd"
    assert [finding.code for finding in outcome.findings] == [Code.TEXT_CLEANED]


# What the oracle says, by which the engine's way over whole tables is judged.


def test_m12_of_two_same_lookup_codes_the_earlier_created_keeps_it():
    rows = [(uid(1), ORG, LATE, "A"), (uid(2), ORG, EARLY, "A"), (uid(3), OTHER_ORG, LATE, "A")]

    assert assign_numbers(rows, set()) == {uid(1): Number("V2-00000001", Code.NUMBER_DUPLICATE)}


def test_m12_of_two_created_together_the_lower_id_keeps_it():
    rows = [(uid(2), ORG, EARLY, "A"), (uid(1), ORG, EARLY, "A")]

    assert list(assign_numbers(rows, set())) == [uid(2)]


def test_m12_case_and_blanks_make_another_number():
    rows = [(uid(n), ORG, EARLY, code) for n, code in enumerate(["a", "A", "a "], 1)]

    assert assign_numbers(rows, set()) == {}


def test_m12_a_number_v3_has_already_is_used_before():
    rows = [(uid(1), ORG, EARLY, "A"), (uid(2), ORG, LATE, None)]

    numbers = assign_numbers(rows, {(ORG, "A"), (ORG, "V2-00000002")})

    assert numbers == {
        uid(1): Number("V2-00000001", Code.NUMBER_DUPLICATE),
        uid(2): Number("V2-000000020", Code.NUMBER_MISSING),
    }


def test_m12_a_number_from_the_id_avoids_every_lookup_code_even_a_later_one():
    rows = [
        (uid(1), ORG, EARLY, None),
        (uid(2), ORG, LATE, "V2-00000001"),
        (uid(3), OTHER_ORG, LATE, "V2-000000010"),
    ]

    assert assign_numbers(rows, set()) == {uid(1): Number("V2-000000010", Code.NUMBER_MISSING)}


def test_m12_two_ids_that_begin_alike_get_numbers_of_their_own():
    one, other = "aaaaaaaa-0000-0000-0000-000000000000", "aaaaaaaa-0000-0000-0000-000000000001"

    numbers = assign_numbers([(other, ORG, EARLY, ""), (one, ORG, LATE, "")], set())

    assert [numbers[key].value for key in (other, one)] == ["V2-aaaaaaaa", "V2-aaaaaaaa0"]


rows_of_numbers = st.lists(
    st.tuples(
        st.sampled_from([ORG, OTHER_ORG]),
        st.sampled_from([EARLY, LATE]),
        st.sampled_from(["A", "A\x00", "", None, "x" * 51, "V2-00000001", "V2-000000010"]),
    ),
    max_size=10,
).map(lambda rows: [(uid(number), *row) for number, row in enumerate(rows, 1)])


@PROPERTY
@given(rows_of_numbers, st.data())
def test_m12_numbers_are_unique_in_an_organization_whatever_the_order_of_rows(rows, draw):
    taken = {(ORG, "A"), (OTHER_ORG, "V2-00000001")}

    numbers = assign_numbers(rows, taken)

    final = [
        (row[1], numbers[row[0]].value if row[0] in numbers else clean(row[3])) for row in rows
    ]
    assert len(set(final)) == len(rows)
    assert not taken.intersection(final)
    assert all(len(number) <= 50 for _, number in final)
    assert assign_numbers(draw.draw(st.permutations(rows)), taken) == numbers
