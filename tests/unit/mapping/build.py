"""Small v2 rows and the context to map them in: a test names only what its story is about."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from transfer.mapping.codes import Code
from transfer.mapping.context import MappingContext, MappingFile
from transfer.mapping.findings import Outcome
from transfer.mapping.forms import FormParts, map_form
from transfer.mapping.layout import Reference, form_fields
from transfer.mapping.numbers import Number
from transfer.mapping.submissions import map_submission
from transfer.records import (
    V2Answer,
    V2ChoiceMap,
    V2Field,
    V2FieldSetting,
    V2Form,
    V2Organization,
    V2Submission,
    V2User,
)

STARTED = datetime(2025, 1, 22, 20, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


def uid(number: int) -> str:
    """The number as a v2 Id: its hex digits lead, so that Ids sort as their numbers do."""
    digits = f"{number:08x}".ljust(32, "0")
    parts = digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]
    return "-".join(parts)


def at(text: str) -> datetime:
    """A v2 time: naive."""
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    """A v3 time: aware, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ORG, OTHER_ORG, FORM, OTHER_FORM, SUBMISSION = uid(1), uid(2), uid(10), uid(11), uid(100)
TEXT_BOX, CHECK_BOX, DRAFT, SUBMITTED = uid(20), uid(21), uid(30), uid(31)
CREATED = at("2024-03-01T10:20:30.123456")


def context(**changes: Any) -> MappingContext:
    base = MappingContext("v2_migration_2025_01_22", STARTED, ZoneInfo("UTC"))
    return dataclasses.replace(base, **changes)


def mapping_file(**tables: Mapping[str, Any]) -> MappingFile:
    return MappingFile(**tables)


def organization(number: int = 1, name: Any = "Acme", created_on: Any = CREATED) -> V2Organization:
    return V2Organization(uid(number), name, created_on)


def user(**changes: Any) -> V2User:
    base = V2User(uid(50), ORG, "ann@example.com", "ann", "Ann", "Archer", True, CREATED, CREATED)
    return base._replace(**changes)


def form(**changes: Any) -> V2Form:
    return V2Form(FORM, "Leave Request", "Leave request", None, ORG, CREATED)._replace(**changes)


def field(number: int, name: Any = "Name", **changes: Any) -> V2Field:
    base = V2Field(uid(number), FORM, TEXT_BOX, name, None, False, number, "TextBox")
    return base._replace(**changes)


def checkbox(number: int, name: Any = "Colours", **changes: Any) -> V2Field:
    return field(number, name, field_type_id=CHECK_BOX, type_name="CheckBox")._replace(**changes)


def setting(number: int | None, field_id: str, name: Any, value: Any) -> V2FieldSetting:
    return V2FieldSetting(None if number is None else uid(number), field_id, name, value)


def choice(
    map_number: int | None, field_id: str, choice_number: int, label: Any, **changes: Any
) -> V2ChoiceMap:
    base = V2ChoiceMap(
        None if map_number is None else uid(map_number),
        field_id,
        uid(choice_number),
        choice_number,
        True,
        label,
    )
    return base._replace(**changes)


def parts(
    *fields: V2Field,
    settings: Iterable[V2FieldSetting] = (),
    maps: Iterable[V2ChoiceMap] = (),
    **changes: Any,
) -> FormParts:
    return FormParts(form(**changes), list(fields), list(settings), list(maps))


def mapped_form(story: FormParts, **changes: Any) -> Outcome:
    return map_form(story, "a-slug", context(**changes), organizations={ORG})


def definition(outcome: Outcome) -> Any:
    assert outcome.row is not None, outcome.findings
    return orjson.loads(outcome.row.definition)  # type: ignore[union-attr]  # a form's row


def reference(
    *fields: V2Field, maps: Iterable[V2ChoiceMap] = (), other: Iterable[V2Field] = ()
) -> Reference:
    """FORM with these fields in ORG, and OTHER_FORM with the other ones; two statuses."""
    maps = list(maps)
    ref = Reference(
        organizations={ORG, OTHER_ORG}, statuses={DRAFT: "Draft", SUBMITTED: "Submitted"}
    )
    ref.add_form(FORM, ORG, form_fields(fields, maps, context()), maps)
    ref.add_form(OTHER_FORM, OTHER_ORG, form_fields(other, maps, context()), maps)
    return ref


def submission(**changes: Any) -> V2Submission:
    base = V2Submission(
        SUBMISSION, FORM, SUBMITTED, "LR-1", CREATED, at("2024-03-02T00:00:00"), None
    )
    return base._replace(**changes)


def answer(number: int | None, field_id: Any, text: Any = None, chosen: Any = None) -> V2Answer:
    return (SUBMISSION, field_id, text, chosen, None if number is None else uid(number))


def mapped(
    ref: Reference, *answers: V2Answer, number: Number | None = None, **changes: Any
) -> Outcome:
    return map_submission(submission(**changes), list(answers), ref, context(), number)


def data(outcome: Outcome) -> Any:
    assert outcome.row is not None, outcome.findings
    return orjson.loads(outcome.row.data)  # type: ignore[union-attr]  # a submission's row


def metadata(outcome: Outcome) -> Any:
    """The row's metadata besides the migration's name (M2)."""
    assert outcome.row is not None, outcome.findings
    document = orjson.loads(outcome.row.metadata)
    assert document.pop("migration_batch") == "v2_migration_2025_01_22"
    return document


def codes(outcome: Outcome) -> list[Code]:
    return [finding.code for finding in outcome.findings]
