"""What an mssql:// address may say, what comes of it, and V2_SCHEMA on each kind of database."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from pliers import drivers
from pliers.environment import legacy
from pliers.sql_server import LOGINS, connection_string, login_of

SECRET = "s3cret"


def made(address: str, **more: str) -> dict[str, Any]:
    settings, path = legacy("V2_DATABASE_URL", address, base=Path("/base"), **more)
    assert path is None
    return settings


def refused(address: str, **more: str) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        made(address, **more)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def extra(options: str, **more: str) -> str:
    return str(made(f"mssql://u:p@h/d?{options}", **more)["OPTIONS"]["extra_params"])


def test_a_sql_server_address_gives_the_driver_its_options_escaped() -> None:
    found = made(
        "mssql://sa:p%3Bw@host:1433/Pli+er%20s?HostnameInCertificate=a}b%3BPWD%3Dx"
        "&query_timeout=30&isolation_level=snapshot"
    )
    assert found == {
        "ENGINE": "legacy_v2.sqlserver",
        "NAME": "Pli+er s",
        "USER": "sa",
        "PASSWORD": "p;w",
        "HOST": "host",
        "PORT": 1433,
        "SCHEMA": "dbo",
        "OPTIONS": {
            "python_driver": "mssql_python",
            "extra_params": "Encrypt={yes};HostnameInCertificate={a}}b;PWD=x}",
            "connection_retries": 0,
            "query_timeout": 30,
            "isolation_level": "SNAPSHOT",
        },
    }


def test_tls_is_asked_for_and_verified_unless_the_address_says_otherwise() -> None:
    assert extra("") == "Encrypt={yes}"
    assert extra("Encrypt=strict") == "Encrypt={strict}"
    assert extra("trust_server_certificate=TRUE") == "Encrypt={yes};TrustServerCertificate={yes}"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("ENCRYPT=Mandatory", "Encrypt={yes}"),
        ("encrypt=optional", "Encrypt={no}"),
        ("Encrypt=false", "Encrypt={no}"),
        ("applicationintent=READONLY", "Encrypt={yes};ApplicationIntent={ReadOnly}"),
        ("Packet+Size=8192", "Encrypt={yes};PacketSize={8192}"),
        ("multisubnetfailover=Yes", "Encrypt={yes};MultiSubnetFailover={yes}"),
        ("connect-retry-count=0", "Encrypt={yes};ConnectRetryCount={0}"),
        ("IPADDRESSPREFERENCE=ipv6first", "Encrypt={yes};IpAddressPreference={IPv6First}"),
    ],
)
def test_names_and_values_are_taken_in_any_case(written: str, sent: str) -> None:
    assert extra(written) == sent


@pytest.mark.parametrize("spelled", ["connection_timeout", "Connect+Timeout", "LoginTimeout"])
def test_the_login_timeout_is_taken_by_its_common_names(spelled: str) -> None:
    assert made(f"mssql://u:p@h/d?{spelled}=9")["OPTIONS"]["connection_timeout"] == 9


def test_tries_to_connect_are_those_of_the_address() -> None:
    assert made("mssql://u:p@h/d?connection_retries=7")["OPTIONS"]["connection_retries"] == 7


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("Encrypt", SECRET, "one of yes, true, no, false, mandatory, optional, strict"),
        ("TrustServerCertificate", "strict", "one of yes, true, no, false"),
        ("ApplicationIntent", "Read", "one of ReadOnly, ReadWrite"),
        ("IpAddressPreference", "IPv4", "one of IPv4First, IPv6First, UsePlatformDefault"),
        ("Authentication", SECRET, "one of SqlPassword, ActiveDirectoryPassword, "),
        ("isolation_level", "READ UNCOMMITTED", "one of READ COMMITTED, "),
        ("ConnectRetryCount", "1", "0: a lost connection"),
        ("PacketSize", "511", "a whole number from 512 to 32767"),
        ("KeepAlive", "x", "a whole number from 1 to 86400"),
        ("connection_timeout", "-1", "a whole number from 0 to 86400"),
        ("query_timeout", "1.5", "a whole number from 0 to 86400"),
        ("connection_retries", SECRET, "a whole number from 0 to 1000"),
        ("query_timeout", "²", "a whole number from 0 to 86400"),
    ],
)
def test_r8_a_value_no_driver_knows_is_refused_at_start(option: str, value: str, rule: str) -> None:
    said = refused(f"mssql://u:p@h/d?{option}={value}")
    assert f"V2_DATABASE_URL: the option {option} has to be {rule}" in said


@pytest.mark.parametrize("value", ["?ServerSPN=", "?HostnameInCertificate="])
def test_an_option_without_a_value_is_refused(value: str) -> None:
    assert refused(f"mssql://u:p@h/d{value}").endswith("has no value")


def test_an_unknown_option_is_named_with_those_there_are() -> None:
    said = refused(f"mssql://u:p@h/d?TrustServerCert={SECRET}")
    assert said.startswith("V2_DATABASE_URL: mssql-python takes no option TrustServerCert; ")
    assert ", TrustServerCertificate, " in said
    assert "MARS" in refused("mssql://u:p@h/d?MARS_Connection=yes", driver="pyodbc")


def test_an_option_that_is_there_twice_is_refused() -> None:
    said = refused("mssql://u:p@h/d?Encrypt=no&encrypt=yes")
    assert said == "V2_DATABASE_URL: the option Encrypt is there twice"


@pytest.mark.parametrize("option", ["PWD", "server", "a;b", "User%20Id", "Failover_Partner", "DSN"])
def test_r8_a_sql_server_option_cannot_replace_the_address(option: str) -> None:
    assert refused(f"mssql://u:p@h/d?{option}={SECRET}")


def test_pyodbc_is_taken_by_setting_with_the_driver_that_mssql_python_brings() -> None:
    options = made("mssql://u:p@h/d?WSID=night", driver="pyodbc")["OPTIONS"]
    assert options["driver"] == drivers.bundled()
    assert Path(options["driver"]).name.startswith("libmsodbcsql-18")
    assert "python_driver" not in options
    assert options["extra_params"] == "Encrypt={yes};WSID={night}"
    assert "(pyodbc does)" in refused("mssql://u:p@h/d?WSID=night")


def test_pyodbc_takes_another_odbc_driver_by_name() -> None:
    name = "ODBC Driver 17 for SQL Server"
    found = made("mssql://u:p@h/d", driver="PYODBC", odbc_driver=name)
    assert found["OPTIONS"]["driver"] == name
    assert connection_string(found).startswith("DRIVER={ODBC Driver 17 for SQL Server};SERVER=")
    assert "V2_SQL_SERVER_DRIVER=pyodbc" in refused("mssql://u:p@h/d", odbc_driver=name)


def test_another_driver_is_refused() -> None:
    said = refused("mssql://u:p@h/d", driver="pymssql")
    assert said == "V2_SQL_SERVER_DRIVER has to be one of mssql-python, pyodbc"
    assert "V2_SQL_SERVER_DRIVER" in refused("mssql://u:p@h/d?Driver=x")


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("db.example", "{db.example,1433}"),
        ("db.example:5000", "{db.example,5000}"),
        ("db%5CNIGHT", "{db\\NIGHT}"),
        ("db%5CNIGHT:5000", "{db\\NIGHT,5000}"),
        ("[::1]", "{::1,1433}"),
        ("[fe80::1]:5000", "{fe80::1,5000}"),
        ("", "{localhost,1433}"),
    ],
)
def test_hosts_named_instances_and_ports(host: str, server: str) -> None:
    string = connection_string(made(f"mssql://u:p@{host}/d"))
    assert string == f"SERVER={server};UID={{u}};PWD={{p}};DATABASE={{d}};Encrypt={{yes}}"


def test_without_a_user_the_login_is_the_integrated_one() -> None:
    expected = "SERVER={h,1433};Trusted_Connection={yes};DATABASE={d};Encrypt={yes}"
    assert connection_string(made("mssql://h/d")) == expected
    assert connection_string(made("mssql://h/d?Integrated+Security=true")) == expected


@pytest.mark.parametrize(
    "address",
    [
        f"mssql://u:{SECRET}@h/d?Trusted_Connection=yes",
        "mssql://h/d?Trusted_Connection=no",
        "mssql://h/d?Trusted_Connection=yes&Authentication=ActiveDirectoryDefault",
    ],
)
def test_an_integrated_login_with_another_beside_it_is_refused(address: str) -> None:
    assert "Trusted_Connection contradicts" in refused(address)


def test_half_a_login_is_refused() -> None:
    for login in ("u@", f":{SECRET}@"):
        assert "has a user and no password, or the reverse" in refused(f"mssql://{login}h/d")


@pytest.mark.parametrize(
    ("mode", "login"),
    [
        ("SqlPassword", "u:p@"),
        ("ActiveDirectoryPassword", "u:p@"),
        ("ActiveDirectoryServicePrincipal", "u:p@"),
        ("ActiveDirectoryIntegrated", ""),
        ("ActiveDirectoryMsi", ""),
        ("ActiveDirectoryMsi", "u@"),
        ("ActiveDirectoryInteractive", "u@"),
        ("ActiveDirectoryDefault", ""),
        ("ActiveDirectoryDeviceCode", ""),
    ],
)
def test_an_authentication_says_which_login_it_takes(mode: str, login: str) -> None:
    found = made(f"mssql://{login}h/d?authentication={mode.lower()}")
    assert login_of(found) is LOGINS[mode]
    string = connection_string(found)
    assert string.endswith(f";Authentication={{{mode}}}") or f"Authentication={{{mode}}}" in string
    assert ("UID=" in string, "PWD=" in string) == ("u" in login, ":" in login)
    assert "Trusted_Connection" not in string


@pytest.mark.parametrize(
    ("mode", "login", "said"),
    [
        ("SqlPassword", "", "takes a user and a password"),
        ("ActiveDirectoryServicePrincipal", "u@", "takes a user and a password"),
        ("ActiveDirectoryDefault", f"u:{SECRET}@", "takes no user and no password"),
        ("ActiveDirectoryIntegrated", "u@", "takes no user and no password"),
        ("ActiveDirectoryMsi", f"u:{SECRET}@", "may have a user and no password"),
    ],
)
def test_a_login_that_does_not_go_with_its_authentication_is_refused(
    mode: str, login: str, said: str
) -> None:
    assert said in refused(f"mssql://{login}h/d?Authentication={mode}")


def test_what_only_mssql_python_can_do_is_refused_for_pyodbc() -> None:
    said = refused("mssql://h/d?Authentication=ActiveDirectoryDefault", driver="pyodbc")
    assert said.endswith("needs V2_SQL_SERVER_DRIVER=mssql-python")


def test_a_schema_of_sql_server_is_named_beside_the_database() -> None:
    assert made("mssql://u:p@h/d", schema="Legacy V2]")["SCHEMA"] == "Legacy V2]"


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("legacy", "legacy"),
        ("Legacy", '"Legacy"'),
        ("Le gacy", '"Le\\ gacy"'),
        ('a"b\\c', '"a""b\\\\c"'),
    ],
)
def test_a_schema_of_a_postgresql_copy_is_its_search_path(schema: str, path: str) -> None:
    found = made("postgres://u:p@h/d", schema=schema)
    read_only = "-c default_transaction_read_only=on"
    assert found["OPTIONS"]["options"] == f"{read_only} -c search_path={path}"


def test_a_schema_is_given_once() -> None:
    address = "postgres://u:p@h/d?options=-c%20search_path%3Dx"
    assert refused(address, schema="y").startswith("V2_SCHEMA is set, and the options of")


def test_a_sqlite_file_has_no_schema() -> None:
    assert "SQLite file, which has no schemas" in refused("sqlite:///v2.sqlite3", schema="x")


@pytest.mark.parametrize("schema", ["a\nb", "x" * 129])
def test_what_is_no_schema_s_name_is_refused(schema: str) -> None:
    assert refused("mssql://u:p@h/d", schema=schema).startswith("V2_SCHEMA has to be")
