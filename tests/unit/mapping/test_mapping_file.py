import pickle

import pytest

from legacy_v2.ids import uuid_of
from tests.unit.mapping.build import FORM, NEW_YORK, ORG, OTHER_ORG, context
from transfer.exceptions import ConfigurationError
from transfer.mapping.context import MappingFile, parse_mapping_file

WHOLE = f"""
[forms]  # by id or by name
"{FORM.upper()}" = "{ORG.upper()}"
"Leave Request" = "{OTHER_ORG}"

[field_types]
RadioButton = "radio"
"Date Picker" = "date"

[statuses]
"In Review" = "processing"
Closed = "archived"

[tables]
FormSubmission = "tblSubmission"
field_choice_map = "Field Choices"  # canonical names in any case

[columns.FormSubmission]
LookupCode = "Code"
id = "Submission.Key"
[columns.fieldtype]
Name = "Bezeichnung (größer)"
"""


def test_a_mapping_file_is_read_whole():
    assert parse_mapping_file(WHOLE) == MappingFile(
        forms={FORM: ORG, "Leave Request": OTHER_ORG},
        field_types={"radiobutton": "radio", "date picker": "date"},
        statuses={"in review": "processing", "closed": "archived"},
        tables={"FormSubmission": "tblSubmission", "Field_Choice_Map": "Field Choices"},
        columns={
            "FormSubmission": {"LookupCode": "Code", "Id": "Submission.Key"},
            "FieldType": {"Name": "Bezeichnung (größer)"},
        },
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[forms]",
        "# nothing",
        "[statuses]\n[field_types]",
        "[tables]\n[columns]",
        "[tables]\nField = 'Field'\n[columns.Choice]\nId = 'Id'",  # the same as without
    ],
)
def test_a_mapping_file_may_leave_everything_out(text):
    assert parse_mapping_file(text) == MappingFile()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[forms", ["not TOML"]),
        ("forms = 1", ["forms", "[forms]"]),
        ("[[statuses]]\nDraft = 'draft'", ["statuses", "[statuses]"]),
        (
            "[form]\nx = 'y'",
            ["'form'", "[forms], [field_types], [statuses], [tables], [columns.TABLE]"],
        ),
        ("[forms]\nLeave = 'acme'", ["[forms] 'Leave'", "'acme'", "organization's id"]),
        ("[forms]\nLeave = 1.5", ["[forms] 'Leave'", "1.5", "or a number like 17"]),
        ("[forms]\nLeave = true", ["[forms] 'Leave'", "True", "organization's id"]),
        (f"[forms]\nLeave = {1 << 63}", ["[forms] 'Leave'", "is 9223372036854775808;"]),
        (f"[forms]\nLeave = '{1 << 63}'", ["[forms] 'Leave'", "organization's id"]),
        (f"[forms]\nLeave = '{{{ORG}}}'", ["[forms] 'Leave'", "organization's id"]),
        (f"[forms]\nLeave = '{ORG} '", ["[forms] 'Leave'", "organization's id"]),
        (f"[forms]\n'' = '{ORG}'", ["[forms] ''", "empty name"]),
        (
            f"[forms]\n'{FORM.replace('a', 'A')}' = '{ORG}'\n'{FORM}' = '{ORG}'",
            ["[forms]", FORM[:8], "twice"],
        ),
        ("[field_types]\nRadio = ''", ["[field_types] 'Radio'", "textarea"]),
        ("[field_types]\nRadio = 'Radio Button'", ["[field_types] 'Radio'", "lower-case word"]),
        ("[field_types]\nRadio.x = 'radio'", ["[field_types] 'Radio'", "lower-case word"]),
        ("[field_types]\nA = 'text'\na = 'text'", ["[field_types] 'a'", "twice"]),
        ("[statuses]\nClosed = 'closed'", ["[statuses] 'Closed'", "'closed'", "archived"]),
        ("[statuses]\nClosed = 'Archived'", ["[statuses] 'Closed'", "archived"]),
        ("[statuses]\nClosed = true", ["[statuses] 'Closed'", "True", "archived"]),
    ],
)
def test_a_mistake_names_the_key_and_what_is_allowed(text, said):
    with pytest.raises(ConfigurationError) as raised:
        parse_mapping_file(text)

    message = str(raised.value)
    assert all(part in message for part in said), message


