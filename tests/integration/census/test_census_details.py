"""The census' own hazards, its samples of ids, what it says it looked at, and odd v2s."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.integration.census.counted import census, check, foretold, one, recorded
from tests.runs import empty_v3, query, run, state
from tests.v2 import FIELD_TYPES, V2, guid, make_v2
from transfer.census import Present, take_census
from transfer.exceptions import SourceError
from transfer.options import ImportOptions
from transfer.source import Source

pytestmark = pytest.mark.django_db
WRITES = pytest.mark.django_db(transaction=True)  # what a run puts into v3 is committed


def simple_v2(path: Path, **rows: Any) -> V2:
    plain: dict[str, Any] = {"organizations": [{}], "forms": [{}], "fields": [{}]}
    return make_v2(path, **{**plain, **rows})


def test_a_clean_v2_has_no_hazard(v2_path: Path) -> None:
    simple_v2(v2_path, users=[{}], submissions=[{}, {}], answers=[{"FreeFormEntry": "yes"}])
    assert census() == []


def test_an_empty_v2_has_no_hazard(v2_path: Path) -> None:
    make_v2(v2_path)
    assert census() == []
    assert census(full=False, time_zone=ZoneInfo("Europe/Berlin")) == []


@WRITES
def test_a_v2_without_what_is_assumed(v2_path: Path) -> None:
    omit = (
        "User", "FormType.OrganizationId", "FormType.CreatedOn", "FieldSetting.Id",
        "Field_Choice_Map.Id", "FormSubmission.OrganizationId", "FormSubmissionMetaData.Id",
    )  # fmt: skip
    v2 = simple_v2(
        v2_path,
        omit=omit,
        submissions=[{"LookupCode": "A"}, {"LookupCode": "A"}],
        answers=[{"FieldId": guid(5, 99)}, {"FreeFormEntry": "1"}, {"FreeFormEntry": "2"}],
    )
    counts = check(default_organization=v2.organizations[0]["Id"])
    assert counts == {"number_duplicate": 1, "answer_field_unknown": 1, "answers_merged": 1}
    hazards = census(default_organization=v2.organizations[0]["Id"])
    stray = one(hazards, "answer_field_unknown", "FormSubmissionMetaData")
    assert stray.samples == (f"{v2.submissions[0]['Id']}/{guid(5, 99)}",)


def test_a_v2_that_lacks_what_is_needed_is_refused(v2_path: Path) -> None:
    make_v2(v2_path).execute('DROP TABLE "FormSubmission"')
    with pytest.raises(SourceError, match="no table FormSubmission"):
        take_census(Source(), ImportOptions.build(), full=False)


def test_up_to_ten_ids_of_a_hazard_are_told(v2_path: Path) -> None:
    v2 = simple_v2(v2_path, submissions=[{"LookupCode": None}] * 12)
    hazard = one(census(), "number_missing")
    assert hazard.count == 12
    assert len(set(hazard.samples)) == 10
    assert set(hazard.samples) < {row["Id"] for row in v2.submissions}


@WRITES
def test_texts_and_choices_side_by_side_are_those_the_run_sets_aside(v2_path: Path) -> None:
    v2 = simple_v2(v2_path, choices=[{}], maps=[{}], submissions=[{}, {"FormTypeId": guid(4, 9)}])
    for number, submission in enumerate(v2.submissions):
        v2.add(
            "answers",
            *({"FormSubmissionId": submission["Id"], "FreeFormEntry": f"text {number}"} | more
              for more in ({"FieldChoiceMapId": guid(8, 1)}, {"FieldChoiceMapId": guid(7, 1)}, {})),
        )  # fmt: skip
    hazard = one(census(), "text_beside_choice", "FormSubmissionMetaData")
    assert (hazard.count, hazard.severity, hazard.rule) == (2, "note", "M15")
    set_aside = state(run(name="night"), "submissions").answers.set_aside
    assert set_aside["choices"] == 2


def test_documents_over_a_million_bytes_are_told(v2_path: Path) -> None:
    half = "ü" * 250_000  # two bytes each
    v2 = simple_v2(v2_path, submissions=[{}, {}])
    large, small = (row["Id"] for row in v2.submissions)
    v2.add("answers", *({"FormSubmissionId": large, "FreeFormEntry": half} for _ in range(2)))
    v2.add("answers", {"FormSubmissionId": large, "FreeFormEntry": "!"})
    v2.add("answers", *({"FormSubmissionId": small, "FreeFormEntry": half} for _ in range(2)))
    assert one(census(), "document_large").samples == (large,)


def test_extreme_times_are_told(v2_path: Path) -> None:
    simple_v2(
        v2_path,
        users=[{"CreatedOn": "1753-01-01 00:00:00"}],
        submissions=[
            {"LastUpdatedOn": "9999-12-31 23:59:59.999999"},
            {"CreatedOn": "1899-12-31 23:59:59.999999"},
            {
                "CreatedOn": "1900-01-01 00:00:00.000000",
                "LastUpdatedOn": "2099-12-31 23:59:59.999999",
            },
        ],
    )
    assert one(census(), "date_extreme").count == 2
    assert one(census(), "date_extreme", "User").count == 1


def test_forms_without_organization_keep_the_import_from_starting(v2_path: Path) -> None:
    v2 = simple_v2(v2_path, forms=[{"OrganizationId": None}], submissions=[{}])
    hazard = one(census(), "form_without_organization", "FormType")
    assert (hazard.count, hazard.severity, hazard.rule) == (1, "error", "M8")
    assert census(default_organization=v2.organizations[0]["Id"]) == []


def test_an_id_that_is_there_twice_keeps_the_import_from_starting(v2_path: Path) -> None:
    own = guid(0xABC, 1)
    v2 = make_v2(v2_path, organizations=[{"Id": own}], nocase=False)
    v2.add("organizations", {"Id": own.upper()})
    assert one(census(), "id_twice", "Organization").severity == "error"


def test_what_is_inside_texts_is_looked_for_in_a_sample_unless_all_is_asked_for(
    v2_path: Path,
) -> None:
    v2 = simple_v2(v2_path, submissions=[{} for _ in range(40)])
    v2.add("answers", *({"FormSubmissionId": row["Id"], "FreeFormEntry": "a\x00"}
                        for row in v2.submissions))  # fmt: skip
    whole = one(census(), "text_cleaned", "FormSubmissionMetaData")
    assert (whole.count, whole.basis) == (40, "all rows")
    part = one(census(full=False, sample=7), "text_cleaned", "FormSubmissionMetaData")
    assert (part.count, part.basis) == (7, "a sample of 7 rows of 40")
    enough = one(census(full=False, sample=40), "text_cleaned", "FormSubmissionMetaData")
    assert (enough.count, enough.basis) == (40, "all rows")


def test_a_sample_that_finds_nothing_says_what_it_looked_at(v2_path: Path) -> None:
    simple_v2(v2_path, submissions=[{}, {}, {}], answers=[{"FreeFormEntry": "sound"}])
    told = {(h.code, h.v2_table): (h.count, h.basis) for h in census(full=False, sample=1)}
    assert told == {
        ("text_cleaned", "FormSubmission"): (0, "a sample of 1 rows of 3"),
        ("text_cleaned", "FormSubmissionMetaData"): (0, "a sample of 1 rows of 1"),
    }
    zone = ZoneInfo("Europe/Berlin")
    assert ("time_gap_or_overlap", 0) in {
        (h.code, h.count) for h in census(full=False, sample=1, time_zone=zone)
    }
    assert census(full=False, sample=3, time_zone=zone) == census(time_zone=zone) == []


def test_a_sample_is_one_page_where_no_index_finds_its_answers(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.census.singles.SAMPLE_AT_ONCE", 2)
    v2 = simple_v2(v2_path, submissions=[{} for _ in range(5)])
    v2.add("answers", *({"FormSubmissionId": row["Id"], "FreeFormEntry": "a\x00"}
                        for row in v2.submissions))  # fmt: skip
    place = "text_cleaned", "FormSubmissionMetaData"
    assert one(census(full=False, sample=5), *place).count == 5
    v2.execute("DROP INDEX IX_FormSubmissionMetaData_FormSubmissionId")
    assert one(census(full=False, sample=5), *place).basis == "a sample of 2 rows of 5"


def test_a_sample_is_taken_all_over_the_table(v2_path: Path) -> None:
    v2 = simple_v2(v2_path)
    heads = [f"{digit:x}" * 8 for digit in range(16)]
    v2.add("submissions", *({"Id": f"{head}-0000-4000-8000-{n:012}", "LookupCode": f"{head}{n}"}
                            for head in heads for n in range(10)))  # fmt: skip
    v2.add("answers", *({"FormSubmissionId": row["Id"], "FreeFormEntry": "\x00"}
                        for row in v2.submissions[::10]))  # fmt: skip
    found = one(census(full=False, sample=16), "text_cleaned", "FormSubmissionMetaData")
    assert found.count >= 15, "the first of each part"


@WRITES
def test_answers_to_fields_of_other_forms_that_share_a_name(v2_path: Path) -> None:
    """Only one of them has room in data, and the other's choices and repetitions say nothing."""
    v2 = simple_v2(
        v2_path,
        forms=[{}, {}, {}],
        fields=[{}, {"FormTypeId": guid(4, 2), "Name": "same"},
                {"FormTypeId": guid(4, 3), "Name": "same"}],
        submissions=[{}, {}],
    )  # fmt: skip
    first, second = (row["Id"] for row in v2.submissions)
    _, one_of_them, other = (row["Id"] for row in v2.fields)
    answer = {"FreeFormEntry": "x", "FieldChoiceMapId": guid(8, 99)}
    answer_both = [{"FormSubmissionId": first, "FieldId": f} for f in (one_of_them, other)]
    answer_one = [{"FormSubmissionId": second, "FieldId": other}]
    v2.add("answers", *(answer | place for place in (answer_both + answer_one) * 2))
    assert check() == {"answer_other_form": 6, "answers_merged": 2, "answer_choice_unknown": 4}


