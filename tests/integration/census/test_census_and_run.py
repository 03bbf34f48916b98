"""What the census counts is what the run then records, code by code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from hypothesis import given

from legacy_v2.seed.faults import FAULTS
from legacy_v2.seed.service import seed
from tests.integration.census.counted import check
from tests.integration.hostile.museum import museum
from tests.integration.hostile.world import World, worlds
from tests.properties import examples
from tests.runs import empty_v3, rich_v2
from tests.v2 import copy_into_schema, use_v2
from transfer.mapping.context import parse_mapping_file

pytestmark = pytest.mark.django_db(transaction=True)

COPY = "census_copy"


def copy_alias() -> dict[str, Any]:
    alias = dict(connections["default"].settings_dict)
    alias["OPTIONS"] = {**alias["OPTIONS"], "options": f"-c search_path={COPY}"}
    return alias


def options_of(world: World) -> dict[str, Any]:
    return {
        "default_organization": world.rows["organizations"][0]["Id"],
        "time_zone": ZoneInfo(world.zone),
        "mapping": parse_mapping_file(world.mapping),
    }


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_every_fault_of_a_seeded_v2(v2_path: Path, zone: str) -> None:
    seed(v2_path, submissions=60, faults=True)
    counts = check(time_zone=ZoneInfo(zone))
    codes = {fault.code.value for fault in FAULTS if fault.code and not fault.on_request}
    assert codes - counts.keys() <= {"time_gap_or_overlap", "time_out_of_range"}
    assert (zone == "UTC") == bool(codes - counts.keys())


@pytest.mark.usefixtures("v2_path")
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_every_fault_of_a_seeded_v2_in_postgresql(zone: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {COPY} CASCADE")
        cursor.execute(f"CREATE SCHEMA {COPY}")
    with use_v2(**copy_alias()):
        seed(connections["v2"], submissions=60, faults=True)
        counts = check(time_zone=ZoneInfo(zone))
    assert len(counts) > 20


def test_a_v2_with_a_bit_of_everything(v2_path: Path) -> None:
    v2 = rich_v2(v2_path)
    two = v2.organizations[1]["Id"]
    whole = check(default_organization=two)
    empty_v3()
    selected = check(organizations=[two], default_organization=two)
    assert selected != whole
    assert "answer_orphaned" not in selected, "orphans belong to nobody"


@pytest.mark.usefixtures("v2_path")
def test_a_v2_with_a_bit_of_everything_in_postgresql(tmp_path: Path) -> None:
    v2 = rich_v2(tmp_path / "rich.sqlite3")
    with connections["default"].cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {COPY} CASCADE")
    copy_into_schema(v2, COPY)
    with use_v2(**copy_alias()):
        check(default_organization=v2.organizations[0]["Id"])


def test_a_museum_of_hostile_values(tmp_path: Path, point_v2_at: Callable[[Path], Path]) -> None:
    world = museum(sqlite=True)
    world.write(point_v2_at(tmp_path / "v2.sqlite3"))
    assert len(check(**options_of(world))) > 25


@pytest.mark.usefixtures("v2_path")
def test_a_museum_of_hostile_values_in_postgresql() -> None:
    world = museum(sqlite=False)
    world.write_to_postgresql(COPY)
    with use_v2(**copy_alias()):
        assert len(check(**options_of(world))) > 25


def test_any_v2_in_a_sqlite_file(tmp_path: Path, point_v2_at: Callable[[Path], Path]) -> None:
    @examples(5, 1000, slow=True)
    @given(worlds())
    def says_so(world: World) -> None:
        path = tmp_path / "v2.sqlite3"
        path.unlink(missing_ok=True)
        world.write(path)
        point_v2_at(path)
        empty_v3()
        check(**options_of(world))

    says_so()


@pytest.mark.usefixtures("v2_path")
def test_any_v2_in_postgresql() -> None:
    @examples(4, 1000, slow=True)
    @given(worlds(sqlite=False))
    def says_so(world: World) -> None:
        world.write_to_postgresql(COPY)
        empty_v3()
        with use_v2(**copy_alias()):
            check(**options_of(world))

    says_so()