def test_a_whole_number_is_an_organization_s_id_where_v2_has_such():
    assert parse_mapping_file("[forms]\nA = 17\nB = '17'\n17 = -1").forms == {
        "A": uuid_of(17),
        "B": uuid_of(17),
        "17": uuid_of(-1),
    }
    # A form, too, is known by its number, also where a message told the UUID made from it.
    assert list(parse_mapping_file(f"[forms]\n{uuid_of(17).upper()} = 1").forms) == ["17"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tables]\nForms = 'x'", ["[tables] 'Forms'", "no table of v2", "Organization, User,"]),
        ("[tables]\nField = ''", ["[tables] 'Field'", "''", "as text"]),
        ("[tables]\nField = '  '", ["[tables] 'Field'", "as text"]),
        ("[tables]\nField = 7", ["[tables] 'Field'", "7", "as text"]),
        ("[tables.Field]\nId = 'x'", ["[tables] 'Field'", "as text"]),
        ("[tables]\nField = 'a'\nfield = 'b'", ["[tables] 'field'", "twice"]),
        ("[tables]\nField = 'archive.Fields'", ["'archive.Fields'", "schema", "V2_SCHEMA"]),
        ("[tables]\nField = 'u0'", ["[tables] 'Field'", "'u0'", "view of another name"]),
        (
            "[tables]\nField = 'X'\nFormType = 'x'",
            ["[tables]", "FormType and Field are both 'X'", "a name of its own"],
        ),
        ("[tables]\nField = 'Choice'", ["[tables]", "Field and Choice are both 'Choice'"]),
        ("columns = 1", ["columns", "[columns]"]),
        ("[columns]\nField = 'x'", ["[columns] 'Field'", "[columns.Field]"]),
        ("[columns.Forms]\nId = 'x'", ["[columns.Forms]", "no table of v2", "FormType, Field,"]),
        (
            "[columns.tblField]\nId = 'x'\n[tables]\nField = 'tblField'",
            ["[columns.tblField]", "by its canonical name"],
        ),
        ("[columns.'a b']\nId = 'x'", ["[columns] 'a b'", "no table of v2"]),
        (
            "[columns.Choice]\nText = 'x'",
            ["[columns.Choice] 'Text'", "no column of Choice", "allowed are Id, DisplayName"],
        ),
        ("[columns.Choice]\nId = ['x']", ["[columns.Choice] 'Id'", "as text"]),
        ("[columns.Choice]\nId = 'a'\nID = 'b'", ["[columns.Choice] 'ID'", "twice"]),
        (
            "[columns.Choice]\nId = 'a'\n[columns.choice]\nDisplayName = 'b'",
            ["[columns.choice]", "twice"],
        ),
        (
            "[columns.Choice]\nDisplayName = 'id'",
            ["[columns.Choice]", "Id and DisplayName are both 'id'"],
        ),
    ],
)
def test_a_wrong_name_is_told_with_the_key_and_what_is_allowed(text, said):
    with pytest.raises(ConfigurationError) as raised:
        parse_mapping_file(text)

    message = str(raised.value)
    assert all(part in message for part in said), message


@pytest.mark.parametrize(
    "name",
    [
        'a"b', '"', "a'b", "a`b", "a]b", "[a]", "a%sb", "a?b", "a\u0000b", "a\nb", "\x1b[31m",
        "a\u2028b", '"; DROP TABLE x; --',
    ],
)  # fmt: skip
def test_a_name_that_no_quoting_holds_is_refused(name):
    written = "".join(f"\\u{ord(one):04x}" for one in name)
    for section, key in (("tables", "Field"), ("columns.Field", "Name")):
        with pytest.raises(ConfigurationError, match="a name may not hold") as raised:
            parse_mapping_file(f'[{section}]\n{key} = "{written}"')
        assert str(raised.value).isprintable()
        assert f"[{section}] '{key}'" in str(raised.value)


def test_a_name_has_128_characters_at_most():
    assert parse_mapping_file(f"[tables]\nField = '{'n' * 128}'").tables == {"Field": "n" * 128}
    with pytest.raises(ConfigurationError, match=r"129 characters; a name has 128 at most"):
        parse_mapping_file(f"[tables]\nField = '{'n' * 129}'")


def test_names_may_be_exchanged():
    found = parse_mapping_file("[tables]\nField = 'Choice'\nChoice = 'Field'")
    assert found.tables == {"Field": "Choice", "Choice": "Field"}


def test_order_and_case_do_not_change_what_a_file_means():
    other_way_round = f"""
[statuses]
closed = 'archived'
"IN REVIEW" = 'processing'
[field_types]
"DATE picker" = 'date'
radiobutton = 'radio'
[forms]
"Leave Request" = '{OTHER_ORG}'
{FORM} = '{ORG}'
[columns.FIELDTYPE]
name = "Bezeichnung (größer)"
[columns.formsubmission]
ID = "Submission.Key"
LOOKUPCODE = "Code"
[tables]
Field_Choice_Map = "Field Choices"
formsubmission = "tblSubmission"
"""

    assert parse_mapping_file(other_way_round) == parse_mapping_file(WHOLE)


def test_the_context_can_be_sent_to_another_process():
    sent = context(mapping=parse_mapping_file(WHOLE), time_zone=NEW_YORK)
    assert sent.metadata == b'{"migration_batch":"v2_migration_2025_01_22"}'

    received = pickle.loads(pickle.dumps(sent))  # noqa: S301 - its own bytes

    assert received == sent
    assert received.statuses == sent.statuses
