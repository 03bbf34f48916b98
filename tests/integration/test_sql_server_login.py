"""What an mssql:// address says reaches a server as it was meant, by both of Microsoft's drivers.

The peer speaks SQL Server's protocol and checks the logins; nothing here looks at a string.
"""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db.utils import ConnectionHandler
from pysqlbridge.catalog import Catalog
from pysqlbridge.certificate import self_signed
from pysqlbridge.logins import LoginStore
from pysqlbridge.server import start_background

from pliers.environment import Environment, legacy

DRIVERS = ("mssql-python", "pyodbc")
PASSWORDS = (
    "$HOME", "$$", "a;b", ";PWD=x", "}x", "x}", "{x", "{x}", "}}", "{}", "a=b", " blank ", " ",
    "a+b", "a%b%20", "'\"", "\\", "/?#@:", "a{;}b", "tab\tin", "pässwörd ☃", "😀", "x" * 128,
)  # fmt: skip
TRUSTED = "TrustServerCertificate=yes"
SLOW_SECONDS = 2.0


class Admitted(LoginStore):
    """pysqlbridge compares passwords of ASCII alone."""

    configured = True

    def admits(self, user: str, password: str) -> bool:
        return (user, password) in {(f"user {n};", one) for n, one in enumerate(PASSWORDS)}


def slow(query: Any) -> Any:
    if "slow" in query.sql:
        time.sleep(SLOW_SECONDS)
    return Catalog().answer(type(query)(sql="SELECT 1 AS a", session=query.session))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that admits user 0 with the first password, user 1 with the second, and so on."""
    server, _ = start_background(
        certificate=self_signed("localhost"), query_handler=slow, logins=Admitted()
    )
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def connect(address: str, driver: str) -> Any:
    settings, _ = legacy("V2_DATABASE_URL", address, base=Path("/"), driver=driver)
    wrapper = ConnectionHandler({"default": {}, "v2": settings})["v2"]
    return wrapper.get_new_connection(wrapper.get_connection_params())


def address(port: int, number: int, options: str) -> str:
    login = f"{quote(f'user {number};', safe='')}:{quote(PASSWORDS[number], safe='')}"
    return f"mssql://{login}@127.0.0.1:{port}/Pliers?{options}"


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("number", range(len(PASSWORDS)), ids=map(ascii, PASSWORDS))
def test_a_password_arrives_exactly(port: int, driver: str, number: int) -> None:
    connect(address(port, number, TRUSTED), driver).close()


@pytest.mark.parametrize("driver", DRIVERS)
def test_another_password_is_refused_by_the_same_server(port: int, driver: str) -> None:
    wrong = address(port, 0, TRUSTED).replace("HOME", "HOMe")
    with pytest.raises(Exception, match="Login failed for user 'user 0;'"):
        connect(wrong, driver)


def test_a_password_that_begins_with_a_dollar_sign_arrives_out_of_the_file(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ADDRESS_OF_A_TEST"  # the file's variables go to the environment, and stay there
    monkeypatch.setenv(name, "")
    monkeypatch.delenv(name)
    written = f"mssql://user%200%3B:$HOME@127.0.0.1:{port}/Pliers?{TRUSTED}"
    (tmp_path / ".env").write_text(f"{name}={written}\n")
    connect(Environment(tmp_path / ".env").text(name), "mssql-python").close()


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_certificate_nobody_vouches_for_is_refused_unless_the_address_trusts_it(
    port: int, driver: str
) -> None:
    with pytest.raises(Exception, match="certificate verify failed"):
        connect(address(port, 0, ""), driver)


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_option_of_a_connection_is_one_the_driver_takes(port: int, driver: str) -> None:
    options = (
        f"{TRUSTED}&encrypt=mandatory&application_intent=readonly&MultiSubnetFailover=no"
        "&ConnectRetryCount=0&KeepAlive=20&KeepAliveInterval=2"
        "&IpAddressPreference=IPv4First&HostnameInCertificate=localhost&ServerSPN=a/b;c}"
        "&Authentication=SqlPassword&connection_timeout=20&query_timeout=30"
    )
    connect(address(port, 0, options), driver).close()


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_query_that_takes_longer_than_query_timeout_is_ended(port: int, driver: str) -> None:
    connection = connect(address(port, 0, f"{TRUSTED}&query_timeout=1"), driver)
    with pytest.raises(Exception, match="Query timeout expired"):
        connection.cursor().execute("SELECT 'slow'")


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_server_that_does_not_answer_is_given_up_after_connection_timeout(driver: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(Exception, match=r"[Tt]imeout"):
            connect(address(silent.getsockname()[1], 0, "connection_timeout=1"), driver)
    assert time.monotonic() - began < 12  # the driver's own is 15 seconds
