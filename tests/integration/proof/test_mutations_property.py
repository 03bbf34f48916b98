"""Any v2, imported as it should be: the proof raises no false alarm."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import override_settings
from hypothesis import example, given

from tests.integration.hostile.museum import museum
from tests.integration.hostile.test_round_trip import moved
from tests.integration.hostile.world import World, worlds
from tests.properties import examples
from tests.runs import query
from transfer.verify import VerifyOptions, verify
from transfer.verify_report import Verdict

pytestmark = pytest.mark.django_db(transaction=True)


def false_alarms(world: World, mapping: Path) -> list[str]:
    """What verify_v2 says against a migration that nobody has touched."""
    query("TRUNCATE migration_verifications, migration_differences")
    moved(world)
    mapping.write_text(world.mapping)
    with override_settings(V2_MAPPING=str(mapping) if world.mapping else ""):
        report = verify(VerifyOptions(name="night", batch_size=world.batch_size))
    failed = [str(check) for check in report.checks if check.status is Verdict.FAILED]
    return failed + [str(one) for one in (report.values.shown if report.values else ())]


def test_any_v2_verifies_after_its_import(
    tmp_path: Path, point_v2_at: Callable[[Path], Path]
) -> None:
    @examples(20, 1500, slow=True)
    @given(worlds())
    @example(museum(sqlite=True))
    def verifies(world: World) -> None:
        path = tmp_path / "v2.sqlite3"
        path.unlink(missing_ok=True)
        world.write(path)
        point_v2_at(path)
        assert false_alarms(world, tmp_path / "mapping.toml") == []

    verifies()
