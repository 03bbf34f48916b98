"""The census' SQL: what SQL Server is asked, word by word, and what only others are."""

from typing import Any, cast

import pytest

from legacy_v2 import ids
from legacy_v2 import models as v2
from tests.unit.golden import laid_out_all, written
from tests.unit.servers import Server
from transfer.census.advice import ACTIONS
from transfer.census.dialect import Dialect, IdColumn
from transfer.census.questions import Questions
from transfer.census.selects import CHOSEN, MAP, SUBMISSION, Selects
from transfer.mapping.codes import Code
from transfer.source import Source


def asked_one_by_one(server: Server) -> dict[str, str]:
    """Every question of the census, by its name."""
    selects = Selects(cast("Source", server), texts=True, in_utc=False, elsewhere=False)
    questions = Questions(cast("Source", server), selects)
    asked: dict[str, str] = {}

    def note(name: str) -> None:
        for number, statement in enumerate(server.asked, 1):
            asked[f"{name} {number}" if len(server.asked) > 1 else name] = statement
        server.asked.clear()

    questions.any_odd()
    note("any odd")
    questions.answers()
    note("answers")
    questions.submissions()
    note("submissions")
    questions.merged()
    note("merged")
    questions.large_documents()
    note("large documents")
    _, shared = questions.shared_codes(by_home=True)
    questions.ids(shared, 5)
    note("shared codes")
    questions.examples("answers", {"form": None, "field": "f"}, 10)
    note("examples")
    selects.leave_out(strangers=True)
    questions.left_out("last", 10)
    note("left out")
    questions.submissions()
    note("submissions but for those left out")
    return asked


def asked_of(vendor: str) -> str:
    return "\n".join(asked_one_by_one(Server(vendor)).values())


def test_what_sql_server_is_asked_is_what_is_written_down() -> None:
    assert laid_out_all(asked_one_by_one(Server("microsoft"))) == written("census_sql_server")


@pytest.mark.parametrize(
    "foreign",
    ["::", "LIMIT", "NOCASE", "octet_length", "typeof", "GLOB", "instr(", "length("],
)
def test_sql_server_is_asked_in_its_own_words(foreign: str) -> None:
    assert foreign not in asked_of("microsoft").replace("DATALENGTH(", "")
    assert foreign in asked_of("sqlite") + asked_of("postgresql")


def test_each_server_takes_the_first_rows_in_its_own_way() -> None:
    assert "TOP (10)" in asked_of("microsoft")
    assert "LIMIT 10" in asked_of("postgresql")
    assert "TOP (10)" not in asked_of("sqlite")


def test_every_percent_sign_is_doubled_but_for_parameters() -> None:
    for vendor in ("sqlite", "postgresql", "microsoft"):
        server = Server(vendor, numbers={"FormSubmission.Id"})
        every = "\n".join(asked_one_by_one(server).values())
        assert "%" not in every.replace("%%", "").replace("%s", "")


def test_a_number_is_the_uuid_made_from_it_in_each_servers_words() -> None:
    def shown(vendor: str) -> str:
        server = Server(vendor, numbers={"FormSubmission.Id"})
        return Dialect(cast("Source", server)).shown(SUBMISSION)

    assert shown("microsoft") == (
        "LOWER('76326964-0000-8' + STUFF(STUFF(CONVERT(char(16), CAST(CAST(s.[Id] AS bigint) AS"
        " binary(8)), 2), 5, 0, '-'), 4, 0, '-800')) COLLATE Latin1_General_100_BIN2"
    )
    assert shown("postgresql") == (
        "('76326964-0000-8' || overlay(overlay(lpad(to_hex(s.[Id]::bigint), 16, '0') PLACING '-'"
        " FROM 5 FOR 0) PLACING '-800' FROM 4 FOR 0))"
    )
    assert shown("sqlite") == (
        "CASE typeof(s.[Id]) WHEN 'integer' THEN '76326964-0000-8' ||"
        " substr(printf('%%016x', s.[Id]), 1, 3) || '-800' ||"
        " substr(printf('%%016x', s.[Id]), 4, 1) || '-' ||"
        " substr(printf('%%016x', s.[Id]), 5) ELSE lower(s.[Id]) END"
    )
    assert ids.uuid_of(17).startswith("76326964-0000-8")


@pytest.mark.parametrize(
    ("vendor", "of_a_guid", "of_a_number"),
    [
        ("microsoft", "CAST(NULL AS uniqueidentifier)", "CAST(NULL AS bigint)"),
        ("postgresql", "CAST(NULL AS uuid)", "CAST(NULL AS bigint)"),
        ("sqlite", "CAST(NULL AS text)", "CAST(NULL AS bigint)"),
    ],
)
def test_a_missing_id_is_a_null_of_the_type_it_is_compared_with(
    vendor: str, of_a_guid: str, of_a_number: str
) -> None:
    def key(numbers: set[str]) -> str:
        server = Server(vendor, numbers=numbers, lacks={"Field_Choice_Map.Id"})
        return Dialect(cast("Source", server)).key(MAP)

    assert key(set()) == of_a_guid
    assert key({"FormSubmissionMetaData.FieldChoiceMapId"}) == of_a_number


@pytest.mark.parametrize(
    ("numbers", "comparison"),
    [
        (set(), "m.[Id] = a.[FieldChoiceMapId]"),
        (
            {"Field_Choice_Map.Id", "FormSubmissionMetaData.FieldChoiceMapId"},
            "m.[Id] = a.[FieldChoiceMapId]",
        ),
    ],
)
def test_ids_of_one_type_are_compared_as_they_are(numbers: set[str], comparison: str) -> None:
    say = Dialect(cast("Source", Server("microsoft", numbers=numbers)))
    assert say.same(MAP, CHOSEN) == comparison


def test_a_number_and_a_guid_are_compared_as_the_text_the_run_has_of_each() -> None:
    server = Server("microsoft", numbers={"Field_Choice_Map.Id"})
    say = Dialect(cast("Source", server))
    assert say.same(MAP, CHOSEN) == f"{say.shown(MAP)} = {say.shown(CHOSEN)}"
    assert say.shown(MAP) != say.key(MAP)


def test_tables_have_their_schema_and_names_their_brackets() -> None:
    server = Server("microsoft", schema="old forms")
    say = Dialect(cast("Source", server))
    assert say.table(v2.User) == "[old forms].[User]"
    assert say.key(IdColumn("u", v2.User, "organization_id")) == "u.[OrganizationId]"


def test_every_code_has_something_to_be_done() -> None:
    assert ACTIONS.keys() == set(Code)


def test_no_statement_of_the_census_needs_a_parameter_a_row() -> None:
    server = Server("microsoft")
    counts: list[int] = []
    select = server.select

    def count(statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        counts.append(len(parameters))
        return select(statement, parameters)

    server.select = count  # type: ignore[method-assign] # of this one object
    asked_one_by_one(server)
    assert max(counts) <= 2
