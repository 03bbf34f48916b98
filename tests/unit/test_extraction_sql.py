"""The T-SQL that v2's models compose for each query of the extraction, word for word.

``extraction.sql`` holds it, a comment with the query's name before each statement and its
parameters behind it. Nothing connects. Where a change is meant, the failing test shows what to
write into the file.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from legacy_v2 import ids, names
from legacy_v2 import models as v2
from legacy_v2.introspection import V2Schema
from tests.sqlserver.bounds import is_bounded
from tests.v2 import guid, use_v2
from transfer import extract, reread
from transfer.extract_submissions import ANSWER_COLUMNS, submissions
from transfer.fetch import Budget, Fetched, FetchedRows
from transfer.makers import Maker
from transfer.mapping.context import MappingContext, MappingFile
from transfer.scope import Scope
from transfer.source import Source

GOLDEN = Path(__file__).parent / "extraction.sql"
LOW, HIGH = guid(1, 1).upper(), guid(1, 9).upper()
ACME = guid(1, 7)
SETTINGS: dict[str, Any] = {
    "ENGINE": "legacy_v2.sqlserver", "NAME": "Pliers", "HOST": "nowhere", "USER": "u",
    "PASSWORD": "p", "PORT": 1433, "SCHEMA": "dbo", "TEST": {},
    "OPTIONS": {"python_driver": "mssql_python"},
}  # fmt: skip


class Composer(Source):
    """A v2 that has everything; it answers with the rows it was given, and keeps the statements."""

    def __init__(
        self,
        *answers: list[list[Any]],
        integers: frozenset[tuple[str, str]],
        vouched: bool = False,
    ) -> None:
        self.alias = "v2"
        everything = {table: frozenset(own) for table, own in names.canonical().items()}
        keys = frozenset((table, "Id") for table in everything if vouched)
        self.schema = V2Schema(
            everything, answers_indexed=True, similar={}, integer_ids=integers, never_null=keys
        )
        ids.remember(connections["v2"], integers)
        self._answers = list(answers)
        self.asked: list[tuple[str, list[Any]]] = []

    def select(self, statement: str, _parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Say of each table that its Ids are unique."""
        assert "is_unique" in statement
        return [(1,)]

    def _run(
        self,
        statement: str,
        parameters: Any,
        _budget: Budget | None = None,
        makers: Sequence[Maker] = (),
    ) -> Fetched:
        self.asked.append((statement, list(parameters)))
        given = self._answers.pop(0) if self._answers else []
        made = [list(make(own)) for make, own in zip(makers, given, strict=False)]
        return Fetched(made or given, last=given[0][-1] if given and given[0] else None)

    def _run_rows(
        self, statement: str, parameters: Any, _budget: Budget | None = None
    ) -> FetchedRows:
        self.asked.append((statement, list(parameters)))
        given = self._answers.pop(0) if self._answers else []
        return FetchedRows(list(zip(*given, strict=True)))


def rows(*columns: Any) -> list[list[Any]]:
    """One row in columns."""
    return [[value] for value in columns]


SUBMISSION = rows(HIGH, guid(4, 1), guid(9, 2), "L-1", None, None, None)
ANSWER = rows(LOW, guid(5, 1), "text", None, guid(11, 1))
FORM = rows(HIGH, "Form", "Form", None, None, None)
QUERIES: dict[str, tuple[Callable[[Source], Any], tuple[list[list[Any]], ...]]] = {
    "organizations, first batch": (
        lambda s: extract.organizations(s, v2.Organization.objects.all(), lambda: 1000), ()),
    "organizations, next batch": (
        lambda s: extract.organizations(s, v2.Organization.objects.all(), lambda: 1000, LOW), ()),
    "users of selected organizations": (
        lambda s: extract.users(s, scope(s).user_query(), lambda: 1000, LOW), ([],)),
    "forms with fields, choices and settings": (
        lambda s: extract.forms(s, extract.Lookups(), lambda: 200, LOW), (FORM,)),
    "field types, statuses and choices": (extract.lookups, ()),
    "fields without a form": (lambda s: extract.fields_without_form(s, extract.Lookups()), ()),
    "settings without a field": (extract.settings_without_field, ()),
    "choices without a field": (
        lambda s: extract.maps_without_field(s, extract.Lookups()), ()),
    "submissions with answers, first batch": (
        lambda s: submissions(s, v2.FormSubmission.objects.all(), lambda: 1000), (SUBMISSION,)),
    "submissions with answers, next batch, orphans in it": (
        lambda s: submissions(s, v2.FormSubmission.objects.all(), lambda: 1, LOW),
        (SUBMISSION, ANSWER)),
    "submissions of selected organizations": (
        lambda s: submissions(s, scope(s).submission_query(), lambda: 1000, LOW, everything=False),
        ([], SUBMISSION)),
    "submissions counted by form": (lambda s: scope(s).count_submissions(), ()),
    "texts with half a pair, as bytes": (
        lambda s: s.read(v2.FormSubmissionMetaData.objects.filter(id=LOW), ANSWER_COLUMNS),
        (rows(LOW, guid(5, 1), "a\ufffdb", None, guid(11, 1)),)),
    "submissions again, by their ids": (
        lambda s: reread.submissions(s, [ACME, guid(10, 2)]), (SUBMISSION,)),
    "answers again, by their ids": (lambda s: reread.answers(s, [ACME, f"{ACME}/x"]), ()),
}  # fmt: skip


