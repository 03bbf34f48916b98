"""What changes which rows a run writes (§6): kept with a migration, compared when it goes on.

A fingerprint is a JSON document, one key a part. Each part that differs is told with what it
was, what it is, and what to do about it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from legacy_v2.ids import written
from transfer.mapping.context import MappingFile
from transfer.mapping.text import clean, shorten
from transfer.plan import TABLES

# What a person calls each part; docs/runbook.md explains them under the same names.
LABELS = {
    "source": "the v2 database",
    "tables": "--tables",
    "organizations": "--organization",
    "default_organization": "--default-organization",
    "[forms]": "V2_MAPPING [forms]",
    "[field_types]": "V2_MAPPING [field_types]",
    "[statuses]": "V2_MAPPING [statuses]",
    "[tables]": "V2_MAPPING [tables]",
    "[columns]": "V2_MAPPING [columns]",
    "time_zone": "V2_TIME_ZONE",
    "form_status": "V2_FORM_STATUS",
    "rules": "the rules of this program",
}
SECTIONS = ("forms", "field_types", "statuses", "tables", "columns")  # of the mapping file
# Not written down where they are empty: migrations begun before there were any go on.
LATER_SECTIONS = ("tables", "columns")
# A section of no more entries is kept word for word, so that each difference can be named; of a
# longer one (a form each) only the digest, for every progress row holds a copy.
KEPT_ENTRIES = 200
NAMED_ENTRIES = 3  # in one message
EARLIER_BUILD = (
    "an earlier build of this program began it, and wrote down less than this one has to compare "
    "(finish it with that build)"
)


def mapping_part(mapping: MappingFile) -> dict[str, dict[str, Any]]:
    """The mapping file's meaning, section by section: neither order nor comments matter."""
    columns = {
        f"{table}.{column}": actual
        for table, own in mapping.columns.items()
        for column, actual in own.items()
    }
    entries = {name: getattr(mapping, name) for name in SECTIONS} | {"columns": columns}
    return {
        name: _section(own) for name, own in entries.items() if own or name not in LATER_SECTIONS
    }


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Each part of a fingerprint that differs: what it was, what it is, and what to do.

    Returns:
        One sentence a part, none ended with a full stop; empty where nothing differs.
    """
    if not isinstance(then.get("mapping"), Mapping) or "rules" not in then:
        return [EARLIER_BUILD]
    was, is_ = _flat(then), _flat(now)
    return [_told(part, was.get(part), is_[part]) for part in LABELS if was.get(part) != is_[part]]


def _flat(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    sections = {name: _section({}) for name in LATER_SECTIONS} | dict(fingerprint["mapping"])
    return {**fingerprint, **{f"[{name}]": section for name, section in sections.items()}}


def _section(entries: Mapping[str, str]) -> dict[str, Any]:
    meaning = sorted(entries.items())
    part: dict[str, Any] = {"sha256": hashlib.sha256(json.dumps(meaning).encode()).hexdigest()}
    if len(meaning) <= KEPT_ENTRIES:
        part["entries"] = {clean(key): value for key, value in meaning}  # jsonb takes no U+0000
    return part


def _told(part: str, was: Any, is_: Any) -> str:  # noqa: ANN401 - whatever the part holds
    label = LABELS[part]
    if part.startswith("["):
        return f"{label}: {_entries(was, is_)} (put the file back as it was)"
    if part == "rules":
        return (
            f"{label} were version {was}, are version {is_}: it was upgraded or replaced in "
            "between (finish with the build it was begun with)"
        )
    return f"{label} was {_value(part, was)}, is {_value(part, is_)} ({_remedy(part, was)})"


def _value(part: str, value: Any) -> str:  # noqa: ANN401 - as _told
    if part == "tables" and value == list(TABLES):
        return "all"
    if isinstance(value, list):
        return " ".join(written(str(one)) for one in value) or "all"
    return "not given" if value is None else written(str(value))


def _remedy(part: str, was: Any) -> str:  # noqa: ANN401 - as _told
    if part == "source":
        return "point V2_DATABASE_URL at the former; a SQLite file has to lie where it lay"
    if part in ("time_zone", "form_status"):
        return f"set it to {was}"
    if not was or was == list(TABLES):
        return "leave it out"
    # --tables takes all of them at once, --organization one at a time.
    option, values = LABELS[part], was if isinstance(was, list) else [was]
    if part == "tables":
        return f"give {option} {' '.join(values)}"
    return f"give {' '.join(f'{option} {written(value)}' for value in values)}"


def _entries(was: Mapping[str, Any], is_: Mapping[str, Any]) -> str:
    if "entries" not in was or "entries" not in is_:
        return "is not what it was"
    before, after = was["entries"], is_["entries"]
    changed = [
        f"{shorten(key)} was {before.get(key, 'not there')}, is {after.get(key, 'not there')}"
        for key in sorted(before | after)
        if before.get(key) != after.get(key)
    ]
    more = len(changed) - NAMED_ENTRIES
    told = ", ".join(changed[:NAMED_ENTRIES]) or "is not what it was"
    return f"{told} and {more} more" if more > 0 else told
