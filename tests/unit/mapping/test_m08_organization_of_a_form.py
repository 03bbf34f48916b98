import pytest

from tests.unit.mapping.build import (
    FORM,
    ORG,
    OTHER_FORM,
    OTHER_ORG,
    context,
    form,
    mapped_form,
    mapping_file,
    parts,
    uid,
)
from transfer.mapping.codes import Code
from transfer.mapping.forms import form_organization

THIRD = uid(3)


@pytest.mark.parametrize(
    ("own", "file", "default", "expected"),
    [
        (ORG, {}, None, ORG),
        (ORG, {FORM: OTHER_ORG, "Leave Request": OTHER_ORG}, THIRD, ORG),
        (None, {FORM: OTHER_ORG, "Leave Request": ORG}, THIRD, OTHER_ORG),
        (None, {"Leave Request": OTHER_ORG}, THIRD, OTHER_ORG),
        (None, {"leave request": OTHER_ORG, OTHER_FORM: ORG}, THIRD, THIRD),
        (None, {"Leave request": OTHER_ORG}, None, None),  # its DisplayName is not its Name
        (None, {}, None, None),
    ],
)
def test_m08_the_organization_is_the_forms_own_then_the_files_then_the_default(
    own, file, default, expected
):
    ctx = context(mapping=mapping_file(forms=file), default_organization=default)

    assert form_organization(form(organization_id=own), ctx) == expected


def test_m04_m08_the_file_names_a_form_by_its_cleaned_name():
    ctx = context(mapping=mapping_file(forms={"Leave\ufffd": ORG}))

    assert form_organization(form(organization_id=None, name="Leave\x00"), ctx) == ORG


@pytest.mark.parametrize("own", [OTHER_ORG, None])
def test_m08_a_form_without_an_organization_in_v3_is_an_error(own):
    outcome = mapped_form(parts(organization_id=own))

    assert outcome.row is None
    (error,) = outcome.findings
    assert (error.code, error.column) == (Code.ORGANIZATION_UNKNOWN, "OrganizationId")
    assert (error.v2_table, error.record_id) == ("FormType", FORM)
    assert error.detail is not None
    assert error.detail["Name"] == "Leave Request"


def test_m08_a_form_goes_where_the_file_says():
    outcome = mapped_form(
        parts(organization_id=None), mapping=mapping_file(forms={"Leave Request": ORG})
    )

    assert outcome.row is not None
    assert outcome.row.organization_id == ORG
