import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import PROPERTY
from tests.unit.mapping.build import (
    FORM,
    OTHER_FORM,
    answer,
    context,
    data,
    definition,
    field,
    mapped,
    mapped_form,
    parts,
    reference,
    uid,
)
from transfer.mapping.codes import Code
from transfer.mapping.layout import form_fields, unique_names
from transfer.mapping.text import clean


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        ([], []),
        (["a"], ["a"]),
        (["a", "A", "a "], ["a", "A", "a "]),
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["a", "a", "a_2"], ["a", "a_3", "a_2"]),
        (["a_2", "a", "a", "a_2"], ["a_2", "a", "a_3", "a_2_2"]),
        (["a", "a", "a_2", "a_2"], ["a", "a_3", "a_2", "a_2_2"]),
        (["", ""], ["", "_2"]),
    ],
)
def test_m10_a_later_field_of_a_name_gets_a_suffix_no_field_has(names, unique):
    assert unique_names(names) == unique


def test_m10_the_renamed_field_keeps_its_own_name_and_is_told():
    story = parts(field(202, "Name", sort_order=1), field(201, "Name", sort_order=2))

    outcome = mapped_form(story)

    first, later = definition(outcome)["fields"]
    assert (first["id"], first["name"]) == (uid(202), "Name")
    assert "legacy_name" not in first
    assert (later["id"], later["name"], later["legacy_name"]) == (uid(201), "Name_2", "Name")
    (warning,) = outcome.findings
    assert (warning.code, warning.record_id) == (Code.FIELD_RENAMED, uid(201))
    assert (warning.v2_table, warning.column) == ("Field", "Name")


def test_m04_m10_names_that_become_the_same_by_cleaning_are_the_same():
    outcome = mapped_form(parts(field(201, "a\x00"), field(202, "a\ufffd")))

    first, later = definition(outcome)["fields"]
    assert (first["name"], later["name"]) == ("a\ufffd", "a\ufffd_2")
    assert "legacy_name" not in first
    assert later["legacy_name"] == "a\ufffd"


def test_m10_answers_follow_their_field():
    ref = reference(field(201, "Name"), field(202, "Name"))

    outcome = mapped(ref, answer(1, uid(202), "second"), answer(2, uid(201), "first"))

    assert data(outcome) == {"Name": "first", "Name_2": "second"}
    assert outcome.findings == []


def test_m10_each_form_has_names_of_its_own():
    rows = [field(201, "Name"), field(202, "Name", form_type_id=OTHER_FORM)]

    assert [layout.name for layout in form_fields(rows, [], context())] == ["Name", "Name"]


def test_m11_fields_whose_form_does_not_exist_keep_their_names():
    rows = [field(201, "Name"), field(202, "Name\x00"), field(203, "Name")]

    layouts = form_fields(rows, [], context(), dangling=True)

    assert [layout.name for layout in layouts] == ["Name", "Name\ufffd", "Name"]
    assert {layout.form_id for layout in layouts} == {FORM}


names = st.lists(st.sampled_from(["a", "a_2", "a_3", "a_2_2", "A", "", "_2", "a\x00"]), max_size=9)


@PROPERTY
@given(names, st.data())
def test_m10_names_are_unique_in_a_form_and_the_same_for_answers(own, draw):
    rows = [field(number, name, sort_order=0) for number, name in enumerate(own, 200)]
    shuffled = draw.draw(st.permutations(rows))

    fields = definition(mapped_form(parts(*shuffled)))["fields"]
    ref = reference(*shuffled)

    by_id = {each["id"]: each["name"] for each in fields}
    assert len(set(by_id.values())) == len(rows)
    assert by_id == {field_id: layout.name for field_id, layout in ref.fields.items()}
    assert [each.get("legacy_name", each["name"]) for each in fields] == [
        clean(name) for name in own
    ]
    answers = [answer(number, row.id, row.id) for number, row in enumerate(shuffled)]
    assert data(mapped(ref, *answers)) == {by_id[row.id]: row.id for row in rows}
