"""docs/mapping.md against the code: nothing it lists is missing, nothing is listed in vain."""

import re
from pathlib import Path

import pytest

from forms_app.models import Form
from legacy_v2.ids import uuid_of
from organizations.models import Organization, User
from submissions.models import Submission, SubmissionStatus
from transfer.mapping.codes import CODES
from transfer.mapping.context import SUBMISSION_STATUSES, parse_mapping_file
from transfer.mapping.layout import FIELD_TYPES
from transfer.mapping.record_detail import V2_COLUMNS
from transfer.records import FormRow, OrganizationRow, SubmissionRow, UserRow

DOCUMENT = (Path(__file__).parents[3] / "docs" / "mapping.md").read_text(encoding="utf-8")


def section(title):
    """The text under a heading, up to the next one of its level."""
    return DOCUMENT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def table(text, header):
    """The rows of the table whose header row begins so, as lists of cells."""
    rows = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(header):
            next(lines)  # the line of dashes
            break
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_document_lists_exactly_the_codes_there_are():
    listed = table(section("Errors and warnings"), "| code")

    assert listed == [
        [f"`{code}`", info.rule, str(info.severity), info.meaning, info.reason]
        for code, info in CODES.items()
    ]


@pytest.mark.parametrize(
    ("model", "row"),
    [
        (Organization, OrganizationRow),
        (User, UserRow),
        (Form, FormRow),
        (Submission, SubmissionRow),
    ],
)
def test_the_document_lists_every_v3_column(model, row):
    name = model._meta.db_table
    listed = [cells[0].strip("`") for cells in table(section(name), "| v3 column")]

    assert listed == [*row._fields, "deleted_at"]
    assert sorted(listed) == sorted(each.column for each in model._meta.concrete_fields)


def test_the_document_says_where_every_v2_column_goes():
    named = set(re.findall(r"`(\w+\.\w+)`", DOCUMENT))
    columns = {
        f"{v2_table}.{column}" for v2_table, names in V2_COLUMNS.items() for column in names
    } | {"FormSubmissionStatus.Id", "FormSubmissionStatus.Name"}

    assert columns - named == set()
    assert {each for each in named if each.split(".")[0] in V2_COLUMNS} <= columns


def test_every_metadata_key_the_mapping_sets_is_listed():
    listed = {cells[0].strip("`") for cells in table(section("submissions"), "| in `metadata`")}
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[3] / "transfer" / "mapping").glob("*.py")
    )

    assert listed == set(re.findall(r'(?:extra|metadata)\["(\w+)"\]', source))


def test_the_types_the_document_names_are_those_there_are():
    rows = table(section("forms"), "| in `definition`")
    (row,) = [cells for cells in rows if "TextBox" in cells[2]]

    assert dict(re.findall(r"([A-Z]\w+) `(\w+)`", row[2])) == {
        "TextBox": FIELD_TYPES["textbox"],
        "TextArea": FIELD_TYPES["textarea"],
        "DropDown": FIELD_TYPES["dropdown"],
        "CheckBox": FIELD_TYPES["checkbox"],
    }
    assert len(FIELD_TYPES) == 4


def test_the_example_of_a_mapping_file_is_one():
    example = section("The mapping file").split("```toml\n")[1].split("```")[0]

    mapping = parse_mapping_file(example)

    assert uuid_of(17) in mapping.forms.values()
    assert mapping.field_types
    assert mapping.statuses
    assert mapping.tables
    assert mapping.columns


def test_the_uuids_made_from_numbers_are_those_the_document_shows():
    rows = table(section("Ids that are whole numbers"), "| | |")
    shown = {number: text.strip("`") for number, text in rows[1:]}

    assert shown == {str(number): uuid_of(number) for number in (17, -1)}


def test_the_statuses_of_the_mapping_are_v3s():
    assert list(SUBMISSION_STATUSES) == SubmissionStatus.values
