"""The tests' own SQL Server answers as the real one is known to, where the import depends on it."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from typing import Any
from unittest import mock

import pytest
from django.conf import settings

from pliers.drivers import CURL, PACKAGES
from pliers.environment import legacy
from pliers.sql_server import connection_string
from tests.sqlserver import certificates, real, types
from tests.sqlserver.peer import Peer
from tests.sqlserver.tables import Index, made

pytestmark = pytest.mark.usefixtures("sql_server_driver")

Ask = Callable[..., list[tuple[Any, ...]]]

# From the least to the greatest: the last six bytes count first, from their first byte on; in the
# three groups at the front the last byte of each counts most.
ORDERED = [
    "01000000-0000-0000-0000-000000000000",
    "00010000-0000-0000-0000-000000000000",
    "00000100-0000-0000-0000-000000000000",
    "00000001-0000-0000-0000-000000000000",
    "00000000-0100-0000-0000-000000000000",
    "00000000-0001-0000-0000-000000000000",
    "00000000-0000-0100-0000-000000000000",
    "00000000-0000-0001-0000-000000000000",
    "00000000-0000-0000-0001-000000000000",
    "00000000-0000-0000-0100-000000000000",
    "00000000-0000-0000-0000-000000000001",
    "00000000-0000-0000-0000-000000000100",
    "00000000-0000-0000-0000-010000000000",
]
WIDTHS = [-(1 << 31), -(1 << 15), -128, 0, 127, 255, (1 << 15) - 1, (1 << 31) - 1, 1 << 53]
TEXTS = ["", "Grün", "GRÜN", "a\0b", "half \ud83d", "😀", "x" * 5_000, None, "a\ufffdb"]


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    ids = made(
        "dbo",
        "Ids",
        [("Id", types.UniqueIdentifier()), ("Number", types.Integer(8))],
        [[one.upper(), place] for place, one in enumerate(ORDERED)][::-1],
    )
    ids.indexes.append(Index("PK_Ids", ("Id",), unique=True, primary=True))
    texts = made(
        "forms",
        "Texts",
        [
            ("Number", types.Integer(4)),
            ("Text", types.Text()),
            ("On", types.DateTime2()),
            ("Flag", types.Bit()),
        ],
        [[n, text, "2024-03-01 10:20:30.123456", True] for n, text in enumerate(TEXTS)],
    )
    with Peer() as one:
        one.add(ids, texts)
        yield one


@pytest.fixture
def ask(peer: Peer) -> Iterator[Ask]:
    """Ask through Microsoft's driver, TLS verified; rows as Arrow has them."""
    import mssql_python  # noqa: PLC0415 - needs libraries not every machine has

    address, _ = legacy("V2_DATABASE_URL", peer.url(), base=settings.BASE_DIR)
    mssql_python.pooling(enabled=False)
    trusted = {"SSL_CERT_FILE": str(certificates.trusted())}
    with (
        mock.patch.dict(os.environ, trusted),
        closing(mssql_python.connect(connection_string(address), autocommit=True)) as connection,
    ):

        def run(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
            with closing(connection.cursor()) as cursor:
                cursor.execute(sql, parameters)
                table = cursor.arrow()
            columns = [column.to_pylist() for column in table.columns]
            return list(zip(*columns, strict=True))

        yield run
    peer.harm.heal()


def places(rows: list[tuple[Any, ...]]) -> list[int]:
    return [row[0] for row in rows]


def test_ids_stand_in_the_order_of_sql_server(ask: Ask) -> None:
    everything = list(range(len(ORDERED)))
    assert places(ask("SELECT Number FROM Ids ORDER BY Id")) == everything
    # Without the index: the order of an expression is worked out row by row.
    assert places(ask("SELECT Number FROM Ids ORDER BY Id DESC")) == everything[::-1]
    assert sorted(ORDERED) != ORDERED


@pytest.mark.parametrize("text", [str.lower, str.upper])
def test_a_range_of_ids_is_theirs(ask: Ask, text: Callable[[str], str]) -> None:
    low, high = text(ORDERED[3]), text(ORDERED[9])
    in_range = "SELECT TOP 4 Number FROM [dbo].[Ids] WHERE Id > ? AND Id <= ? ORDER BY 1"
    assert places(ask(in_range, low, high)) == [4, 5, 6, 7]
    both = "SELECT Number FROM Ids WHERE (Id > ? OR Number < 0) AND NOT Id > ? ORDER BY Number"
    assert places(ask(both, low, high)) == [4, 5, 6, 7, 8, 9]
    assert places(ask("SELECT Number FROM Ids WHERE Id IN (?, ?) ORDER BY 1", low, high)) == [3, 9]


@pytest.mark.parametrize("number", [n + d for n in WIDTHS for d in (-1, 0, 1)])
def test_a_number_arrives_as_it_was_whatever_the_width_the_driver_gives_it(
    peer: Peer, ask: Ask, number: int
) -> None:
    ask("SELECT Number FROM Ids WHERE Number > ?", number)

    assert peer.statements[-1].parameters == (number,)


def test_ids_without_dashes_are_refused(ask: Ask) -> None:
    with pytest.raises(Exception, match=r"Conversion failed .* to uniqueidentifier"):
        ask("SELECT Number FROM Ids WHERE Id > ?", ORDERED[3].replace("-", ""))


def test_texts_arrive_but_for_halves_of_pairs(ask: Ask) -> None:
    found = [row[0] for row in ask("SELECT Text FROM forms.Texts ORDER BY Number")]
    assert found == [text and text.replace("\ud83d", "\ufffd") for text in TEXTS]
    as_bytes = "SELECT CAST(Text AS varbinary(max)) FROM forms.Texts WHERE Number = ?"
    assert ask(as_bytes, 4)[0][0].decode("utf-16-le", "surrogatepass") == TEXTS[4]


def test_collations_and_code_units(ask: Ask) -> None:
    equal = "SELECT Number FROM forms.Texts WHERE Text = N'GRÜN'"
    assert places(ask(f"{equal} ORDER BY Number")) == [1, 2]
    assert places(ask(equal.replace("=", "COLLATE Latin1_General_100_BIN2 ="))) == [2]
    halves = (
        "SELECT Number FROM forms.Texts WHERE Text COLLATE Latin1_General_100_BIN2 "
        "LIKE N'%[' + NCHAR(55296) + N'-' + NCHAR(57343) + N']%' ORDER BY Number"
    )
    assert places(ask(halves)) == [4, 5]  # a whole pair has halves too
    assert ask("SELECT LEN(Text), DATALENGTH(Text) FROM forms.Texts WHERE Number = 5") == [(2, 4)]


def test_the_catalog_names_types_schemas_and_indexes(ask: Ask) -> None:
    named = (
        "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH FROM INFORMATION_SCHEMA.COLUMNS"
    )
    assert ask(f"{named} WHERE TABLE_SCHEMA = ? ORDER BY ORDINAL_POSITION", "forms") == [
        ("Number", "int", None),
        ("Text", "nvarchar", -1),
        ("On", "datetime2", None),
        ("Flag", "bit", None),
    ]
    leading = """
        SELECT i.name, c.name FROM sys.indexes i
          JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id
          JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id
         WHERE i.object_id = OBJECT_ID(N'[dbo].[Ids]')
    """
    assert ask(leading) == [("PK_Ids", "Id")]


def test_an_answer_is_cut_in_its_middle(peer: Peer, ask: Ask) -> None:
    peer.harm.cut("Texts", after=4_000, nth=2)
    assert len(ask("SELECT Text FROM forms.Texts")) == len(TEXTS)
    with pytest.raises(Exception, match=r"Communication link failure|TCP Provider"):
        ask("SELECT Text FROM forms.Texts")


def test_a_database_is_made_once_more_while_another_test_makes_one() -> None:
    said = "Could not obtain exclusive lock on database 'model'. Retry the operation later."
    for text, made_in in ((said, 3), ("CREATE DATABASE permission denied", 0), (said, 99)):
        tries = list[int]()

        def make(text: str = text, made_in: int = made_in, tries: list[int] = tries) -> None:
            tries.append(1)
            if len(tries) != made_in:
                raise RuntimeError(text)

        with pytest.raises(RuntimeError) if made_in != 3 else nullcontext():
            real.create(make, sleep=lambda _seconds: None)
        assert len(tries) == {3: 3, 0: 1, 99: real.TRIES}[made_in]


def test_ci_installs_what_the_driver_loads() -> None:
    script = (settings.BASE_DIR / ".ci" / "run").read_text()
    installed = dict(re.findall(r"(lib[\w.]+\.so\.\d):(lib[\w.-]+)", script))
    assert installed == PACKAGES
    assert not installed.keys() & CURL.keys()  # of Entra alone, which no test asks


REFUSED = {
    "SELECT Number FROM forms.Texts WHERE Text COLLATE Latin1_General_200_BIN2 > N'a'":
        "Invalid collation",
    "SELECT Number FROM forms.Texts WHERE Text COLLATE Nonsense = N'a'": "Invalid collation",
    "SELECT n FROM (SELECT Number AS n FROM forms.Texts ORDER BY 1) AS t": "ORDER BY clause",
    "WITH t AS (SELECT Number AS n FROM forms.Texts ORDER BY 1) SELECT n FROM t": "ORDER BY clause",
    "SELECT 1 FROM (SELECT Number AS n, COUNT(*) FROM forms.Texts GROUP BY Number) AS t":
        "No column name was specified for column 2 of 't'",
    "SELECT SUM(NULL) FROM forms.Texts": "type NULL is invalid for sum operator",
    "SELECT MIN(Flag) FROM forms.Texts": "type bit is invalid for min operator",
    "SELECT MAX(CAST(Number AS bit)) FROM forms.Texts": "type bit is invalid for max operator",
    "SELECT Text || N'x' FROM forms.Texts": "Incorrect syntax near",
    "SELECT CAST(Id AS char(35)) FROM Ids": "Insufficient result space",
    "SELECT CAST(Id AS nvarchar) FROM Ids": "Insufficient result space",
}  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED)
def test_what_a_real_server_refuses_is_refused(ask: Ask, sql: str) -> None:
    with pytest.raises(Exception, match=REFUSED[sql]):
        ask(sql)


def test_what_a_real_server_takes_instead_is_taken(ask: Ask) -> None:
    assert len(ask("SELECT n FROM (SELECT TOP 9 Number AS n FROM Ids ORDER BY 1) AS t")) == 9
    assert ask("SELECT MIN(CAST(Flag AS int)), COUNT(Flag) FROM forms.Texts") == [(1, len(TEXTS))]
    assert ask("SELECT TOP 1 CAST(Id AS char(36)) FROM Ids ORDER BY Id") == [(ORDERED[0],)]


@pytest.mark.parametrize("code", ["0", "55357", "65533"])
def test_what_has_no_weight_is_found_by_a_binary_collation_alone(ask: Ask, code: str) -> None:
    exact = "Text COLLATE Latin1_General_100_BIN2"
    for binary in (True, False):
        text = exact if binary else "Text"
        for condition in (
            f"CHARINDEX(NCHAR({code}), {text}) > 0", f"{text} LIKE N'%[' + NCHAR({code}) + N']%'",
            f"{text} <> REPLACE(Text, NCHAR({code}), N'')",
        ):  # fmt: skip
            found = ask(f"SELECT Number FROM forms.Texts WHERE {condition} ORDER BY Number")
            assert bool(found) == binary, condition
