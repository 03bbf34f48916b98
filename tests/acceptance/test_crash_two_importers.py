"""Two importers at once, and one that hangs: the second says who it is and writes nothing (R6)."""

import os
import signal

import pytest

from tests.crashes import Scene, end_backends, ended, kill, wait_until
from tests.proxy import Point, Proxy
from tests.runs import row_versions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hanging(scene: Scene, proxy: Proxy) -> int:
    """Start an import and let it hang (SIGSTOP) inside a transaction; its process id."""
    proxy.strike(
        Point.COPY, 1, lambda _link: kill(scene.commands.last, signal.SIGSTOP), 'COPY "submissions"'
    )
    process = scene.commands.start_import()
    wait_until(lambda: proxy.struck or process.poll() is not None)
    assert proxy.struck
    return process.pid


def test_r6_a_second_importer_says_who_is_at_work_and_writes_nothing(
    scene: Scene, hanging: int
) -> None:
    before = row_versions()

    said = scene.commands.import_v2().line()

    assert "another importer is at work on PostgreSQL database" in said
    assert f"pliers import_v2 (process {hanging})" in said
    assert row_versions() == before
    # The one that hung goes on as if nothing had been, when it is let.
    first = scene.commands.all[0]
    os.kill(hanging, signal.SIGCONT)
    assert "Migration night: finished" in ended(first).out
    scene.recovered()


def test_r6_after_the_hung_one_is_killed_the_next_finishes(scene: Scene, hanging: int) -> None:
    kill(scene.commands.last)

    scene.finish()


def test_r6_one_that_was_ended_from_the_server_and_wakes_up_writes_nothing(
    scene: Scene, hanging: int
) -> None:
    assert end_backends() == 2
    scene.finish()
    before = row_versions()

    os.kill(hanging, signal.SIGCONT)
    said = ended(scene.commands.all[0]).line()

    assert "another importer took it over" in said
    assert row_versions() == before
    scene.recovered()


def test_r6_one_that_wakes_up_while_another_is_at_work_leaves_it_alone(
    scene: Scene, proxy: Proxy, hanging: int
) -> None:
    assert end_backends() == 2
    # The second stands still inside its batch until the first has had its say.
    proxy.strike(Point.COPY, 1, lambda link: link.stall(60), 'COPY "submissions"')
    second = scene.commands.start_import()
    wait_until(lambda: len(proxy.struck) == 2 or second.poll() is not None)
    assert second.poll() is None, ended(second)

    os.kill(hanging, signal.SIGCONT)
    said = ended(scene.commands.all[0]).line()

    assert f"pliers import_v2 (process {second.pid})" in said
    proxy.over.set()
    assert "Migration night: finished" in ended(second).out
    scene.recovered()


def test_r6_two_started_at_once_are_one_at_work_and_one_that_says_so(scene: Scene) -> None:
    pair = [scene.commands.start_import(), scene.commands.start_import()]

    said = [(done.status, done.out + done.err) for done in map(ended, pair)]

    # The later one may have come when the first was through: then there was nothing to do.
    assert sum("Migration night: finished" in text for _, text in said) == 1, said
    other = next(one for one in said if "Migration night: finished" not in one[1])
    assert (other[0] == 1 and "another importer" in other[1]) or "nothing to do" in other[1]
    scene.recovered()
