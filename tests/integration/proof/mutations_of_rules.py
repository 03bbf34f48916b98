"""Rules broken in the mapping's code, each so that the counts balance all the same."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from transfer import scope, uniqueness, work, work_submissions
from transfer.lookup_codes import Wishes
from transfer.mapping import answers, forms, layout, record, slugs, submissions
from transfer.mapping.context import SUBMISSION_STATUSES, MappingContext
from transfer.mapping.findings import Outcome
from transfer.mapping.record import RecordInHand

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Break:
    """A rule broken.

    Args:
        name: the rule, and what the code does instead.
        patch: breaks it.
        places: (table, column) of differences that are to be found.
        also: checks that fail besides those of the values.
    """

    name: str
    patch: Patch
    places: tuple[tuple[str, str], ...]
    also: frozenset[str] = frozenset()


def put(owner: Any, name: str, value: Any) -> Patch:
    return lambda monkeypatch: monkeypatch.setattr(owner, name, value)


def both(*patches: Patch) -> Patch:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        for one in patches:
            one(monkeypatch)

    return patch


def reading(name: str, change: Callable[[Any], Mapping[str, Any]]) -> Patch:
    """map_user or map_submission given another row of v2."""
    owner: Any = work if name == "map_user" else work_submissions
    mapped = getattr(owner, name)

    def misread(row: Any, *args: Any, **kwargs: Any) -> Any:
        return mapped(row._replace(**change(row)), *args, **kwargs)

    return put(owner, name, misread)


def writing(owner: Any, name: str, change: Callable[[Any], Mapping[str, Any]]) -> Patch:
    """A function of the mapping whose row comes out another."""
    mapped = getattr(owner, name)

    def miswritten(*args: Any, **kwargs: Any) -> Outcome:
        made: Outcome = mapped(*args, **kwargs)
        if made.row is None:
            return made
        return replace(made, row=made.row._replace(**change(made.row)))

    return put(owner, name, miswritten)


def json_of(row: Any, column: str, change: Callable[[dict[str, Any]], Any]) -> dict[str, bytes]:
    document = orjson.loads(getattr(row, column))
    change(document)
    return {column: orjson.dumps(document)}


def texts(change: Callable[[str], str]) -> Patch:
    """Every text of v2 changed."""
    text = RecordInHand.text

    def changed(self: RecordInHand, value: object, column: str) -> str:
        return change(text(self, value, column))

    return put(RecordInHand, "text", changed)


def _late(moment: datetime, zone: Any) -> tuple[datetime, None]:
    return moment.replace(tzinfo=zone, fold=1).astimezone(UTC), None


def _no_zone(moment: datetime, _zone: Any) -> tuple[datetime, None]:
    return moment.replace(tzinfo=UTC), None


def _earlier_keeps(names: list[str]) -> list[str]:
    return list(reversed(layout_unique_names(list(reversed(names)))))


def _from_one(names: list[str]) -> list[str]:
    made = layout_unique_names(names)
    return [
        new if new == old else f"{old}_{int(new.rsplit('_', 1)[1]) - 1}"
        for old, new in zip(names, made, strict=True)
    ]


layout_unique_names = layout.unique_names


def _first_setting(_findings: object, rows: list[Any]) -> dict[str, str | None]:
    kept: dict[str, str | None] = {}
    for row in sorted(rows, key=lambda row: row.id):
        if row.name:
            kept.setdefault(row.name, row.stored_value)
    return kept


def _default_first(form: Any, ctx: MappingContext) -> str | None:
    return form.organization_id or ctx.default_organization


def _later_first(original: Callable[[Wishes], bytes]) -> Callable[[Wishes], bytes]:
    def lines(self: Wishes) -> bytes:
        turned = [made and datetime.max - (made - datetime.min) for made in self.created]  # noqa: DTZ901 - v2's times have no zone
        return original(self._replace(created=turned))

    return lines


def _choice_first(answer: Any) -> Any:
    if answer.choice_id is None:
        return answer
    return answer._replace(is_choice=True, value=answer.label)


read_answer = answers._read
unmapped_lists = answers._Result.unmapped_lists
in_choice_order = answers._in_choice_order


def _no_labels(self: Any) -> dict[str, list[dict[str, Any]]]:
    lists = unmapped_lists(self)
    for entries in lists.values():
        for entry in entries:
            entry.pop("label", None)
    return lists


def _one_is_no_list(own: Any, group: Any) -> Any:
    made = in_choice_order(own, group)
    return made[0] if len(made) == 1 else made


def _without_code(_record: Any, row: Any, number: Any, _extra: Any) -> str:
    return str(row.lookup_code if number is None else number.value)


statuses = {status: status for status in SUBMISSION_STATUSES if status != "archived"}
status_of = submissions._status
ANSWERS_LOST = frozenset({"Answers", "Run of answers"})
NUMBER = ("submissions", "submission_number")
SLUGS = (("organizations", "slug"), ("forms", "slug"))

BREAKS = [
    Break("M2: another batch in forms",
          writing(work, "map_form",
                  lambda row: json_of(row, "metadata", lambda m: m.update(migration="v2"))),
          (("forms", "metadata[migration]"),)),
    Break("M3: the second reading of an hour that comes twice",
          put(record, "to_utc", _late),
          (("submissions", "created_at"), ("submissions", "updated_at"))),
    Break("M3: no zone", put(record, "to_utc", _no_zone),
          (("organizations", "created_at"), ("users", "updated_at"), ("forms", "created_at"),
           ("submissions", "submitted_at"))),
    Break("M4: NFC", texts(lambda text: unicodedata.normalize("NFC", text)),
          (("organizations", "name"), ("submissions", "data[who]"))),
    Break("M4: blanks trimmed", texts(str.strip),
          (("organizations", "name"), ("submissions", "data[blank]"))),
    Break("M4: U+0000 left out", put(record, "clean", lambda text: text.replace("\0", "")),
          (("users", "auth_data[last_name]"),)),
    Break("M5: suffixes from 1",
          put(slugs, "_suffixed", lambda base, number: f"{base}-{number - 1}"), SLUGS),
    Break("M5: by Id, not by time",
          put(slugs, "_order", lambda wish: (False, slugs._NO_TIME, wish.id)),
          (("organizations", "slug"),)),
    Break("M5: the time of the organization for that of the migration",
          writing(work, "map_organization",
                  lambda row: json_of(row, "settings",
                                      lambda s: s.update(migration_date=str(row.created_at)))),
          (("organizations", "settings[migration_date]"),)),
    Break("M6: emails in lower case", reading("map_user", lambda row: {"email": row.email.lower()}),
          (("users", "email"),)),
    Break("M6: first and last name swapped",
          reading("map_user",
                  lambda row: {"first_name": row.last_name, "last_name": row.first_name}),
          (("users", "auth_data[first_name]"), ("users", "auth_data[last_name]"))),
    Break("M6, M9: flags turned",
          put(RecordInHand, "flag", lambda _self, value, _column: not value),
          (("users", "status"), ("forms", "definition"))),
    Break("M7: another version", put(forms, "VERSION", "1.0"), (("forms", "version"),)),
    Break("M8: the default before the mapping file",
          both(put(forms, "form_organization", _default_first),
               put(scope, "form_organization", _default_first)),
          (("forms", "organization_id"),)),
    Break("M9: fields from the last to the first",
          put(forms, "field_order", lambda row: (-(row.sort_order or 0), row.id)),
          (("forms", "definition"),)),
    Break("M9: choices from the last to the first",
          put(layout, "choice_order",
              lambda row: (-(row.sort_order or 0), 0, row.choice_id, row.id or "")),
          (("forms", "definition"), ("submissions", "data[boxes]"))),
    Break("M9: a choice's name for its id",
          put(forms, "_choice",
              lambda _form, row: {"value": row.display_name, "label": row.display_name}),
          (("forms", "definition"),)),
    Break("M9: another type's name lost",
          writing(work, "map_form", lambda row: json_of(row, "definition", lambda d: [
              field.pop("legacy_type", None) for field in d["fields"]])),
          (("forms", "definition"),)),
    Break("M10: suffixes from 1", put(layout, "unique_names", _from_one),
          (("forms", "definition"),)),
    Break("M10: the later field keeps the name", put(layout, "unique_names", _earlier_keeps),
          (("forms", "definition"),)),
    Break("M11: the earlier setting wins", put(forms, "_settings", _first_setting),
          (("forms", "definition"),)),
    Break("M12: numbers of nine digits", put(uniqueness, "FEWEST_DIGITS", 9), (NUMBER,)),
    Break("M12: the later one keeps the number",
          put(Wishes, "copy_lines", _later_first(Wishes.copy_lines)), (NUMBER,)),
    Break("M12: v2's code lost", put(submissions, "_number", _without_code),
          (("submissions", "metadata[legacy_number]"),)),
    Break("M13: a status of v3's not known", put(MappingContext, "statuses", statuses),
          (("submissions", "status"), ("submissions", "metadata[legacy_status]"))),
    Break("M13: v2's status lost",
          put(submissions, "_status", lambda one, row, run, _extra: status_of(one, row, run, {})),
          (("submissions", "metadata[legacy_status]"),)),
    Break("M14: drafts submitted",
          writing(work_submissions, "map_submission",
                  lambda row: {"submitted_at": row.updated_at}),
          (("submissions", "submitted_at"),)),
    Break("M14: LastUpdatedOn not looked at",
          reading("map_submission", lambda _row: {"last_updated_on": None}),
          (("submissions", "updated_at"), ("submissions", "submitted_at"))),
    Break("M15: the choice before the text",
          put(answers, "_read", lambda *args: _choice_first(read_answer(*args))),
          (("submissions", "data[pick]"),)),
    Break("M15: choices beside texts lost",
          writing(work_submissions, "map_submission", lambda row: json_of(
              row, "metadata", lambda m: m.pop("choices", None))),
          (("submissions", "choices[pick]"),), frozenset({"Run of answers"})),
    Break("M15: answers of null left out",
          writing(work_submissions, "map_submission", lambda row: json_of(
              row, "data", lambda d: [d.pop(k) for k in [*d] if d[k] is None])),
          (("submissions", "data[number]"),), ANSWERS_LOST),
    Break("M16: lists turned round",
          put(answers, "_in_choice_order", lambda *args: in_choice_order(*args)[::-1]),
          (("submissions", "data[boxes]"),)),
    Break("M16: one box is no list", put(answers, "_in_choice_order", _one_is_no_list),
          (("submissions", "data[boxes]"),)),
    Break("M16: several answers by value",
          put(answers, "_order", lambda answer: (answer.value or "", answer.row[4])),
          (("submissions", "data[why]"),)),
    Break("M17: answers of other forms' fields all unmapped",
          put(answers, "_strangers", lambda by_field, form_id, ref: dict.fromkeys(
              (one for one in by_field if ref.fields[one].form_id != form_id), False)),
          (("submissions", "data[*extra]"), ("submissions", "metadata"))),
    Break("M17: unmapped answers lost", put(answers._Result, "unmapped_lists", lambda _self: {}),
          (("submissions", "metadata"),), ANSWERS_LOST),
    Break("M17: names of unmapped choices lost",
          put(answers._Result, "unmapped_lists", _no_labels), (("submissions", "metadata"),)),
    Break("M18: without a status row a draft", put(submissions, "OTHER_STATUS", "draft"),
          (("submissions", "status"), ("submissions", "submitted_at"))),
]  # fmt: skip
