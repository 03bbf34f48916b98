"""What makes two runs the same, and what is said where a part of it differs (§6)."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from legacy_v2.ids import uuid_of
from transfer import fingerprint, options
from transfer.fingerprint import KEPT_ENTRIES, LABELS, differences
from transfer.mapping.context import parse_mapping_file
from transfer.options import ImportOptions
from transfer.plan import select_steps

ONE, TWO = (f"0000000{n}-0000-4000-8000-000000000000" for n in (1, 2))


def made(**changes: Any) -> dict[str, Any]:
    """The fingerprint as it comes back from migration_progress."""
    found = dataclasses.replace(ImportOptions(), **changes).fingerprint("here")
    again: dict[str, Any] = json.loads(json.dumps(found))
    return again


def mapped(text: str) -> dict[str, Any]:
    return {"mapping": parse_mapping_file(text)}


PARKED = mapped('[statuses]\nParked = "draft"')

# Part: what it was, what it is, what is said.
CHANGED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "tables": (
        {},
        {"steps": select_steps(["forms"])},
        "--tables was all, is forms (leave it out)",
    ),
    "tables again": (
        {"steps": select_steps(["forms", "users"])},
        {},
        "--tables was users forms, is all (give --tables users forms)",
    ),
    "organizations": (
        {},
        {"organizations": frozenset({ONE})},
        f"--organization was all, is {ONE} (leave it out)",
    ),
    "organizations again": (
        {"organizations": frozenset({TWO, ONE})},
        {},
        f"--organization was {ONE} {TWO}, is all (give --organization {ONE} --organization {TWO})",
    ),
    "default_organization": (
        {},
        {"default_organization": ONE},
        f"--default-organization was not given, is {ONE} (leave it out)",
    ),
    "default_organization again": (
        {"default_organization": ONE},
        {"default_organization": TWO},
        f"--default-organization was {ONE}, is {TWO} (give --default-organization {ONE})",
    ),
    "forms": (
        mapped(f'[forms]\nOrder = "{ONE}"'),
        mapped(f'[forms]\nOrder = "{TWO}"'),
        f"V2_MAPPING [forms]: 'Order' was {ONE}, is {TWO} (put the file back as it was)",
    ),
    "field_types": (
        mapped('[field_types]\nRadio = "select"'),
        {},
        "V2_MAPPING [field_types]: 'radio' was select, is not there (put the file back as it was)",
    ),
    "statuses": (
        {},
        PARKED,
        "V2_MAPPING [statuses]: 'parked' was not there, is draft (put the file back as it was)",
    ),
    "tables of v2": (
        mapped('[tables]\nField = "A"'),
        mapped('[tables]\nField = "B"\nChoice = "C"'),
        (
            "V2_MAPPING [tables]: 'Choice' was not there, is C, 'Field' was A, is B "
            "(put the file back as it was)"
        ),
    ),
    "columns of v2": (
        {},
        mapped('[columns.Field]\nName = "Key"'),
        "V2_MAPPING [columns]: 'Field.Name' was not there, is Key (put the file back as it was)",
    ),
    "columns of v2 again": (
        mapped('[columns.Field]\nName = "Key"'),
        {},
        "V2_MAPPING [columns]: 'Field.Name' was Key, is not there (put the file back as it was)",
    ),
    "organizations by number": (
        {"organizations": frozenset({uuid_of(17)})},
        {},
        "--organization was 17, is all (give --organization 17)",
    ),
    "default organization by number": (
        {"default_organization": uuid_of(-3)},
        {},
        "--default-organization was -3, is not given (give --default-organization -3)",
    ),
    "time_zone": (
        {},
        {"time_zone": ZoneInfo("Europe/Berlin")},
        "V2_TIME_ZONE was UTC, is Europe/Berlin (set it to UTC)",
    ),
    "form_status": (
        {},
        {"form_status": "archived"},
        "V2_FORM_STATUS was draft, is archived (set it to draft)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGED)
def test_a_part_that_differs_is_told_with_what_to_do(case: str) -> None:
    was, is_, said = CHANGED[case]

    assert differences(made(**was), made(**is_)) == [said]
    assert differences(made(**was), made(**was)) == []


def test_another_source_is_told() -> None:
    there, here = (ImportOptions().fingerprint(f"SQLite file /{place}") for place in "ab")

    (told,) = differences(there, here)
    assert told == (
        "the v2 database was SQLite file /a, is SQLite file /b (point V2_DATABASE_URL at the "
        "former; a SQLite file has to lie where it lay)"
    )


def test_a_migration_begun_before_v2_could_have_other_names_goes_on_where_it_has_none() -> None:
    before = made(**PARKED)
    assert set(before["mapping"]) == {"forms", "field_types", "statuses"}

    assert differences(before, made(**PARKED)) == []
    assert made(**mapped("[tables]\nField = 'Field'")) == made()


def test_other_rules_are_told_as_an_upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    before = made()
    monkeypatch.setattr(options, "RULES_VERSION", 2)

    (told,) = differences(before, made())
    assert told == (
        "the rules of this program were version 1, are version 2: it was upgraded or replaced in "
        "between (finish with the build it was begun with)"
    )


def test_every_part_that_differs_is_told_in_the_order_of_the_labels() -> None:
    changes = {key: value for _, is_, _ in CHANGED.values() for key, value in is_.items()}
    changes |= {"mapping": parse_mapping_file(
        f'[forms]\na = "{ONE}"\n[field_types]\na = "b"\n[statuses]\na = "draft"\n'
        '[tables]\nField = "a"\n[columns.Field]\nId = "a"'
    )}  # fmt: skip
    told = differences(made() | {"source": "there", "rules": 0}, made(**changes))

    assert [next(label for label in LABELS.values() if t.startswith(label)) for t in told] == list(
        LABELS.values()
    )


def test_what_means_the_same_is_the_same() -> None:
    first = mapped(f'[forms]\nA = "{ONE}"\n"{TWO}" = "{ONE}"\n[statuses]\nParked = "draft"')
    second = mapped(
        f'# the same\n[statuses]\nPARKED = "draft"\n'
        f'[forms]\n"{TWO.upper()}" = "{ONE.upper()}"\nA = "{ONE}"'
    )

    assert differences(made(**first), made(**second)) == []


@pytest.mark.parametrize("count", [KEPT_ENTRIES, KEPT_ENTRIES + 1])
def test_of_a_long_section_only_the_digest_is_kept_and_it_still_tells(count: int) -> None:
    lines = [f'"form {n}" = "{ONE}"' for n in range(count)]
    first, second = (made(**mapped("\n".join(["[forms]", *rows]))) for rows in (
        lines, [*lines[:-1], f'"other" = "{ONE}"'],
    ))  # fmt: skip

    (told,) = differences(first, second)
    assert told.startswith("V2_MAPPING [forms]: ")
    assert ("'other' was not there" in told) is (count <= KEPT_ENTRIES)
    assert ("is not what it was" in told) is (count > KEPT_ENTRIES)
    assert len(json.dumps(first)) < 100 * KEPT_ENTRIES


def test_of_many_entries_that_differ_the_first_are_named() -> None:
    lines = "\n".join(f's{n} = "draft"' for n in range(5))

    (told,) = differences(made(), made(**mapped(f"[statuses]\n{lines}")))
    assert told.count("was not there, is draft") == 3
    assert " and 2 more " in told


def test_m4_a_name_that_jsonb_cannot_hold_is_kept_all_the_same() -> None:
    nul, mark = (made(**mapped(f'[statuses]\n"a{c}b" = "draft"')) for c in ("\\u0000", "\ufffd"))

    assert "\\u0000" not in json.dumps(nul)
    assert differences(nul, mark) == [
        "V2_MAPPING [statuses]: is not what it was (put the file back as it was)"
    ]


def test_a_fingerprint_of_an_earlier_build_is_told_as_such() -> None:
    for then in (made() | {"mapping": "0f" * 32}, {}):
        (told,) = differences(then, made())
        assert told.startswith("an earlier build of this program began it")


def test_a_line_stays_one_line_whatever_a_name_holds() -> None:
    (told,) = differences(made(), made(**mapped('[statuses]\n"a\\nb\\u001b[31m" = "draft"')))

    assert told.isprintable()


def test_the_runbook_lists_every_part_by_its_name() -> None:
    text = (Path(settings.BASE_DIR) / "docs/runbook.md").read_text(encoding="utf-8")
    section = text.split("### When resuming is legal\n")[1].split("\n#")[0]
    _head, *listed = re.findall(r"^\| (.+?) \| ", section, re.MULTILINE)

    assert [name.replace("`", "") for name in listed] == list(LABELS.values())
    assert tuple(parse_mapping_file("").__dataclass_fields__) == fingerprint.SECTIONS
