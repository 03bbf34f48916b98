"""Imports of a v2 in which an Id is there twice: only a copy made by hand can hold that."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from legacy_v2 import models as v2_models
from legacy_v2 import names
from tests.runs import documents, empty_v3, errors, query, run
from tests.v2 import guid, make_v2
from transfer.exceptions import SourceError
from transfer.fitness import KEYED, ids_twice, is_unique
from transfer.source import Source

pytestmark = pytest.mark.django_db(transaction=True)

IN_TWO_FORMS = [{"FormTypeId": guid(4, 1)}, {"FormTypeId": guid(4, 2)}]
# What a copy made by hand could hold of each table that is read by its Id or named by it.
TWICE: dict[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {
    "Organization": ("organizations", {}, {"Name": "Another"}),
    "User": ("users", {}, {"Email": "another@example.org"}),
    "FieldType": ("field_types", {"Name": "TextBox"}, {"Name": "CheckBox"}),
    "FormType": ("forms", {}, {"Name": "another"}),
    "Field": ("fields", *IN_TWO_FORMS),
    "Choice": ("choices", {"DisplayName": "yes"}, {"DisplayName": "no"}),
    "Field_Choice_Map": ("maps", {"ChoiceId": guid(7, 1)}, {"ChoiceId": guid(7, 2)}),
    "FormSubmissionStatus": ("statuses", {"Name": "Draft"}, {"Name": "Approved"}),
    "FormSubmission": ("submissions", {"LookupCode": "a"}, {"LookupCode": "b"}),
}


def test_an_id_that_is_there_twice_stops_the_run_before_it_begins(v2_path: Path) -> None:
    one = guid(0xA, 1).replace("0", "a")
    make_v2(
        v2_path,
        nocase=False,
        organizations=[{}],
        forms=[{}],
        submissions=[{"Id": one}, {"Id": one.upper()}],
    )
    with pytest.raises(SourceError, match=rf"FormSubmission holds the Id {one} more than once"):
        run()
    assert query("SELECT * FROM migration_progress") == []


def test_every_table_that_is_read_or_named_by_its_id_is_among_them() -> None:
    assert list(TWICE) == [names.table(model) for model in KEYED]


@pytest.mark.parametrize("table", TWICE)
def test_m1_an_id_that_anything_goes_by_and_is_there_twice_stops_the_run_before_it_begins(
    v2_path: Path, table: str
) -> None:
    rows, *two = TWICE[table]
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}, {}], fields=[{}], choices=[{}, {}])
    v2.loosen(table)
    twice = guid(0xDD, 1)
    v2.add(rows, *({"Id": twice, **row} for row in two))

    with pytest.raises(SourceError) as raised:
        run()

    assert f": {table} holds the Id {twice} more than once" in raised.value.message
    assert raised.value.message.endswith("leave one, or give the others Ids of their own")
    assert query("SELECT * FROM migration_progress") == []


@pytest.mark.parametrize("same_form", [True, False], ids=["of one form", "of two forms"])
def test_m11_settings_with_one_id_come_out_the_same_whatever_the_batches(
    v2_path: Path, *, same_form: bool
) -> None:
    """Nothing refers to a setting: of two with one name and one Id the greater value is used."""
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}, {}], fields=IN_TWO_FORMS)
    v2.loosen("FieldSetting")
    of_one, of_other = (row["Id"] for row in v2.fields)
    where = {"5": of_one, "7": of_one if same_form else of_other}
    rows = [
        {"Id": guid(6, 1), "FieldId": field, "Name": "rows", "StoredValue": value}
        for value, field in where.items()
    ]

    found = []
    for order in (rows, rows[::-1]):
        v2.execute("DELETE FROM FieldSetting")
        v2.add("settings", *order)
        for size in (1, 1000):
            empty_v3()
            run(batch_size=size)
            settings = [form["definition"]["fields"][0]["settings"] for form in documents("forms")]
            found.append((settings, [one["record_id"] for one in errors("setting_duplicate")]))

    same = ([{"rows": "7"}, {}], [guid(6, 1)])
    apart = ([{"rows": "5"}, {"rows": "7"}], [])
    assert found == [same if same_form else apart] * 4


@pytest.mark.parametrize("size", [1, 1000])
def test_r1_two_answers_with_one_id_are_two_errors_in_whatever_batches_they_are(
    v2_path: Path, size: int
) -> None:
    v2 = make_v2(v2_path, organizations=[{}], forms=[{}], fields=[{}], submissions=[{}, {}, {}])
    v2.loosen("FormSubmissionMetaData")
    for submission, text in ((guid(10, 0), "first"), (guid(10, 99), "second")):
        v2.add(
            "answers", {"Id": guid(11, 1), "FormSubmissionId": submission, "FreeFormEntry": text}
        )

    run(batch_size=size)

    found = errors("answer_orphaned")
    assert sorted(e["error_detail"]["FreeFormEntry"] for e in found) == ["first", "second"]
    assert [(e["attempts"], e["occurrence"]) for e in found] == [(1, 1), (1, 2)]


@pytest.mark.parametrize(
    ("index", "vouches"),
    [
        ("", False),
        ('UNIQUE INDEX own ON FormSubmission ("id" COLLATE NOCASE)', True),
        ("UNIQUE INDEX own ON FormSubmission (Id collate nocase)", True),
        ("UNIQUE INDEX own ON FormSubmission (Id COLLATE BINARY)", False),
        ("INDEX own ON FormSubmission (Id COLLATE NOCASE)", False),
        ("UNIQUE INDEX own ON FormSubmission (Id COLLATE NOCASE, LookupCode)", False),
        ("UNIQUE INDEX own ON FormSubmission (Id COLLATE NOCASE) WHERE LookupCode > ''", False),
    ],
)
def test_a_sqlite_copy_is_counted_but_where_an_index_takes_both_spellings_for_one(
    v2_path: Path, index: str, vouches: bool
) -> None:
    v2 = make_v2(v2_path, nocase=False)
    v2.loosen("FormSubmission")
    if index:
        v2.execute(f"CREATE {index}")

    with closing(Source()) as source:
        counted = [names.table(model) for model, _ in ids_twice(source)]
        assert is_unique(source, v2_models.FormSubmission) is vouches

    assert ("FormSubmission" in counted) is not vouches
