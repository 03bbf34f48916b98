"""What preflight_v2 asks a SQL Server, word by word, and that who only reads may ask it."""

import re
from typing import Any, cast

import pytest
from django.db import DatabaseError

from legacy_v2 import models as v2
from tests.unit.golden import laid_out_all, written
from tests.unit.servers import Server
from transfer import fitness
from transfer.exceptions import SourceError
from transfer.preflight import column_lines, hidden_lines, sql_server_lines, volumes
from transfer.preflight.lines import Line, Status
from transfer.preflight.refusals import could_not
from transfer.source import Source

ANSWERS: dict[str, tuple[Any, ...]] = {
    "'ProductVersion'": ("16.0.1.1", "Developer Edition (64-bit)", 3),
    "compatibility_level": (160, "SQL_Latin1_General_CP1_CI_AS", "READ_WRITE"),
    "'INSERT')": (0,),
    "sys.masked_columns": ("FormSubmission", "LookupCode"),
    "(NULL, 'DATABASE', 'UNMASK')": (0,),
    "'UNMASK', %s, 'COLUMN'": (1,),
    "IS_MEMBER": (0,),
    "IS_SRVROLEMEMBER": (0,),
    "dm_db_partition_stats": (7, 16384),
    "sys.partitions": (7,),
    "encrypt_option": ("TRUE",),
    "is_unique": (1,),
}


def answered(refused: str = "-") -> Any:
    def answer(statement: str) -> list[tuple[Any, ...]]:
        if refused in statement:
            raise SourceError("permission denied")
        if columns := statement.count("'SELECT', %s, 'COLUMN'"):
            return [(1,) * columns]
        return [row for text, row in ANSWERS.items() if text in statement][:1]

    return answer


def server(refused: str = "-", **how: Any) -> Server:
    made = Server("microsoft", answer=answered(refused), **how)
    for name in made.schema.tables.keys() - {"FormSubmission", "FormSubmissionMetaData"}:
        del made.schema.tables[name]  # what is asked of each table is written down for two
    return made


def looked_at(made: Server) -> dict[str, list[Line]]:
    """The lines of every part, by its name."""
    source = cast("Source", made)
    lines = {
        "server": list(sql_server_lines.server_lines(source)),
        "privileges": list(sql_server_lines.privilege_lines(source)),
        "size": list(sql_server_lines.size_lines(source)),
        "masks": list(hidden_lines.mask_lines(source)),
        "policies": list(hidden_lines.policy_lines(source)),
        "session": list(sql_server_lines.session_lines(source)),
    }
    sql_server_lines.version(source)
    fitness.is_unique(source, v2.FormSubmission)
    column_lines.columns(source)
    volumes._answers(source)
    made.select(volumes._submissions(source))
    return lines


def asked_one_by_one() -> dict[str, str]:
    """Every statement once, by its number."""
    made = server()
    looked_at(made)
    fallback = server("sys.dm_db_partition_stats")
    looked_at(fallback)
    named: dict[str, str] = {}
    for statement in (*made.asked, *fallback.asked):
        if statement not in named.values():
            named[f"{len(named) + 1}"] = statement
    return named


def test_what_sql_server_is_asked_is_what_is_written_down() -> None:
    assert laid_out_all(asked_one_by_one()) == written("preflight_sql_server")


# What db_datareader sees of the catalog: what is about tables it may read, and its own database.
# Of security policies it sees none, and is refused nothing.
OPEN_TO_ALL = {
    "sys.masked_columns",
    "sys.objects",
    "sys.security_policies",
    "sys.security_predicates",
    "sys.views",
    "sys.databases",
    "sys.partitions",
    "sys.indexes",
    "sys.index_columns",
    "sys.columns",
    "INFORMATION_SCHEMA.COLUMNS",
}
# Each is done without where it is refused: see the tests below.
DONE_WITHOUT = {"sys.dm_db_partition_stats", "sys.dm_exec_connections"}


def test_nothing_but_db_datareader_is_needed() -> None:
    asked = "\n".join(asked_one_by_one().values())
    views = set(re.findall(r"\b(?:sys|INFORMATION_SCHEMA)\.\w+", asked))
    assert views == OPEN_TO_ALL | DONE_WITHOUT


@pytest.mark.parametrize("refused", sorted(DONE_WITHOUT))
def test_what_takes_more_is_done_without(refused: str) -> None:
    lines = looked_at(server(refused))
    assert {line.status for part in lines.values() for line in part} == {Status.OK}
    said = "\n".join(line.found for part in lines.values() for line in part)
    assert ("does not tell" in said) == (refused == "sys.dm_db_partition_stats")
    assert ("may not ask the server" in said) == (refused == "sys.dm_exec_connections")


@pytest.mark.parametrize(
    ("options", "asked_for"),
    [
        ("Encrypt={yes};TrustServerCertificate={no}", {"Encrypt": "yes"}),
        ("Encrypt=yes;trustservercertificate=Yes", {"TrustServerCertificate": "Yes"}),
        ("ApplicationIntent={ReadOnly}", {"ApplicationIntent": "ReadOnly", "Encrypt": ""}),
        ("", {"Encrypt": "", "TrustServerCertificate": ""}),
        ("Comment={Encrypt=no}", {"Encrypt": ""}),
    ],
)
def test_options_of_the_connection_are_read(options: str, asked_for: dict[str, str]) -> None:
    made = server()
    made.connection.settings_dict["OPTIONS"] = {"extra_params": options}
    for name, value in asked_for.items():
        assert sql_server_lines._option(cast("Source", made), name) == value


def test_the_statement_that_allows_snapshots_has_the_databases_name_in_brackets() -> None:
    made = server()
    made.connection.isolation = "read committed"
    made.connection.settings_dict["NAME"] = "odd]name"
    line = sql_server_lines._isolation(cast("Source", made), read_only=False)
    assert "ALTER DATABASE [odd]]name] SET ALLOW_SNAPSHOT_ISOLATION ON" in line.action


OF_TABLE = "The SELECT permission was denied on the object 'User', database 'P', schema 'dbo'."
OF_COLUMN = OF_TABLE.replace("the object", "the column 'Email' of the object")


@pytest.mark.parametrize(
    ("vendor", "text", "state", "status"),
    [
        ("microsoft", OF_TABLE, None, Status.BLOCKED),
        ("microsoft", OF_COLUMN, None, Status.BLOCKED),
        ("microsoft", "Invalid object name 'User'.", None, Status.WARNING),
        ("postgresql", "permission denied for table User", "42501", Status.BLOCKED),
        ("postgresql", "canceling statement", "57014", Status.WARNING),
    ],
)
def test_what_may_not_be_read_is_blocked_and_any_other_failure_a_warning(
    vendor: str, text: str, state: str | None, status: Status
) -> None:
    driver = Exception(text)
    driver.sqlstate = state  # type: ignore[attr-defined] # as psycopg's have it
    wrapped = DatabaseError(text)
    wrapped.__cause__ = driver
    error = SourceError(f"v2 refused a query: {text}")
    error.__cause__ = wrapped
    line = could_not(cast("Source", Server(vendor)), "volume", "what there is", error)
    assert line.status is status
