"""What import_v2 is asked to do: values that are refused, and what makes two runs the same."""

import argparse
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from legacy_v2.ids import uuid_of
from transfer import cli
from transfer.exceptions import ConfigurationError
from transfer.mapping.context import parse_mapping_file
from transfer.options import BatchSize, ImportOptions, read_mapping_file
from transfer.plan import PLAN, TABLES, select_steps

ORGANIZATION = "01234567-89AB-CDEF-0123-456789ABCDEF"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"batch_size": 0}, "--batch-size takes a whole number from 1 to 100,000 .*, got 0"),
        ({"batch_size": -1}, "got -1"),
        ({"batch_size": 10_000_000}, r"held in memory\), or auto, got 10,000,000"),
        ({"limit": 0}, "--limit takes 1 or more records, got 0"),
        ({"limit": -3}, "got -3"),
        ({"name": ""}, "--name takes 1 to 255 characters"),
        ({"name": "   "}, "--name takes 1 to 255 characters"),
        ({"name": "n" * 256}, "--name takes 1 to 255 characters"),
        ({"name": " -x"}, "--name takes a name that does not begin with '-' .*, got '-x'"),
        ({"organizations": ["acme"]}, r"--organization takes .* \(a UUID, .*\), got 'acme'"),
        ({"default_organization": "1.5"}, "--default-organization takes .* got '1.5'"),
        ({"default_organization": str(1 << 63)}, "--default-organization takes .* got '922"),
        ({"tables": ["forms", "events", "Forms"]}, "unknown table Forms, events; known are org"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_the_reason(
    given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        ImportOptions.build(**given)


@pytest.mark.parametrize("size", [1, 100_000, "auto"])
def test_the_bounds_of_the_batch_size_are_allowed(size: BatchSize) -> None:
    assert ImportOptions.build(batch_size=size).batch_size == size


def test_values_are_brought_into_one_form() -> None:
    options = ImportOptions.build(
        name=" night ",
        organizations=[ORGANIZATION, f"{{{ORGANIZATION}}}"],
        default_organization=ORGANIZATION.replace("-", ""),
    )

    assert options.name == "night"
    assert options.organizations == {ORGANIZATION.lower()}
    assert options.default_organization == ORGANIZATION.lower()


def test_an_organization_of_an_older_v2_is_given_by_its_number() -> None:
    options = ImportOptions.build(organizations=["17", uuid_of(17)], default_organization=" -1 ")

    assert options.organizations == {"76326964-0000-8000-8000-000000000011"}
    assert options.default_organization == uuid_of(-1)


def test_tables_are_moved_in_the_plan_s_order_whatever_order_they_are_named_in() -> None:
    assert [s.table for s in select_steps(["submissions", "users"])] == ["users", "submissions"]
    assert select_steps(()) == PLAN


@pytest.mark.parametrize(
    ("convert", "value", "reason"),
    [
        (cli.batch_size, "0", "from 1 to 100,000 .*, got '0'"),
        (cli.batch_size, "-1", "got '-1'"),
        (cli.batch_size, "x", "got 'x'"),
        (cli.batch_size, "1.5", "got '1.5'"),
        (cli.batch_size, "10000000", "held in memory"),
        (cli.batch_size, "", "got ''"),
        (cli.batch_size, "auto", "in memory\\), got 'auto'"),
        (cli.batch_size_or_auto, "fast", "from 1 to 100,000 .*, or auto, got 'fast'"),
        (cli.batch_size_or_auto, "Auto", "or auto, got 'Auto'"),
        (cli.batch_size_or_auto, "0", "or auto, got '0'"),
        (cli.positive, "0", "at least 1, got '0'"),
        (cli.positive, "²", "at least 1"),
        (cli.not_negative, "-1", "at least 0, got '-1'"),
        (cli.share, "1.01", "0 to 1 or 0% to 100%, got '1.01'"),
        (cli.share, "-0.1", "got '-0.1'"),
        (cli.share, "101%", "got '101%'"),
        (cli.share, "5%%", "got '5%%'"),
        (cli.share, "nan", "got 'nan'"),
        (cli.share, "", "got ''"),
        (cli.organization_id, "acme", r"\(a UUID, or a number .*\), got 'acme'"),
        (cli.migration_name, " ", "1 to 255 printable"),
        (cli.migration_name, "a\x1b[31m", r"got 'a\\x1b\[31m'"),
        (cli.migration_name, "n" * 256, "1 to 255"),
        (cli.migration_name, "-x", "does not begin with '-' .* for an option.*, got '-x'"),
    ],
)
def test_argparse_is_told_why_a_value_is_wrong(
    convert: Callable[[str], object], value: str, reason: str
) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=reason):
        convert(value)


@pytest.mark.parametrize(
    ("convert", "value", "result"),
    [
        (cli.batch_size, "100000", 100_000),
        (cli.batch_size_or_auto, "1", 1),
        (cli.batch_size_or_auto, "auto", "auto"),
        (cli.positive, "7", 7),
        (cli.not_negative, "0", 0),
        (cli.share, "0.05", Decimal("0.05")),
        (cli.share, "29%", Decimal("0.29")),
        (cli.share, "0", Decimal(0)),
        (cli.share, "100%", Decimal(1)),
        (cli.organization_id, ORGANIZATION, ORGANIZATION.lower()),
        (cli.migration_name, " Samstag nacht, 1. Versuch [ä] ", "Samstag nacht, 1. Versuch [ä]"),
    ],
)
def test_argparse_gets_the_value(
    convert: Callable[[str], object], value: str, result: object
) -> None:
    assert convert(value) == result


def test_what_changes_no_row_leaves_the_fingerprint() -> None:
    other = ImportOptions(name="b", batch_size="auto", limit=3, max_stored_warnings=0, dry_run=True)

    assert other.fingerprint("here") == ImportOptions().fingerprint("here")


def test_settings_reach_the_options(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text('[field_types]\nRadioButton = "radio"')
    settings.V2_MAPPING = file
    settings.V2_TIME_ZONE = "Europe/Berlin"
    settings.V2_FORM_STATUS = "published"
    settings.V2_MAX_STORED_WARNINGS = 5

    options = ImportOptions.build()

    assert options.mapping.field_types == {"radiobutton": "radio"}
    assert options.time_zone.key == "Europe/Berlin"
    assert options.form_status == "published"
    assert options.max_stored_warnings == 5
    assert {step.table for step in options.steps} == set(TABLES)


def test_a_mapping_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"V2_MAPPING: cannot read .*No such file"):
        read_mapping_file(tmp_path / "none.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"[forms]\n# \xe4")
    with pytest.raises(ConfigurationError, match="it is not UTF-8 text"):
        read_mapping_file(latin)
    marked = tmp_path / "windows.toml"
    marked.write_bytes(b'\xef\xbb\xbf[field_types]\nRating = "number"\n')
    assert read_mapping_file(marked).field_types == {"rating": "number"}
    assert read_mapping_file(None) == read_mapping_file("") == parse_mapping_file("")
