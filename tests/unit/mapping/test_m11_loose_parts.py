import pytest

from tests.unit.mapping.build import (
    FORM,
    ORG,
    choice,
    codes,
    definition,
    field,
    mapped_form,
    parts,
    setting,
    uid,
)
from transfer.mapping.codes import Code
from transfer.mapping.forms import field_without_form, map_without_field, setting_without_field

FIELD = uid(200)


def settings_of(*settings):
    outcome = mapped_form(parts(field(200), settings=settings))
    (only,) = definition(outcome)["fields"]
    return only["settings"], outcome.findings


def test_m11_of_two_settings_with_a_name_the_later_id_wins():
    kept, warnings = settings_of(
        setting(2, FIELD, "Width", "20"),
        setting(3, FIELD, "Width", "30"),
        setting(1, FIELD, "Width", "90"),
    )

    assert kept == {"Width": "30"}
    assert [(warning.code, warning.record_id) for warning in warnings] == [
        (Code.SETTING_DUPLICATE, uid(1)),
        (Code.SETTING_DUPLICATE, uid(2)),
    ]
    assert warnings[0].detail == {
        "Id": uid(1),
        "FieldId": FIELD,
        "Name": "Width",
        "StoredValue": "90",
    }


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["a", "b"], "b"),
        (["b", "a"], "b"),
        (["a", None], "a"),
        ([None, ""], ""),
        (["", None], ""),
        (["", "a"], "a"),
    ],
)
def test_m11_without_ids_the_greater_value_wins(values, kept):
    settings, warnings = settings_of(*(setting(None, FIELD, "Width", each) for each in values))

    assert settings == {"Width": kept}
    assert [warning.code for warning in warnings] == [Code.SETTING_DUPLICATE]
    assert warnings[0].record_id == f"{FIELD}/Width"


def test_m11_settings_of_one_name_on_two_fields_are_no_duplicates():
    story = parts(
        field(200),
        field(201, "Other"),
        settings=[setting(1, FIELD, "Width", "1"), setting(2, uid(201), "Width", "2")],
    )

    outcome = mapped_form(story)

    assert outcome.findings == []
    assert [each["settings"] for each in definition(outcome)["fields"]] == [
        {"Width": "1"},
        {"Width": "2"},
    ]


@pytest.mark.parametrize("name", [None, ""])
def test_m11_a_setting_without_a_name_is_left_out(name):
    kept, warnings = settings_of(setting(1, FIELD, name, "lost"), setting(2, FIELD, "Width", "2"))

    assert kept == {"Width": "2"}
    (warning,) = warnings
    assert (warning.code, warning.v2_table) == (Code.SETTING_WITHOUT_NAME, "FieldSetting")
    assert warning.detail is not None
    assert warning.detail["StoredValue"] == "lost"


def test_m11_a_field_without_its_type_is_a_text_field():
    outcome = mapped_form(parts(field(200, type_name=None, field_type_id=uid(9))))

    (only,) = definition(outcome)["fields"]
    assert only["type"] == "text"
    assert "legacy_type" not in only
    (warning,) = outcome.findings
    assert (warning.code, warning.column) == (Code.FIELD_WITHOUT_TYPE, "FieldTypeId")
    assert warning.detail is not None
    assert warning.detail["FieldTypeId"] == uid(9)


def test_m11_a_map_without_its_choice_is_left_out():
    missing = choice(301, FIELD, 401, None, choice_exists=False)

    outcome = mapped_form(parts(field(200), maps=[missing, choice(302, FIELD, 402, "Red")]))

    (only,) = definition(outcome)["fields"]
    assert only["choices"] == [{"value": uid(402), "label": "Red"}]
    (warning,) = outcome.findings
    assert (warning.code, warning.v2_table, warning.record_id) == (
        Code.MAP_WITHOUT_CHOICE,
        "Field_Choice_Map",
        uid(301),
    )
    assert warning.detail == {
        "Id": uid(301),
        "FieldId": FIELD,
        "ChoiceId": uid(401),
        "SortOrder": 401,
    }


@pytest.mark.parametrize(
    ("finding", "code", "table", "record", "column"),
    [
        (
            setting_without_field(setting(1, FIELD, "Width", "1")),
            Code.SETTING_WITHOUT_FIELD,
            "FieldSetting",
            uid(1),
            "FieldId",
        ),
        (
            setting_without_field(setting(None, FIELD, None, "1")),
            Code.SETTING_WITHOUT_FIELD,
            "FieldSetting",
            f"{FIELD}/None",
            "FieldId",
        ),
        (field_without_form(field(200))[0], Code.FIELD_WITHOUT_FORM, "Field", FIELD, "FormTypeId"),
        (
            map_without_field(choice(301, FIELD, 401, "Red")),
            Code.MAP_WITHOUT_FIELD,
            "Field_Choice_Map",
            uid(301),
            "FieldId",
        ),
        (
            map_without_field(choice(None, FIELD, 401, "Red")),
            Code.MAP_WITHOUT_FIELD,
            "Field_Choice_Map",
            f"{FIELD}/{uid(401)}",
            "FieldId",
        ),
    ],
)
def test_m11_a_row_whose_owner_is_nowhere_is_a_warning_that_holds_it(
    finding, code, table, record, column
):
    assert (finding.code, finding.v2_table, finding.record_id) == (code, table, record)
    assert finding.column == column
    assert finding.detail is not None
    assert finding.detail[column] in {FIELD, FORM}


def test_m11_nothing_else_is_disturbed():
    story = parts(
        field(200, "Whole"),
        field(201, "Odd", type_name=None),
        settings=[setting(1, uid(201), None, "x"), setting(2, FIELD, "Width", "2")],
        maps=[choice(301, uid(201), 401, None, choice_exists=False)],
    )

    outcome = mapped_form(story)

    assert outcome.row is not None
    assert outcome.row.organization_id == ORG
    assert len(codes(outcome)) == 3
    whole = definition(outcome)["fields"][0]
    assert (whole["name"], whole["settings"]) == ("Whole", {"Width": "2"})


def test_m04_m11_the_name_of_a_field_without_a_form_is_in_v3_too():
    without_form, cleaned = field_without_form(field(200, "a\x00b"))

    assert without_form.code is Code.FIELD_WITHOUT_FORM
    assert (cleaned.code, cleaned.v2_table, cleaned.record_id, cleaned.column) == (
        Code.TEXT_CLEANED,
        "Field",
        FIELD,
        "Name",
    )
    assert len(field_without_form(field(200, None))) == 1
