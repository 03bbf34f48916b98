import pytest

from tests.unit.mapping.build import (
    TEXT_BOX,
    choice,
    codes,
    context,
    definition,
    field,
    mapped_form,
    mapping_file,
    parts,
    setting,
    uid,
)
from transfer.mapping.codes import Code
from transfer.mapping.forms import shared_names_cleaned

SIZE = uid(200)


def fields(story, **changes):
    return definition(mapped_form(story, **changes))["fields"]


def test_m09_a_field_with_everything():
    story = parts(
        field(
            200,
            "Size",
            display_name="Your size",
            type_name="DropDown",
            required=True,
            sort_order=4,
        ),
        settings=[setting(1, SIZE, "Help", "Look inside"), setting(2, SIZE, "Width", None)],
        maps=[
            choice(302, SIZE, 402, "Large", sort_order=2),
            choice(301, SIZE, 401, "Small", sort_order=1),
        ],
    )

    assert fields(story) == [
        {
            "id": SIZE,
            "name": "Size",
            "label": "Your size",
            "type": "select",
            "required": True,
            "order": 4,
            "settings": {"Help": "Look inside", "Width": None},
            "choices": [
                {"value": uid(401), "label": "Small"},
                {"value": uid(402), "label": "Large"},
            ],
        }
    ]


def test_m09_a_field_with_nothing_has_empty_settings_and_choices():
    (only,) = fields(parts(field(200)))

    assert (only["label"], only["settings"], only["choices"]) == (None, {}, [])


@pytest.mark.parametrize(
    ("v2", "v3"),
    [
        ("TextBox", "text"),
        ("TextArea", "textarea"),
        ("DropDown", "select"),
        ("CheckBox", "checkbox"),
        ("CHECKBOX", "checkbox"),
    ],
)
def test_m09_types_v3_has_whatever_their_case(v2, v3):
    outcome = mapped_form(parts(field(200, type_name=v2)))

    (only,) = definition(outcome)["fields"]
    assert only["type"] == v3
    assert "legacy_type" not in only
    assert outcome.findings == []


def test_m09_any_other_type_is_text_and_keeps_its_name():
    outcome = mapped_form(parts(field(200, "Signed", type_name="Signature Pad")))

    (only,) = definition(outcome)["fields"]
    assert (only["type"], only["legacy_type"]) == ("text", "Signature Pad")
    (warning,) = outcome.findings
    assert (warning.code, warning.v2_table, warning.record_id) == (
        Code.FIELD_TYPE_UNKNOWN,
        "Field",
        uid(200),
    )


def test_m09_the_mapping_file_adds_types():
    types = mapping_file(field_types={"signature pad": "signature"})

    outcome = mapped_form(parts(field(200, type_name="Signature PAD")), mapping=types)

    (only,) = definition(outcome)["fields"]
    assert only["type"] == "signature"
    assert "legacy_type" not in only
    assert outcome.findings == []


def test_m04_m09_every_text_of_a_definition_is_cleaned():
    story = parts(
        field(200, "\x00", display_name="\x00", type_name="\x00"),
        settings=[setting(1, SIZE, "\x00", "\x00")],
        maps=[choice(301, SIZE, 401, "\x00")],
    )

    outcome = mapped_form(story)

    (only,) = definition(outcome)["fields"]
    assert only["legacy_type"] == only["label"] == only["name"] == "\ufffd"
    assert only["settings"] == {"\ufffd": "\ufffd"}
    assert only["choices"] == [{"value": uid(401), "label": "\ufffd"}]
    cleaned = [
        (finding.v2_table, finding.column, finding.record_id)
        for finding in outcome.findings
        if finding.code is Code.TEXT_CLEANED
    ]
    assert cleaned == [
        ("Field", "Name", uid(200)),
        ("Field", "DisplayName", uid(200)),
        ("FieldSetting", "Name", uid(1)),
        ("FieldSetting", "StoredValue", uid(1)),
    ]


def test_m04_m09_that_a_shared_name_is_cleaned_is_told_once_for_all_who_share_it():
    warnings = shared_names_cleaned(
        {uid(401): "Perhaps\x00", uid(402): "fine", uid(403): None, uid(404): b"\x00"},
        {TEXT_BOX: "TextBox", uid(22): "Map\ud800", uid(23): "Tick\x00Box", uid(24): None},
        context(mapping=mapping_file(field_types={"tick\ufffdbox": "checkbox"})),
    )

    assert [(w.code, w.v2_table, w.record_id, w.column, w.detail) for w in warnings] == [
        (
            Code.TEXT_CLEANED,
            "Choice",
            uid(401),
            "DisplayName",
            {"Id": uid(401), "DisplayName": "Perhaps\x00"},
        ),
        (Code.TEXT_CLEANED, "FieldType", uid(22), "Name", {"Id": uid(22), "Name": "Map\ud800"}),
    ]


def test_m09_fields_are_in_the_order_of_sort_order_then_id():
    story = parts(
        field(203, "d", sort_order=None),
        field(202, "c", sort_order=7),
        field(201, "b", sort_order=7),
        field(204, "a", sort_order=-1),
    )

    assert [(each["name"], each["order"]) for each in fields(story)] == [
        ("a", -1),
        ("b", 7),
        ("c", 7),
        ("d", None),
    ]


def test_m09_choices_are_in_the_order_of_sort_order_then_choice_id():
    story = parts(
        field(200),
        maps=[
            choice(301, SIZE, 403, "d", sort_order=None),
            choice(302, SIZE, 402, "c", sort_order=5),
            choice(303, SIZE, 401, "b", sort_order=5),
            choice(None, SIZE, 409, "a", sort_order=0),
        ],
    )

    (only,) = fields(story)

    assert [each["label"] for each in only["choices"]] == ["a", "b", "c", "d"]


def test_m09_a_choice_without_a_name_has_the_label_null():
    (only,) = fields(parts(field(200), maps=[choice(301, SIZE, 401, None)]))

    assert only["choices"] == [{"value": uid(401), "label": None}]


def test_m09_the_parts_of_a_form_may_come_in_any_order():
    settings = [setting(number, SIZE, "Help", str(number)) for number in (1, 2, 3)]
    maps = [choice(300 + number, SIZE, 400 + number, "x") for number in (1, 2, 3)]
    maps.append(choice(310, SIZE, 410, None, choice_exists=False))
    rows = [field(200, "a"), field(201, "a"), field(202, "a")]

    forwards = mapped_form(parts(*rows, settings=settings, maps=maps))
    backwards = mapped_form(parts(*rows[::-1], settings=settings[::-1], maps=maps[::-1]))

    assert forwards == backwards
    assert Code.SETTING_DUPLICATE in codes(forwards)
