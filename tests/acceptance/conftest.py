"""What the crash tests ask for: a v2, its undisturbed import, and a proxy before v3.

And what those of verify_v2 do: small v2s.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests.crashes import SECRET, Commands, Scene, Undisturbed, crash_v2, startup, undisturbed
from tests.proxy import Proxy
from tests.runs import empty_v3
from tests.servers import PrivateServer, use_v3
from tests.v2 import env_of, guid, make_v2, use_v2


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


def environment(v2: Path, proxy: Proxy) -> dict[str, str]:
    """Return that of a process whose v3 is the default alias's, behind the proxy."""
    settings = connections["default"].settings_dict
    login = f"{settings['USER']}:{settings['PASSWORD'] or SECRET}"
    address = f"postgres://{login}@127.0.0.1:{proxy.port}/{settings['NAME']}"
    return env_of(v2) | {"DATABASE_URL": address}


@pytest.fixture
def scene(calm: Undisturbed, proxy: Proxy, point_v2_at: Callable[[Path], Path]) -> Iterator[Scene]:
    """Return the v2, an empty v3, and commands that reach v3 through the proxy."""
    point_v2_at(calm.v2.path)
    before = calm.v2.path.read_bytes()
    with Commands(environment(calm.v2.path, proxy)) as commands:
        yield Scene(calm, commands)
    assert calm.v2.path.read_bytes() == before  # R4


@pytest.fixture
def impatient() -> dict[str, str]:
    """Return an environment for a command whose half minute of patience is over in a moment."""
    return startup(PLIERS_TEST_HASTE="100")


@pytest.fixture(scope="session")
def private_server(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[PrivateServer]:
    """Return a PostgreSQL of the crash tests' own, with an empty v3 in it."""
    with PrivateServer() as server, django_db_blocker.unblock():
        with use_v3(server.settings):
            call_command("migrate", verbosity=0)
        yield server


@pytest.fixture
def server(
    private_server: PrivateServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[PrivateServer]:
    """Return that server, up and empty, as this test's v3."""
    with django_db_blocker.unblock(), use_v3(private_server.settings):
        empty_v3()
        yield private_server
        private_server.revive()


@pytest.fixture
def own_proxy(server: PrivateServer) -> Iterator[Proxy]:
    """Return a proxy before the server of the test's own."""
    with Proxy(str(server.settings["HOST"]), server.settings["PORT"]) as made:
        yield made


@pytest.fixture
def own_scene(calm: Undisturbed, own_proxy: Proxy) -> Iterator[Scene]:
    """Return a scene whose v3 is on the server of the test's own."""
    with use_v2(calm.v2.path), Commands(environment(calm.v2.path, own_proxy)) as commands:
        yield Scene(calm, commands)


@pytest.fixture
def small_v2(v2_path: Path) -> Path:
    """One organization, form and field; three submissions with an answer each."""
    v2 = make_v2(
        v2_path, organizations=[{}], users=[{}], forms=[{}], fields=[{}], submissions=[{}, {}, {}]
    )
    v2.add("answers", *({"FormSubmissionId": row["Id"]} for row in v2.submissions))
    return v2_path


@pytest.fixture
def odd_v2(v2_path: Path) -> Path:
    """One submission of each kind a ledger knows, and one that fails with its two answers."""
    v2 = make_v2(
        v2_path,
        organizations=[{}],
        users=[{}],
        forms=[{}],
        fields=[{}, {}],
        choices=[{}],
        maps=[{}],
        submissions=[{}, {}, {}, {"FormTypeId": guid(4, 77)}],
    )
    beside, twice, nowhere, lost = (row["Id"] for row in v2.submissions)
    v2.add(
        "answers",
        {"FormSubmissionId": beside, "FreeFormEntry": "but", "FieldChoiceMapId": v2.maps[0]["Id"]},
        {"FormSubmissionId": twice},
        {"FormSubmissionId": twice},
        {"FormSubmissionId": nowhere, "FieldId": guid(5, 77)},
        {"FormSubmissionId": lost},
        {"FormSubmissionId": lost},
    )
    return v2_path
