"""A hand-made copy of v2 may hold anything anywhere: that fails a record, never a run (R7)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.unit.mapping.build import (
    FORM,
    ORG,
    SUBMISSION,
    answer,
    choice,
    context,
    field,
    form,
    mapped,
    mapped_form,
    organization,
    parts,
    reference,
    setting,
    submission,
    uid,
    user,
    utc,
)
from transfer.mapping.codes import Code, Severity
from transfer.mapping.findings import AnswerLedger
from transfer.mapping.forms import FormParts, map_form
from transfer.mapping.layout import form_fields
from transfer.mapping.numbers import number_fault
from transfer.mapping.organizations import map_organization
from transfer.mapping.slugs import SlugRequest, assign_slugs
from transfer.mapping.submissions import map_submission
from transfer.mapping.text import clean, is_clean
from transfer.mapping.users import email_key, map_user

TIMES = [None, "2024-03-01", 7, utc("2024-03-01"), date(2024, 3, 1)]
TEXTS = [7, b"bytes", 1.5, ["list"], utc("2024-03-01")]
IDS = [None, 7, b"bytes", ["list"], "é\ud800"]


def cases(**columns):
    return [(name, value) for name, values in columns.items() for value in values]


def is_refused_for(value, outcome, table, record_id):
    """Null against v2's schema is one cause, a value of another type another."""
    (error,) = outcome.findings
    code = Code.VALUE_MISSING if value is None else Code.VALUE_UNUSABLE
    assert (error.code, error.v2_table, error.record_id) == (code, table, record_id)
    assert outcome.row is None
    assert len(error.message) <= 200
    return True


@pytest.mark.parametrize(("column", "value"), cases(name=[None, *TEXTS], created_on=TIMES, id=IDS))
def test_an_organization_with_a_wrong_value_is_an_error(column, value):
    row = organization()._replace(**{column: value})
    outcome = map_organization(row, "slug", context())

    assert is_refused_for(value, outcome, "Organization", clean(str(row.id)))


@pytest.mark.parametrize(
    ("column", "value"),
    cases(
        id=IDS,
        organization_id=IDS,
        email=TEXTS,
        user_name=TEXTS,
        first_name=TEXTS,
        last_name=TEXTS,
        is_active=[None, 2, "true"],
        created_on=TIMES,
        last_updated_on=TIMES[1:],
    ),
)
def test_a_user_with_a_wrong_value_is_an_error(column, value):
    row = user(**{column: value})
    outcome = map_user(row, context(), organizations={ORG}, duplicate=False)

    assert is_refused_for(value, outcome, "User", clean(str(row.id)))


FIELD = uid(200)


@pytest.mark.parametrize(
    ("part", "column", "value"),
    [
        *(
            ("form", *case)
            for case in cases(
                id=IDS,
                name=[None, *TEXTS],
                display_name=TEXTS,
                short_description=TEXTS,
                organization_id=IDS[1:],
                created_on=TIMES[1:],
            )
        ),
        *(
            ("field", *case)
            for case in cases(
                id=IDS,
                form_type_id=IDS,
                name=[None, *TEXTS],
                display_name=TEXTS,
                required=[None, 1, "x"],
                sort_order=["1", 1.5, True, 2**31, -(2**31) - 1],
                type_name=TEXTS,
            )
        ),
        *(
            ("setting", *case)
            for case in cases(id=IDS[1:], field_id=IDS, name=TEXTS, stored_value=TEXTS)
        ),
        *(
            ("map", *case)
            for case in cases(id=IDS[1:], field_id=IDS, choice_id=IDS, display_name=TEXTS)
        ),
    ],
)
def test_a_form_with_a_wrong_value_anywhere_is_an_error(part, column, value):
    rows = {
        "form": form(),
        "field": field(200),
        "setting": setting(1, FIELD, "Width", "1"),
        "map": choice(301, FIELD, 401, "Red"),
    }
    rows[part] = rows[part]._replace(**{column: value})
    story = FormParts(rows["form"], [rows["field"]], [rows["setting"]], [rows["map"]])
    outcome = map_form(story, "slug", context(), organizations={ORG})

    assert is_refused_for(value, outcome, "FormType", clean(str(rows["form"].id)))


