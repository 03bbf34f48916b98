"""What to do about each hazard, and the hazards that no finding of a run stands for."""

from collections.abc import Mapping
from typing import NamedTuple

from transfer.mapping.codes import Code

# Hazards a run records no finding for: it refuses to start, or all is as it should be.
ID_TWICE = "id_twice"
FORM_WITHOUT_ORGANIZATION = "form_without_organization"
TEXT_BESIDE_CHOICE = "text_beside_choice"
DOCUMENT_LARGE = "document_large"
DATE_EXTREME = "date_extreme"

LARGE_DOCUMENT = 1_000_000  # bytes of a submission's texts
# Years outside of these stand for never, for ever, or a slip of the finger.
FIRST_YEAR, LAST_YEAR = 1900, 2099


class Note(NamedTuple):
    """A hazard that is no finding of a run; where it blocks, the run refuses to start."""

    rule: str
    meaning: str
    action: str
    blocks: bool = False


NOTES: Mapping[str, Note] = {
    ID_TWICE: Note(
        "R1",
        "an Id is there more than once, and import refuses to start",
        "Repair the copy of v2: one of the rows would be lost.",
        blocks=True,
    ),
    FORM_WITHOUT_ORGANIZATION: Note(
        "M8",
        "nothing names the form's organization, and import refuses to start",
        "Give --default-organization ID, or name the forms in V2_MAPPING's file under [forms].",
        blocks=True,
    ),
    TEXT_BESIDE_CHOICE: Note(
        "M15",
        "an answer has both text and a choice: the text goes to data, the choice's name to "
        "metadata.choices",
        "None needed; tell those who read the data that the choice is there.",
    ),
    DOCUMENT_LARGE: Note(
        "M15",
        "a submission whose answers' texts add up to over 1,000,000 bytes; it goes in whole",
        "--batch-size auto, or a small one, needs less memory; see whether a file was pasted into "
        "a field.",
    ),
    DATE_EXTREME: Note(
        "M3",
        f"a time before {FIRST_YEAR} or after {LAST_YEAR}; it goes in as it is",
        "See whether it stands for never or for ever, and who reads it.",
    ),
}

_NONE = "None needed; what v2 has is kept."
_V2_OR_LOSE = "Repair it in v2 before the run, or repair and retry_v2 after; else it stays out."
_V2 = "Repair it in v2 before the run if it matters; what v2 has is kept."

ACTIONS: Mapping[Code, str] = {
    Code.ID_TAKEN: "See what wrote the row in v3; remove it there, then retry_v2.",
    Code.EMAIL_MISSING: "Give the user an email in v2; else the user stays out.",
    Code.EMAIL_DUPLICATE: "Give one of them another email in v2; else the later one stays out.",
    Code.ORGANIZATION_UNKNOWN: "Name an organization that exists; else the record stays out.",
    Code.FORM_UNKNOWN: "Put the form back, or mend what keeps it out; else it stays out.",
    Code.ANSWER_ORPHANED: "Put the submission back in v2 if it is wanted; else the answer is out.",
    Code.VALUE_MISSING: _V2_OR_LOSE,
    Code.VALUE_UNUSABLE: _V2_OR_LOSE,
    Code.VALUE_TOO_LONG: "Shorten it in v2; else the record stays out.",
    Code.VALUE_TAKEN: _V2_OR_LOSE,
    Code.REFUSED_BY_POSTGRESQL: _V2_OR_LOSE,
    Code.TEXT_CLEANED: "None needed; error_detail holds the text as it was.",
    Code.TIME_GAP_OR_OVERLAP: "See that V2_TIME_ZONE is the zone v2's clock is in.",
    Code.TIME_OUT_OF_RANGE: "See that V2_TIME_ZONE is the zone v2's clock is in.",
    Code.SETTING_DUPLICATE: "Delete the earlier one in v2 if it is the right one that loses.",
    Code.SETTING_WITHOUT_NAME: "Name it in v2 if it is wanted; else it is left out.",
    Code.SETTING_WITHOUT_FIELD: "None needed; it belongs to nothing.",
    Code.FIELD_WITHOUT_FORM: _V2,
    Code.FIELD_WITHOUT_TYPE: "Give the field a type in v2; else it is a text field.",
    Code.MAP_WITHOUT_FIELD: "None needed; it is offered nowhere.",
    Code.MAP_WITHOUT_CHOICE: "Put the choice back in v2 if its name is wanted.",
    Code.FIELD_TYPE_UNKNOWN: "Name v3's type in V2_MAPPING's file under [field_types].",
    Code.FIELD_RENAMED: "Rename the field in v2, or tell those who read the data its new name.",
    Code.NUMBER_MISSING: _NONE,
    Code.NUMBER_TOO_LONG: _NONE,
    Code.NUMBER_DUPLICATE: "Give one of them another code in v2, or let the later one be renamed.",
    Code.STATUS_UNKNOWN: "Name v3's status in V2_MAPPING's file under [statuses].",
    Code.STATUS_WITHOUT_ROW: "Put the status row back in v2 if its name is known.",
    Code.ANSWERS_MERGED: "None needed; tell those who read the data that it is a list there.",
    Code.ANSWER_FIELD_UNKNOWN: "Put the field back in v2 if its name is known.",
    Code.ANSWER_CHOICE_UNKNOWN: "Put the choice back in v2 if its name is known.",
    Code.ANSWER_OTHER_FORM: _NONE,
}
