"""The closed list of error and warning codes: one entry a cause, with its rule and severity."""

from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How bad a finding is: an error keeps its record out of v3, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Code(StrEnum):
    """Every cause of an error or warning."""

    # Errors: the record is not in v3.
    ID_TAKEN = "id_taken"
    EMAIL_MISSING = "email_missing"
    EMAIL_DUPLICATE = "email_duplicate"
    ORGANIZATION_UNKNOWN = "organization_unknown"
    FORM_UNKNOWN = "form_unknown"
    ANSWER_ORPHANED = "answer_orphaned"
    VALUE_MISSING = "value_missing"
    VALUE_UNUSABLE = "value_unusable"
    VALUE_TOO_LONG = "value_too_long"
    VALUE_TAKEN = "value_taken"
    REFUSED_BY_POSTGRESQL = "refused_by_postgresql"
    # Warnings: the record is in v3, and differs from v2 as the rule says.
    TEXT_CLEANED = "text_cleaned"
    TIME_GAP_OR_OVERLAP = "time_gap_or_overlap"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    SETTING_DUPLICATE = "setting_duplicate"
    SETTING_WITHOUT_NAME = "setting_without_name"
    SETTING_WITHOUT_FIELD = "setting_without_field"
    FIELD_WITHOUT_FORM = "field_without_form"
    FIELD_WITHOUT_TYPE = "field_without_type"
    MAP_WITHOUT_FIELD = "map_without_field"
    MAP_WITHOUT_CHOICE = "map_without_choice"
    FIELD_TYPE_UNKNOWN = "field_type_unknown"
    FIELD_RENAMED = "field_renamed"
    NUMBER_MISSING = "number_missing"
    NUMBER_TOO_LONG = "number_too_long"
    NUMBER_DUPLICATE = "number_duplicate"
    STATUS_UNKNOWN = "status_unknown"
    STATUS_WITHOUT_ROW = "status_without_row"
    ANSWERS_MERGED = "answers_merged"
    ANSWER_FIELD_UNKNOWN = "answer_field_unknown"
    ANSWER_CHOICE_UNKNOWN = "answer_choice_unknown"
    ANSWER_OTHER_FORM = "answer_other_form"

    @property
    def info(self) -> "CodeInfo":
        """Severity, rule, meaning and reason of this code."""
        return CODES[self]


class CodeInfo(NamedTuple):
    """What a code means: its severity, the mapping rule it comes from, and one sentence.

    reason: of a warning, why v3 may differ from v2 there; empty for an error, which accepts
    nothing.
    """

    severity: Severity
    rule: str
    meaning: str
    reason: str = ""


_E, _W = Severity.ERROR, Severity.WARNING

