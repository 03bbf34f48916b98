"""The census' SQL for SQL Server, which no test can run: it says nothing that only others take."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from transfer.census.advice import ACTIONS
from transfer.census.questions import Questions
from transfer.census.selects import Selects
from transfer.mapping.codes import Code
from transfer.source import Source


class Connection:
    """To a server of a vendor."""

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor
        self.ops = SimpleNamespace(quote_name=lambda name: f"[{name}]")
        self.settings_dict = {"SCHEMA": "dbo"}


class Server:
    """A v2 that has every table, answers nothing, and keeps what it was asked."""

    def __init__(self, vendor: str) -> None:
        self.connection = Connection(vendor)
        self.asked: list[str] = []

    def has(self, *_: Any) -> bool:
        return True

    def select(self, statement: str, _parameters: Any = ()) -> list[tuple[Any, ...]]:
        self.asked.append(statement)
        return [(0,)] if "MIN(d.sample)" not in statement else []


def asked_of(vendor: str) -> str:
    server = Server(vendor)
    source = cast("Source", server)
    selects = Selects(source, texts=True, in_utc=False, elsewhere=False)
    questions = Questions(source, selects)
    questions.any_odd()
    selects.leave_out(strangers=True)
    questions.answers()
    questions.submissions()
    questions.merged()
    questions.large_documents()
    _, ids = questions.shared_codes(by_home=True)
    questions.ids(ids, 5)
    questions.examples("answers", {"form": None, "field": "f"}, 10)
    questions.left_out("last", 10)
    return "\n".join(server.asked)


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
        assert "%" not in asked_of(vendor).replace("%%", "").replace("%s", "")


def test_every_code_has_something_to_be_done() -> None:
    assert ACTIONS.keys() == set(Code)
