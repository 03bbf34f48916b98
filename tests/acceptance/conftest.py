"""What the crash tests ask for: a v2, its undisturbed import, and a proxy before v3."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests.crashes import SECRET, Commands, Scene, Undisturbed, crash_v2, startup, undisturbed
from tests.proxy import Proxy
from tests.runs import empty_v3
from tests.v2 import env_of, use_v2


@pytest.fixture(scope="session")
def calm(
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Undisturbed:
    """Return the v2 of the crash tests and what its undisturbed import comes to."""
    v2 = crash_v2(tmp_path_factory.mktemp("crashes") / "v2.sqlite3")
    with django_db_blocker.unblock(), use_v2(v2.path):
        made = undisturbed(v2)
        empty_v3()
        return made


@pytest.fixture
def proxy(transactional_db: None) -> Iterator[Proxy]:
    """Return a proxy before this test's v3."""
    settings = connections["default"].settings_dict
    with Proxy(str(settings["HOST"]), settings["PORT"] or 5432) as made:
        yield made


@pytest.fixture
def scene(calm: Undisturbed, proxy: Proxy, point_v2_at: Callable[[Path], Path]) -> Iterator[Scene]:
    """Return the v2, an empty v3, and commands that reach v3 through the proxy."""
    point_v2_at(calm.v2.path)
    settings = connections["default"].settings_dict
    login = f"{settings['USER']}:{settings['PASSWORD'] or SECRET}"
    address = f"postgres://{login}@127.0.0.1:{proxy.port}/{settings['NAME']}"
    before = calm.v2.path.read_bytes()
    with Commands(env_of(calm.v2.path) | {"DATABASE_URL": address}) as commands:
        yield Scene(calm, commands)
    assert calm.v2.path.read_bytes() == before  # R4


@pytest.fixture
def impatient() -> dict[str, str]:
    """Return an environment for a command whose half minute of patience is over in a moment."""
    return startup(PLIERS_TEST_HASTE="100")
