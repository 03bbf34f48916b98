import pickle

import pytest

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
"""


def test_a_mapping_file_is_read_whole():
    assert parse_mapping_file(WHOLE) == MappingFile(
        forms={FORM: ORG, "Leave Request": OTHER_ORG},
        field_types={"radiobutton": "radio", "date picker": "date"},
        statuses={"in review": "processing", "closed": "archived"},
    )


@pytest.mark.parametrize("text", ["", "[forms]", "# nothing", "[statuses]\n[field_types]"])
def test_a_mapping_file_may_leave_everything_out(text):
    assert parse_mapping_file(text) == MappingFile()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[forms", ["not TOML"]),
        ("forms = 1", ["forms", "[forms]"]),
        ("[[statuses]]\nDraft = 'draft'", ["statuses", "[statuses]"]),
        ("[form]\nx = 'y'", ["'form'", "[forms], [field_types], [statuses]"]),
        ("[forms]\nLeave = 'acme'", ["[forms] 'Leave'", "'acme'", "organization's id"]),
        ("[forms]\nLeave = 7", ["[forms] 'Leave'", "7", "organization's id"]),
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
"""

    assert parse_mapping_file(other_way_round) == parse_mapping_file(WHOLE)


def test_the_context_can_be_sent_to_another_process():
    sent = context(mapping=parse_mapping_file(WHOLE), time_zone=NEW_YORK)
    assert sent.metadata == b'{"migration_batch":"v2_migration_2025_01_22"}'

    received = pickle.loads(pickle.dumps(sent))  # noqa: S301 - its own bytes

    assert received == sent
    assert received.statuses == sent.statuses