def scope(source: Source) -> Scope:
    """Of one selected organization."""
    ctx: Any = MappingContext("night", None, None, mapping=MappingFile())  # type: ignore[arg-type]
    return Scope(source, ctx, frozenset({ACME}))


@pytest.fixture
def _sql_server() -> Iterator[None]:
    with use_v2(**SETTINGS) as connection:
        connection.__dict__["sql_server_version"] = 2017
        connection.__dict__["to_azure_sql_db"] = False
        yield


def asked(name: str, *, vouched: bool = False) -> list[tuple[str, list[Any]]]:
    """The statements of a query of the table above, with their parameters.

    ``vouched``: SQL Server says of each table that every row has an Id, and none twice.
    """
    query, answers = QUERIES[name]
    source = Composer(*answers, integers=frozenset(), vouched=vouched)
    with suppress(TypeError):  # what is not an iterator has asked already
        list(query(source))
    assert source.asked
    return source.asked


def composed(name: str) -> str:
    """What a query of the table above asks, as the file has it."""
    return "".join(
        f"{laid_out(statement)}\n-- {', '.join(map(repr, parameters)) or 'no parameter'}\n"
        for statement, parameters in asked(name)
    )


def laid_out(statement: str) -> str:
    """A clause a line; Django 6 quotes the names it makes up itself."""
    plain = re.sub(r"\[([UV]\d)\]", r"\1", statement)
    return re.sub(r" (FROM|WHERE|ORDER BY|GROUP BY|AND EXISTS|AND NOT) ", r"\n  \1 ", plain)


def golden() -> dict[str, str]:
    """The file's statements by name."""
    parts = re.split(r"^-- \[(.+)\]\n", GOLDEN.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() + "\n" for part in parts[2::2]), strict=True))


@pytest.mark.usefixtures("_sql_server")
@pytest.mark.parametrize("name", QUERIES)
def test_the_models_compose_this_t_sql(name: str) -> None:
    assert composed(name) == golden()[name]


def test_the_file_holds_no_query_that_nobody_asks() -> None:
    assert list(golden()) == list(QUERIES)


@pytest.mark.usefixtures("_sql_server")
@pytest.mark.parametrize("name", QUERIES)
def test_every_statement_is_bounded_and_no_list_of_parameters_grows(name: str) -> None:
    for statement, parameters in asked(name, vouched=True):
        assert is_bounded(statement), statement
        assert len(parameters) <= 6


@pytest.mark.usefixtures("_sql_server")
def test_ids_that_are_numbers_are_sent_as_numbers() -> None:
    source = Composer(integers=frozenset({("FormSubmission", "Id")}))
    reread.submission_ids(source, [ids.uuid_of(17), ids.uuid_of(-3), ACME])
    statement, parameters = source.asked[0]
    assert statement.endswith("WHERE [FormSubmission].[Id] IN (%s, %s, %s)")
    assert sorted(map(str, parameters)) == ["-3", "17", "None"]


@pytest.mark.usefixtures("_sql_server")
def test_another_schema_and_other_names_are_in_every_statement() -> None:
    connections["v2"].settings_dict["SCHEMA"] = "old]forms"
    names.use({"Organization": "tblOrg"}, {"Organization": {"Name": "Caption"}})
    try:
        source = Composer(integers=frozenset())
        list(extract.organizations(source, v2.Organization.objects.all(), lambda: 5))
    finally:
        names.use()
    assert "SELECT TOP 5 [tblOrg].[Id] AS [id], [tblOrg].[Caption] AS [name]" in source.asked[0][0]
    assert " FROM [old]]forms].[tblOrg] ORDER BY" in source.asked[0][0]