CODES: dict[Code, CodeInfo] = {
    Code.ID_TAKEN: CodeInfo(_E, "M1", "v3 holds a row with this id that came from elsewhere"),
    Code.EMAIL_MISSING: CodeInfo(_E, "M6", "the user has no email"),
    Code.EMAIL_DUPLICATE: CodeInfo(
        _E, "M6", "an earlier user of the organization has this email, whatever its case"
    ),
    Code.ORGANIZATION_UNKNOWN: CodeInfo(
        _E, "M6, M8", "the organization it names does not exist or was not migrated"
    ),
    Code.FORM_UNKNOWN: CodeInfo(_E, "M18", "its form does not exist or was not migrated"),
    Code.ANSWER_ORPHANED: CodeInfo(_E, "M17", "the answer's submission does not exist"),
    Code.VALUE_MISSING: CodeInfo(_E, "R7", "a value that v2's schema requires is null"),
    Code.VALUE_UNUSABLE: CodeInfo(_E, "R7", "a value is of another type than v2's schema says"),
    Code.VALUE_TOO_LONG: CodeInfo(_E, "R7", "a text is longer than v3's column"),
    Code.VALUE_TAKEN: CodeInfo(
        _E, "R7", "another row of v3 has a value that only one row may have"
    ),
    Code.REFUSED_BY_POSTGRESQL: CodeInfo(_E, "R7", "PostgreSQL refused the row for another cause"),
    Code.TEXT_CLEANED: CodeInfo(
        _W,
        "M4",
        "U+0000 or a lone surrogate in the text became U+FFFD",
        "PostgreSQL stores neither; the place stays visible, and the warning's error_detail holds "
        "the text as it was",
    ),
    Code.TIME_GAP_OR_OVERLAP: CodeInfo(
        _W,
        "M3",
        "the time lies in a gap or an overlap of the time zone; the first reading is used",
        "v2 kept no zone, so nothing can tell which of the two moments was meant",
    ),
    Code.TIME_OUT_OF_RANGE: CodeInfo(
        _W,
        "M3",
        "the zone would push the time past the years 1 to 9999; it is read as UTC",
        "such a time stands for never or for ever, and hours off that mean the same",
    ),
    Code.SETTING_DUPLICATE: CodeInfo(
        _W,
        "M11",
        "two settings of one field have this name; the later one is used",
        "a name has one value in v3, and v2 cannot have used both",
    ),
    Code.SETTING_WITHOUT_NAME: CodeInfo(
        _W,
        "M11",
        "a setting without a name is left out",
        "nothing can have read a setting that has no name",
    ),
    Code.SETTING_WITHOUT_FIELD: CodeInfo(
        _W,
        "M11",
        "a setting's field does not exist",
        "there is no field it could belong to, in v2 or in v3",
    ),
    Code.FIELD_WITHOUT_FORM: CodeInfo(
        _W,
        "M11",
        "a field's form does not exist",
        "no form shows it; what was answered to it is kept under its own name (M17)",
    ),
    Code.FIELD_WITHOUT_TYPE: CodeInfo(
        _W,
        "M11",
        "a field's type does not exist; the field is a text field",
        "a text field shows every answer there can be",
    ),
    Code.MAP_WITHOUT_FIELD: CodeInfo(
        _W,
        "M11",
        "a choice is mapped to a field that does not exist",
        "there is no field it could be offered at; answers that name it still find its label",
    ),
    Code.MAP_WITHOUT_CHOICE: CodeInfo(
        _W,
        "M11",
        "a field is mapped to a choice that does not exist",
        "there is no label that could be offered; answers that name it are kept (M15, M17)",
    ),
    Code.FIELD_TYPE_UNKNOWN: CodeInfo(
        _W,
        "M9",
        "v3 has no such field type; the field is a text field and keeps the name",
        "a text field shows every answer there can be, and the mapping file can name a better type",
    ),
    Code.FIELD_RENAMED: CodeInfo(
        _W,
        "M10",
        "an earlier field of the form has this name; the later one got a suffix",
        "one key can hold one field's answers; v2's name stays in legacy_name",
    ),
    Code.NUMBER_MISSING: CodeInfo(
        _W,
        "M12",
        "no lookup code; the number is made from the Id",
        "v3 requires a number; that v2 had none stays in metadata.legacy_number",
    ),
    Code.NUMBER_TOO_LONG: CodeInfo(
        _W,
        "M12",
        "the lookup code is over 50 characters; the number is made from the Id",
        "v3's column ends there; v2's code stays whole in metadata.legacy_number",
    ),
    Code.NUMBER_DUPLICATE: CodeInfo(
        _W,
        "M12",
        "the lookup code was used before; the number is made from the Id",
        "an organization has a number once in v3; v2's code stays in metadata.legacy_number",
    ),
    Code.STATUS_UNKNOWN: CodeInfo(
        _W,
        "M13",
        "v3 has no such status; it is submitted",
        "v3's list of statuses is closed; v2's stays in metadata.legacy_status",
    ),
    Code.STATUS_WITHOUT_ROW: CodeInfo(
        _W,
        "M18",
        "the status row does not exist; it is submitted",
        "v3 requires a status, and v2 itself no longer knows which it was",
    ),
    Code.ANSWERS_MERGED: CodeInfo(
        _W,
        "M16",
        "a field answered more than once; its value is a list",
        "one key holds them all, in the order they were given",
    ),
    Code.ANSWER_FIELD_UNKNOWN: CodeInfo(
        _W,
        "M17",
        "the answer's field exists nowhere; it is kept in metadata.unmapped",
        "data is by names of fields, and this field's name is lost in v2 already",
    ),
    Code.ANSWER_CHOICE_UNKNOWN: CodeInfo(
        _W,
        "M15, M17",
        "the answer's choice exists nowhere; it is kept in metadata",
        "its name is lost in v2 already; the id it had is kept",
    ),
    Code.ANSWER_OTHER_FORM: CodeInfo(
        _W,
        "M17",
        "the answer's field belongs to another form",
        "v2 held it with this submission, so it stays with it, in data or in metadata.unmapped",
    ),
}
