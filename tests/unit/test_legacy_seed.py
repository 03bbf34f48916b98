"""The parts of the demo v2 that need no database: dice, layout, stream and faults."""

from collections import Counter
from itertools import islice
from uuid import UUID

import pytest

from legacy_v2.seed import catalogue, schema
from legacy_v2.seed.design import design
from legacy_v2.seed.faults import FAULTS
from legacy_v2.seed.randomness import Dice
from legacy_v2.seed.submissions import CHUNK, stream
from legacy_v2.seed.workshop import Workshop
from transfer.mapping.codes import CODES, Code

# What no seeded data alone can bring about: it takes a row of another origin in v3, a v2 in use,
# a null that these tables do not hold, or a cause that nobody has thought of.
NOT_FROM_DATA = {
    Code.ID_TAKEN, Code.VALUE_TAKEN, Code.VALUE_MISSING, Code.REFUSED_BY_POSTGRESQL,
}  # fmt: skip


def test_the_same_seed_throws_the_same() -> None:
    def ids(seed: int, purpose: str) -> list[str]:
        return list(islice(Dice(seed, purpose).ids(), 600))

    assert ids(1, "design") == ids(1, "design")
    assert not set(ids(1, "design")) & set(ids(2, "design"))
    assert not set(ids(1, "design")) & set(ids(1, "submissions"))
    # Written down, so that another Python cannot quietly make another database.
    assert ids(1, "design")[0] == "24E287D1-F2EA-40A7-BA92-F5021B48408A"


def test_ids_are_random_ids_as_sql_server_shows_them() -> None:
    for text in islice(Dice(3, "any").ids(), 600):
        assert text == text.upper()
        key = UUID(text)
        assert str(key).upper() == text
        assert key.version == 4


def test_dice_stay_within_bounds() -> None:
    dice = Dice(5, "any")
    assert {dice.below(3) for _ in range(100)} == {0, 1, 2}
    assert {dice.pick("ab") for _ in range(100)} == {"a", "b"}
    assert sorted(dice.shuffled(range(9))) == list(range(9))


def test_the_layout_has_every_type_status_setting_and_choice() -> None:
    layout = design(seed=1, answers=20)
    types = {row[0]: row[1] for row in layout.rows["FieldType"]}
    assert {types[row[2]] for row in layout.rows["Field"]} == {f.type for f in catalogue.FIELDS}
    assert {"TextBox", "TextArea", "DropDown", "CheckBox"} < set(types.values())
    assert set(layout.statuses) == set(catalogue.STATUSES)
    fields = {row[0]: row for row in layout.rows["Field"]}
    offered = Counter(row[1] for row in layout.rows["Field_Choice_Map"])
    settings = {row[1] for row in layout.rows["FieldSetting"]}
    for key, row in fields.items():
        kind = types[row[2]]
        assert (kind in catalogue.SETTINGS) == (key in settings)
        if kind in {"DropDown", "RadioButton", "YesNo"}:
            assert offered[key] > 1
    assert len(layout.organizations) > 1


@pytest.mark.parametrize("answers", [0, 1, 5, 20, 100])
def test_no_form_has_two_fields_of_one_name(answers: int) -> None:
    names = Counter((row[1], row[3]) for row in design(1, answers).rows["Field"])
    assert max(names.values()) == 1


@pytest.mark.parametrize("answers", [0, 1, 7, 20, 60])
@pytest.mark.parametrize("submissions", [0, 1, CHUNK, CHUNK + 1])
def test_submissions_and_answers_come_in_the_number_asked_for(
    submissions: int, answers: int
) -> None:
    chunks = list(stream(design(2, answers), 2, submissions, answers))
    keys = [row[0] for chunk in chunks for row in chunk.submissions]
    assert len(keys) == len(set(keys)) == submissions
    per_submission = Counter(row[1] for chunk in chunks for row in chunk.answers)
    assert per_submission == (dict.fromkeys(keys, answers) if answers else {})
    assert max((len(chunk.submissions) for chunk in chunks), default=0) <= CHUNK


def test_the_stream_is_believable() -> None:
    layout = design(1, 20)
    chunks = list(stream(layout, 1, 1200, 20))
    rows = [row for chunk in chunks for row in chunk.submissions]
    created = [row[4] for row in rows]
    assert created == sorted(created)
    assert created[0].startswith("2016")
    assert created[-1].startswith("2024")
    assert {row[2] for row in rows} == set(layout.statuses.values())
    assert {row[2] for row in rows[:7]} == set(layout.statuses.values())
    codes = [row[3] for row in rows]
    assert len(set(codes)) == len(codes)
    assert max(map(len, codes)) <= 50
    assert all(row[5] is None or row[4] <= row[5] <= "2025" for row in rows)
    assert {None} < {row[6] for row in rows} <= {None, *layout.organizations}

    answers = [row for chunk in chunks for row in chunk.answers]
    several = Counter((row[1], row[2]) for row in answers)
    boxes = {field.id for form in layout.forms for field in form.fields if field.several}
    assert {field for (_, field), n in several.items() if n > 1} <= boxes
    assert max(several.values()) == 3
    assert {None, ""} < {row[3] for row in answers}
    maps = {row[0].lower(): row[1] for row in layout.rows["Field_Choice_Map"]}
    assert all(maps[row[4]] == row[2] for row in answers if row[4])
    fields_of = {form.id: {field.id for field in form.fields} for form in layout.forms}
    form_of = {row[0]: row[1] for row in rows}
    assert all(row[2] in fields_of[form_of[row[1]]] for row in answers)


def test_there_is_a_fault_for_every_rule() -> None:
    assert list(dict.fromkeys(fault.rule for fault in FAULTS)) == [f"M{n}" for n in range(3, 19)]


def test_there_is_a_fault_for_every_code() -> None:
    assert {fault.code for fault in FAULTS} - {None} == CODES.keys() - NOT_FROM_DATA


def test_each_fault_says_what_it_is() -> None:
    descriptions = [fault.description for fault in FAULTS]
    assert all(text.endswith(".") for text in descriptions)
    assert len(set(descriptions)) == len(descriptions)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.rule} {fault.make.__name__}")
def test_each_fault_adds_records(fault: object) -> None:
    workshop = Workshop(design(1, 5), 1)
    before = {table: len(rows) for table, rows in workshop.rows.items()}
    fault.make(workshop)  # type: ignore[attr-defined]
    assert {table: len(rows) for table, rows in workshop.rows.items()} != before
    for table, rows in workshop.rows.items():
        assert {len(row) for row in rows} == {len(schema.columns(table))}


def test_a_fault_cannot_name_a_column_that_is_not_there() -> None:
    with pytest.raises(LookupError, match="Organization has no column Nmae"):
        Workshop(design(1, 5), 1).organization(Nmae="typo")