@pytest.mark.parametrize(
    ("column", "value"),
    cases(
        id=IDS,
        form_type_id=IDS,
        status_id=IDS,
        lookup_code=[None, *TEXTS],
        created_on=TIMES,
        last_updated_on=TIMES[1:],
        organization_id=IDS[1:],
    ),
)
def test_a_submission_with_a_wrong_value_is_an_error_with_its_answers(column, value):
    row = submission(**{column: value})
    rows = [answer(1, FIELD, "x")]
    outcome = map_submission(row, rows, reference(field(200)), context(), None)

    assert is_refused_for(value, outcome, "FormSubmission", clean(str(row.id)))
    assert outcome.answers == AnswerLedger(failed=1)
    detail = outcome.findings[0].detail
    assert detail is not None
    assert len(detail["answers"]) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        *(answer(2, FIELD, text) for text in TEXTS),
        *(answer(2, field_id, "x") for field_id in IDS),
        *(answer(2, FIELD, None, chosen) for chosen in IDS[1:]),
    ],
)
def test_a_wrong_value_in_an_answer_fails_its_submission(wrong):
    outcome = mapped(reference(field(200), field(201, "Other")), answer(1, uid(201), "x"), wrong)

    value = next((value for value in wrong[1:4] if value is not None), None)
    assert is_refused_for(
        None if wrong[1] is None else value, outcome, "FormSubmission", SUBMISSION
    )
    assert outcome.answers == AnswerLedger(failed=2)


def test_layouts_and_slugs_of_rows_that_will_fail_are_made_all_the_same():
    (layout,) = form_fields([field(200, None, sort_order="x", type_name=7)], [], context())
    request = SlugRequest(FORM, "", 7, "2024-03-01", "form")

    assert (layout.name, layout.is_list) == ("", False)
    assert assign_slugs([request], ()) == {FORM: f"form-{FORM[:8]}"}


def test_what_is_decided_over_whole_tables_can_be_asked_of_any_value():
    for value in TEXTS:
        assert number_fault(value) is Code.NUMBER_MISSING
        assert email_key(value) == str(value).casefold()


junk = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.binary(), st.text(), st.datetimes()
)


@PROPERTY
@given(st.data())
def test_r7_whatever_a_row_holds_the_mapping_answers(draw):
    def spoil(row):
        at_risk = draw.draw(st.sets(st.integers(0, len(row) - 1), max_size=3))
        values = [draw.draw(junk) if n in at_risk else value for n, value in enumerate(row)]
        return type(row)(*values) if hasattr(row, "_fields") else tuple(values)

    story = parts(field(200), settings=[setting(1, FIELD, "Width", "1")])
    spoiled = FormParts(spoil(story.form), [spoil(story.fields[0])], [spoil(story.settings[0])], [])
    ctx = context()
    outcomes = [
        map_organization(spoil(organization()), "slug", ctx),
        map_user(spoil(user()), ctx, organizations={ORG}, duplicate=False),
        map_form(spoiled, "slug", ctx, organizations={ORG}),
        map_submission(
            spoil(submission()),
            [spoil(answer(1, FIELD, "x"))],
            reference(field(200)),
            ctx,
            None,
        ),
    ]

    for outcome in outcomes:
        errors = [f for f in outcome.findings if f.code.info.severity is Severity.ERROR]
        assert len(errors) == (outcome.row is None)
        assert outcome.row is not None or len(outcome.findings) == 1
        assert all(is_clean(f.record_id) and len(f.record_id) <= 255 for f in outcome.findings)
    assert outcomes[3].answers.read == 1
    assert mapped_form(story).row is not None