@WRITES
def test_lookup_codes_are_compared_by_code_point_in_their_organization(v2_path: Path) -> None:
    v2 = simple_v2(v2_path, organizations=[{}, {}], forms=[{}, {}])
    v2.execute("UPDATE FormType SET OrganizationId = NULL WHERE Id = ?", (guid(4, 2),))
    second = v2.organizations[1]["Id"]
    codes = ["a", "A", "a ", "a", "\u00e4", "a\u0308", "n\x00", "n\ufffd"]
    v2.add("submissions", *({"LookupCode": code} for code in codes))
    v2.add("submissions", {"LookupCode": "a", "FormTypeId": guid(4, 2)})  # the second's, by default
    v2.add("submissions", {"LookupCode": "a", "OrganizationId": second})
    counts = check(default_organization=second)
    assert counts["number_duplicate"] == 3


def test_more_shared_codes_than_are_read_one_by_one(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple_v2(v2_path, submissions=[{"LookupCode": "a"}] * 5 + [{"LookupCode": "b"}])
    monkeypatch.setattr("transfer.census.singles.MOST_SHARED", 4)
    assert foretold(census()) == {"number_duplicate": 4}


def test_more_submissions_left_out_than_are_read_at_once(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2 = simple_v2(v2_path, submissions=[{} for _ in range(7)])
    v2.execute("UPDATE FormSubmission SET CreatedOn = 'never'")
    for at_once in (1, 6, 7, 8):
        monkeypatch.setattr("transfer.census.singles.LEFT_OUT_AT_ONCE", at_once)
        assert foretold(census()) == {"value_unusable": 7}


@WRITES
def test_a_form_that_fails_takes_its_submissions_and_their_warnings_along(v2_path: Path) -> None:
    simple_v2(
        v2_path,
        forms=[{"DisplayName": "x" * 300}],
        fields=[{"FieldTypeId": guid(3, 99)}, {}],
        submissions=[{"LookupCode": None}, {"FormSubmissionStatusId": guid(9, 99)}],
        answers=[{"FieldId": guid(5, 99)}, {}, {}],
    )
    assert check() == {"value_too_long": 1, "form_unknown": 2}


@WRITES
def test_a_list_field_is_answered_more_than_once_without_a_word(v2_path: Path) -> None:
    simple_v2(
        v2_path,
        fields=[{"FieldTypeId": FIELD_TYPES["CheckBox"]}, {"FieldTypeId": FIELD_TYPES["CheckBox"]}],
        choices=[{}],
        maps=[{}],
        submissions=[{}],
        answers=[{"FieldId": guid(5, 1), "FieldChoiceMapId": guid(8, 1)}] * 2
        + [{"FieldId": guid(5, 2), "FreeFormEntry": "no choices: no list"}] * 2,
    )
    assert check() == {"answers_merged": 1}


@WRITES
def test_what_an_earlier_migration_brought_is_counted_as_there(v2_path: Path) -> None:
    v2 = simple_v2(v2_path, organizations=[{}, {}], submissions=[{}])
    one_, two = (row["Id"] for row in v2.organizations)
    v2.add("submissions", {"OrganizationId": two})  # of a form of the other organization
    alone = foretold(census(organizations=[two]))
    assert alone == {"form_unknown": 1}
    run(name="first", organizations=[one_])
    present = Present([row[0] for row in query("SELECT id::text FROM organizations")],
                      dict(query("SELECT id::text, organization_id::text FROM forms")))  # fmt: skip
    assert census(organizations=[two], present=present) == []
    assert recorded(run(name="second", organizations=[two])) == {}


@WRITES
def test_only_the_tables_of_the_run_are_counted(v2_path: Path) -> None:
    simple_v2(v2_path, users=[{"Email": None}], submissions=[{"LookupCode": None}])
    assert foretold(census(tables=["organizations", "users"])) == {"email_missing": 1}
    empty_v3()
    assert foretold(census()) == recorded(run(name="night"))


def test_v2_is_only_read_and_in_few_statements(
    v2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many statements for a thousand submissions as for two."""
    asked: list[str] = []
    real = Source._run

    def listen(self: Source, statement: str, *rest: Any) -> Any:
        asked.append(statement)
        return real(self, statement, *rest)

    monkeypatch.setattr(Source, "_run", listen)
    v2 = simple_v2(v2_path, submissions=[{}, {"LookupCode": None}])
    census()
    before = len(asked)
    v2.add("submissions", *({"LookupCode": None if n % 2 else f"n{n}"} for n in range(1000)))
    asked.clear()
    census()
    assert len(asked) <= before + 1  # one more to fill the ten ids
    assert {statement.split()[0] for statement in asked} == {"SELECT"}


@WRITES
def test_what_neither_this_run_nor_an_earlier_one_moves_is_not_there(v2_path: Path) -> None:
    simple_v2(v2_path, users=[{}], submissions=[{}, {}, {}])
    assert check(tables=["submissions"]) == {"form_unknown": 3}
    empty_v3()
    assert check(tables=["users"]) == {"organization_unknown": 1}
    empty_v3()
    assert check(tables=["forms", "submissions"]) == {"organization_unknown": 1, "form_unknown": 3}


@WRITES
def test_times_that_no_calendar_has_are_told(v2_path: Path) -> None:
    odd = ("2024-13-01 10:00:00", "2024-01-01 25:00:00", "2024-01-01 10:00:60", "2024-02-30 1:00")
    v2 = simple_v2(v2_path, submissions=[{} for _ in odd])
    for row, time in zip(v2.submissions, odd, strict=True):
        v2.execute("UPDATE FormSubmission SET CreatedOn = ? WHERE Id = ?", (time, row["Id"]))
    assert check() == {"value_unusable": 4}


def test_extreme_times_are_those_of_rows_that_go_in(v2_path: Path) -> None:
    never = {"CreatedOn": "1753-01-01 00:00:00"}
    v2 = simple_v2(
        v2_path,
        organizations=[{}, {}],
        users=[never | {"Email": None}],
        submissions=[never, never | {"FormTypeId": guid(4, 99)},
                     never | {"OrganizationId": guid(1, 2)}],
    )  # fmt: skip
    told = {(h.v2_table, h.count, h.samples) for h in census() if h.code == "date_extreme"}
    ids = [row["Id"] for row in v2.submissions]
    assert told == {("FormSubmission", 2, (ids[0], ids[2]))}
    selected = census(organizations=[v2.organizations[0]["Id"]])
    assert one(selected, "date_extreme").samples == (ids[0],)
