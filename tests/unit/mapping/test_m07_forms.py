import pytest

from tests.unit.mapping.build import (
    FORM,
    NEW_YORK,
    ORG,
    STARTED,
    at,
    codes,
    definition,
    mapped_form,
    metadata,
    parts,
    utc,
)
from transfer.mapping.codes import Code


def test_m07_a_form_becomes_a_draft_of_version_1():
    outcome = mapped_form(parts(short_description="For all"))

    assert outcome.findings == []
    row = outcome.row
    assert row is not None
    assert (row.id, row.organization_id, row.slug) == (FORM, ORG, "a-slug")
    assert (row.name, row.version, row.status) == ("Leave request", "1.0.0", "draft")
    assert definition(outcome) == {
        "title": "Leave request",
        "description": "For all",
        "fields": [],
        "legacy_id": FORM,
    }
    assert metadata(outcome) == {}
    assert row.created_at == utc("2024-03-01T10:20:30.123456")
    assert row.updated_at == STARTED


@pytest.mark.parametrize(
    ("display_name", "name"),
    [("Shown", "Shown"), (None, "Own"), ("", "Own"), (" ", " "), ("\x00", "\ufffd")],
)
def test_m07_the_name_is_the_display_name_or_where_empty_the_name(display_name, name):
    outcome = mapped_form(parts(name="Own", display_name=display_name))

    assert outcome.row is not None
    assert outcome.row.name == name
    assert definition(outcome)["title"] == name


def test_m07_the_status_can_be_set_for_all_forms():
    outcome = mapped_form(parts(), form_status="published")

    assert outcome.row is not None
    assert outcome.row.status == "published"


def test_m03_a_form_without_a_time_was_created_when_the_migration_started():
    outcome = mapped_form(parts(created_on=None))

    assert outcome.row is not None
    assert outcome.row.created_at == outcome.row.updated_at == STARTED


def test_m03_a_forms_time_is_read_in_the_zone():
    outcome = mapped_form(parts(created_on=at("2024-03-10T02:30:00")), time_zone=NEW_YORK)

    assert outcome.row is not None
    assert outcome.row.created_at == utc("2024-03-10T07:30:00")
    assert codes(outcome) == [Code.TIME_GAP_OR_OVERLAP]


def test_m04_every_text_of_a_form_is_cleaned():
    outcome = mapped_form(parts(name="\x00", display_name="\x00", short_description="\x00"))

    assert [finding.column for finding in outcome.findings] == [
        "Name",
        "DisplayName",
        "ShortDescription",
    ]
    assert definition(outcome)["description"] == "\ufffd"
