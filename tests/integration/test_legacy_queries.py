"""Reading v2 through the models, from copies that a person made in one way or another."""

from datetime import datetime
from pathlib import Path

import pytest
from django.db import OperationalError, connections
from django.db.models import Exists, OuterRef, Q, TextField, Value

from legacy_v2.models import Field, FormSubmission, FormSubmissionMetaData, FormType, User
from tests.v2 import V2, guid, make_v2, use_v2

FORM, OTHER = "aaaaaaaa-0000-4000-8000-000000000000", "BBBBBBBB-0000-4000-8000-000000000000"
LOW, MIDDLE, HIGH = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "0Ac")


@pytest.fixture(params=[True, False], ids=["declared NOCASE", "declared without"])
def mixed(request: pytest.FixtureRequest, v2_path: Path) -> V2:
    """A v2 whose ids are in either case, and whose references are in the other one."""
    return make_v2(
        v2_path,
        nocase=request.param,
        organizations=[{}],
        users=[{"IsActive": False}],
        forms=[{"Id": FORM}, {"Id": OTHER}],
        fields=[{"FormTypeId": FORM.upper(), "Required": True}],
        submissions=[
            {"Id": HIGH, "FormTypeId": FORM.upper()},
            {"Id": LOW, "FormTypeId": FORM},
            {"Id": MIDDLE, "FormTypeId": OTHER.lower()},
        ],
        answers=[{"FormSubmissionId": MIDDLE.lower(), "FreeFormEntry": "x"}],
    )


def test_an_id_finds_its_row_in_either_case(mixed: V2) -> None:
    for key in (OTHER, OTHER.lower()):
        assert FormType.objects.get(pk=key).id == OTHER.lower()
        assert FormType.objects.filter(pk__in=[key]).count() == 1
        assert FormSubmission.objects.filter(form_type_id=key).count() == 1
    assert FormType.objects.in_bulk([FORM.upper()]).keys() == {FORM}


def test_ids_sort_as_ids_and_not_as_characters(mixed: V2) -> None:
    ids = FormSubmission.objects.order_by("id").values_list("id", flat=True)
    assert list(ids) == [LOW, MIDDLE.lower(), HIGH]
    beyond = FormSubmission.objects.filter(id__gt=MIDDLE.lower())
    assert [row.id for row in beyond] == [HIGH]
    assert FormSubmission.objects.filter(id__lte=MIDDLE).count() == 2


def test_rows_are_related_across_cases(mixed: V2) -> None:
    first_form = FormType.objects.filter(id=OuterRef("form_type_id"), pk=FORM)
    of_first = FormSubmission.objects.filter(Exists(first_form)).order_by("id")
    assert [row.id for row in of_first] == [LOW, HIGH]
    known = FormSubmission.objects.filter(id=OuterRef("form_submission_id"))
    assert FormSubmissionMetaData.objects.filter(Exists(known)).count() == 1
    assert FormSubmissionMetaData.objects.get().form_submission.id == MIDDLE.lower()


def test_m3_times_are_naive_and_bits_are_bools(mixed: V2) -> None:
    row = FormSubmission.objects.get(pk=LOW)
    assert row.created_on == datetime.fromisoformat("2024-03-01 10:20:30.123456")
    assert row.last_updated_on is None
    assert FormSubmission.objects.filter(created_on=row.created_on).count() == 3
    assert User.objects.get().is_active is False
    assert Field.objects.get().required is True


def test_a_reference_may_lead_nowhere(mixed: V2) -> None:
    (stray,) = mixed.add("submissions", {"FormTypeId": guid(99, 1)})
    with pytest.raises(FormType.DoesNotExist):
        _ = FormSubmission.objects.get(pk=stray["Id"]).form_type


def test_the_key_and_the_answers_are_found_by_index(v2_path: Path) -> None:
    make_v2(v2_path)
    batch = FormSubmission.objects.filter(id__gt=LOW).order_by("id")[:10]
    answers = FormSubmissionMetaData.objects.filter(
        form_submission_id__gt=LOW, form_submission_id__lte=HIGH
    )
    nobodys = FormSubmissionMetaData.objects.filter(
        Q(form_submission_id__isnull=True) | Q(form_submission_id__lte=Value("", TextField()))
    )
    for queryset in (batch, answers, nobodys):
        plan = queryset.explain()
        assert "USING INDEX" in plan
        assert "SCAN" not in plan
        assert "TEMP B-TREE" not in plan


def test_r4_the_alias_cannot_write_even_by_hand(mixed: V2) -> None:
    with connections["v2"].cursor() as cursor, pytest.raises(OperationalError, match="readonly"):
        cursor.execute('DELETE FROM "FormType"')


def test_the_alias_points_elsewhere_for_a_while(mixed: V2, tmp_path: Path) -> None:
    other = make_v2(tmp_path / "other.sqlite3", organizations=[{}], forms=[{}])
    with use_v2(other.path):
        assert FormType.objects.count() == 1
    assert FormType.objects.count() == 2
