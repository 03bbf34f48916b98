"""A migration imported once for a whole module; what a test does to it is undone."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.integration.proof.mutations_v2 import NAME, proven_v2
from tests.runs import empty_v3, query, run
from tests.v2 import V2, use_v2


@pytest.fixture(scope="module")
def imported(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[V2]:
    """The rich v2 of mutations_v2, and a v3 that holds it."""
    v2 = proven_v2(tmp_path_factory.mktemp("proof") / "v2.sqlite3")
    with django_db_blocker.unblock():
        empty_v3()
        with use_v2(v2.path):
            assert run(name=NAME).outcome == "finished"
    yield v2
    with django_db_blocker.unblock():
        empty_v3()
        query("TRUNCATE migration_verifications, migration_differences")


@pytest.fixture
def tampered(imported: V2, db: None) -> Iterator[V2]:
    """The same, within a transaction that is rolled back when the test ends."""
    with use_v2(imported.path):
        yield imported


@pytest.fixture
def often(tampered: V2) -> Iterator[V2]:
    """The same, to be verified as often as a test likes.

    A verification closes its connection to v2, and one that is within the test's transaction
    could not be opened again; so it gets another.
    """
    with use_v2(tampered.path):
        yield tampered
