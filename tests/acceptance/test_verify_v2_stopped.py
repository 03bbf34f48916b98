"""verify_v2 killed, interrupted, or cut off from v3 among the submissions: it goes on later."""

import json
import signal
from typing import Any

import pytest

from tests.crashes import NAME, Scene, ended, lock_holders, wait_until
from tests.integration.proof.proving import OF_ITS_RUN
from tests.proxy import Link, Point, Proxy
from tests.runs import query, run

pytestmark = pytest.mark.django_db(transaction=True)

SUBMISSIONS = 'FROM "submissions"'
MEMBERS = """
    SELECT count(*) FROM pg_stat_activity
     WHERE starts_with(application_name, 'pliers verify_v2 worker')
"""
VERIFY = ("verify_v2", "--name", NAME, "--batch-size", "3", "--json")


@pytest.fixture
def migrated(scene: Scene) -> Scene:
    run(name=NAME)
    query("UPDATE submissions SET deleted_at = now() WHERE submission_number = 'B'")
    query("UPDATE users SET email = 'x' || email")
    return scene


def verified(scene: Scene, workers: str) -> dict[str, Any]:
    """The document of a verification that came to its end."""
    done = ended(scene.commands.start(*VERIFY, "--workers", workers))
    assert done.status == 3, done
    document: dict[str, Any] = json.loads(done.out)
    return document


@pytest.mark.parametrize("workers", ["1", "2"])
def test_stopped_in_every_way_one_after_the_other_it_comes_to_the_same(
    migrated: Scene, proxy: Proxy, impatient: dict[str, str], workers: str
) -> None:
    """Each time among the submissions, a page further on."""
    expected = verified(migrated, "1")
    query("TRUNCATE migration_differences, migration_verifications")

    def stopped(act: Any) -> Any:
        wait_until(lambda: not lock_holders())  # of the one before, that was killed
        proxy.strike(Point.STATEMENT, 2, act, SUBMISSIONS)
        return ended(migrated.commands.start(*VERIFY, "--workers", workers, **impatient))

    killed = stopped(lambda _link: migrated.commands.last.kill())
    assert killed.status == -signal.SIGKILL
    interrupted = stopped(lambda _link: migrated.commands.last.send_signal(signal.SIGINT))
    assert interrupted.status == 130, interrupted
    assert interrupted.out == ""
    assert f"To go on: verify_v2 --name {NAME}" in interrupted.err
    cut_off = stopped(Link.reset)
    assert "What was compared is kept. To go on: verify_v2" in cut_off.line()
    assert len(proxy.struck) == 3

    wait_until(lambda: query(MEMBERS) == [(0,)])  # they end with their parent
    document = verified(migrated, workers)

    assert document.pop("resumed")
    for key in OF_ITS_RUN:
        document.pop(key, None)
        expected.pop(key, None)
    # It says where it is connected to, and that is the proxy both times.
    assert document == expected
    assert query("SELECT status FROM migration_verifications") == [("completed",)]
