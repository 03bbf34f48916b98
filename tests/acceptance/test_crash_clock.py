"""The clock set back: the migration that was begun is gone on with, and its end is the same."""

import re
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.crashes import EXIT_STATUS, NAME, Scene, ended, kill, startup
from tests.proxy import Point, Proxy
from tests.runs import query

pytestmark = pytest.mark.django_db(transaction=True)

YEAR = 365 * 24 * 3600
YEAR_AGO = startup(PLIERS_TEST_CLOCK=str(-YEAR))


def killed_midway(scene: Scene, proxy: Proxy) -> None:
    """An import of no given name, killed inside the submissions."""
    proxy.strike(Point.COPY, 2, lambda _link: kill(scene.commands.last), 'COPY "submissions"')
    assert ended(scene.commands.start_import()).status < 0
    proxy.reset()


def test_r2_set_back_a_year_between_two_starts_it_goes_on(scene: Scene, proxy: Proxy) -> None:
    killed_midway(scene, proxy)

    # Without a name: the day's own would be another, but the unfinished one is meant.
    done = ended(scene.commands.start("import_v2", "--batch-size", "2", **YEAR_AGO))

    assert done.status == EXIT_STATUS
    assert "Migration night: finished" in done.out
    scene.recovered()


def test_r2_set_back_a_year_during_a_run_and_r3_afterwards(
    scene: Scene, proxy: Proxy, tmp_path: Path
) -> None:
    since = tmp_path / "since"
    proxy.strike(Point.COPY, 1, lambda _link: since.touch(), 'COPY "submissions"')
    scene.finish(**YEAR_AGO, PLIERS_TEST_CLOCK_FROM=str(since))
    assert since.exists()

    done = ended(scene.commands.start("import_v2", "--batch-size", "3", **YEAR_AGO))

    assert "Migration night: nothing to do" in done.out
    scene.recovered()


def test_a_server_whose_clock_was_set_back_goes_on_and_shows_no_nonsense(
    scene: Scene, proxy: Proxy
) -> None:
    """The migration began in what is now the future, and so was its last sign of life."""
    proxy.strike(Point.COMMITTED, 1, lambda _link: kill(scene.commands.last))
    assert ended(scene.commands.start_import()).status < 0
    query("UPDATE migration_progress SET started_at = started_at + interval '1 year'")
    proxy.reset()
    killed_midway(scene, proxy)
    no_nonsense(status())
    query("UPDATE migration_progress SET heartbeat_at = heartbeat_at + interval '1 year'")
    no_nonsense(status())

    scene.finish()

    no_nonsense(status())


def status() -> str:
    """What status_v2 shows."""
    out = StringIO()
    with suppress(SystemExit):
        call_command("status_v2", stdout=out)
    return out.getvalue()


def no_nonsense(text: str) -> None:
    """No time that runs backwards."""
    assert f"Migration {NAME}" in text
    assert not re.search(r"-[\d,.]+ ?(s|a second|min|h)\b", text), text
