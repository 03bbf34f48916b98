"""What tests against SQL Server ask for: pytest loads this module (tests/conftest.py)."""

from pathlib import Path

import pytest

from pliers.drivers import problem
from pliers.environment import legacy
from tests.sqlserver import certificates, real


@pytest.fixture(scope="session", autouse=True)
def _authority_s_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    certificates.keep_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def sql_server_driver() -> None:
    """Fail with the names of the Debian packages where Microsoft's driver does not load."""
    settings, _ = legacy("V2_DATABASE_URL", "mssql://u:p@localhost/Pliers", base=Path())
    if found := problem(settings):
        pytest.fail(f"the SQL Server tests need Microsoft's driver: {found.what} {found.hint}")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of tests that a real server cannot do."""
    config.addinivalue_line("markers", "peer_only: needs what only the tests' own SQL Server does")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs the peer's powers where a real server is asked for."""
    if real.asked_for():
        out = pytest.mark.skip(reason=f"needs the peer, and {real.READER} names a real server")
        for item in items:
            if item.get_closest_marker("peer_only"):
                item.add_marker(out)
