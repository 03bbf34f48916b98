"""What an exception of v2's driver means: is it worth another try, and what can a person do?

The three drivers tell differently. psycopg has a SQLSTATE; pyodbc has SQLSTATE and number, but
names some errors of the server no ``DatabaseError``; mssql-python has neither, only SQLSTATE's
English name and the server's message. So SQL Server's errors are told by number where there is
one, else by how the message begins (``sql_server_errors.KNOWN``), else by SQLSTATE.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from django.db import Error, InterfaceError, OperationalError

from transfer.sql_server_errors import KNOWN, Kind, Known

__all__ = ["Kind", "Trouble", "explain", "from_driver"]

LONGEST = 240  # of what a server said; some messages are half a page


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong and what to do.

    Attributes:
        kind: what it asks of whoever sent the statement.
        said: what happened: one line, without login or secret (R8).
        advice: what a person can do, one line; empty where nothing is known.
        number: SQL Server's number; None where there is none or it is not known.
        repeats: how often the statement is worth sending again, None: as long as patience lasts.
    """

    kind: Kind
    said: str
    advice: str = ""
    number: int | None = None
    repeats: int | None = None

    @property
    def line(self) -> str:
        """What happened and what to do, one line."""
        return f"{self.said}; {self.advice}" if self.advice else self.said


def from_driver(error: BaseException) -> bool:
    """Whether an exception is v2's driver's own, wrapped by Django or not.

    Not all are wrapped: an option the driver does not know, a token it cannot get, and a plain
    ``RuntimeError`` where mssql-python's connection breaks while a long text is fetched.
    """
    if isinstance(error, Error):
        return True
    package = type(error).__module__.partition(".")[0]
    if package in {"mssql_python", "pyodbc", "psycopg"}:
        return True
    return isinstance(error, RuntimeError) and any(one.match(str(error)) for one in KNOWN)


def explain(error: BaseException, vendor: str, secrets: Iterable[str] = ()) -> Trouble:
    """Say what an exception of v2's driver means.

    Args:
        error: as Django wrapped it, or the driver's own.
        vendor: Django's name of the kind of database: sqlite, postgresql or microsoft.
        secrets: what the line must not hold, such as the password.
    """
    if vendor == "microsoft":
        trouble = _microsoft(error)
    elif vendor == "postgresql":
        trouble = Trouble(_postgres_kind(error), _first_line(error))
    else:
        busy = any(word in str(error) for word in ("locked", "busy"))
        trouble = Trouble(Kind.LOST if busy else Kind.REFUSED, _first_line(error))
    said = _scrubbed(trouble.said, secrets)
    advice = _scrubbed(trouble.advice, secrets)
    return Trouble(trouble.kind, said, advice, trouble.number, trouble.repeats)


# PostgreSQL: serialization failure (a standby's too), deadlock, lock not available.
_POSTGRES_AGAIN = frozenset({"40001", "40P01", "55P03"})


def _postgres_kind(error: BaseException) -> Kind:
    state = str(getattr(error.__cause__ or error, "sqlstate", None) or "")
    if state in _POSTGRES_AGAIN:
        return Kind.AGAIN
    if state:
        # The last two: the server ended a session that was idle, or at work, for too long.
        return Kind.LOST if state.startswith(("08", "57P", "25P03", "25P04")) else Kind.REFUSED
    # No state at all is how the driver reports a connection that broke under a statement.
    return Kind.LOST if isinstance(error, OperationalError | InterfaceError) else Kind.REFUSED


# SQL Server


@dataclass(frozen=True, slots=True)
class _Record:
    """One diagnostic record of the driver's."""

    state: str
    number: int | None
    text: str


# mssql-python gives the names of SQLSTATEs; those that decide.
_STATES = {
    "Disconnect error": "01002",
    "Client unable to establish connection": "08001",
    "Connection not open": "08003",
    "Server rejected the connection": "08004",
    "Connection failure during transaction": "08007",
    "Communication link failure": "08S01",
    "Invalid authorization specification": "28000",
    "Serialization failure": "40001",
    "Connection timeout expired": "HYT01",
}
# The connection is gone: class 08, the driver's own IMC.., and what a timeout of it leaves.
_GONE = ("08", "01002", "HYT01", "IMC")
_NAMELESS = re.compile(r"An error occurred with SQLSTATE code: (\w{5})")
_PREFIX = re.compile(r"(?:\[Microsoft\]|\[unixODBC\])(?:\[[^\]]*\])*")
_SERVER = "[SQL Server]"
_PYODBC_RECORD = re.compile(r"(?:^|; )\[(\w{5})\] ")
_LOGIN = re.compile(r"(for user|server principal) (?:'[^']*'|\"[^\"]*\")")
_PYODBC_NUMBER = re.compile(r"\s*\((-?\d+)\)(?:\s*\(SQL\w+\))?$")


def _microsoft(error: BaseException) -> Trouble:
    records = list(_records(error))
    for known in KNOWN:
        for record in records:
            found = known.match(record.text)
            if found or (known.number is not None and known.number == record.number):
                return _trouble(known, record, found)
    for known in KNOWN:
        for record in records:
            if known.state and known.state == record.state:
                return _trouble(known, record, None)
    gone = any(record.state.startswith(_GONE) for record in records)
    return Trouble(
        Kind.LOST if gone else Kind.REFUSED,
        _shown(records[0].number, records[0].text),
        number=records[0].number,
    )


def _trouble(known: Known, record: _Record, found: re.Match[str] | None) -> Trouble:
    parts = found.groupdict() if found else {}
    advice = re.sub(r"\{(\w+)\}", lambda part: parts.get(part[1]) or "…", known.advice)
    # By its state alone it may be a relative of the one that stands for that state.
    number = known.number if found else record.number or known.number
    return Trouble(known.kind, _shown(number, record.text), advice, number, known.repeats)


def _shown(number: int | None, text: str) -> str:
    text = _LOGIN.sub(r"\1", " ".join(text.split())).rstrip(" .")
    if len(text) > LONGEST:
        text = f"{text[:LONGEST].rstrip()}…"
    return f"error {number}: {text}" if number is not None else text


def _records(error: BaseException) -> Iterator[_Record]:
    error = error.__cause__ if isinstance(error, Error) and error.__cause__ else error
    name = getattr(error, "driver_error", None)
    if name is not None:  # mssql-python's
        state = _STATES.get(name, "")
        if unknown := _NAMELESS.match(name):
            state = unknown[1]
        said = str(getattr(error, "ddbc_error", "")) or str(name)
        # What the Python side of the driver found by itself has no state's name, but a sentence.
        text = name if said in name else _PREFIX.sub("", said, count=1)
        yield _Record(state, None, text.strip())
        return
    arguments = error.args
    if len(arguments) == 2 and all(isinstance(one, str) for one in arguments):  # pyodbc's
        yield from _pyodbc(*arguments)
        return
    yield _Record("", None, str(error).strip() or type(error).__name__)


def _pyodbc(state: str, message: str) -> Iterator[_Record]:
    parts = _PYODBC_RECORD.split(message)
    if len(parts) < 3:
        yield _Record(state, None, message)
        return
    for own_state, said in zip(parts[1::2], parts[2::2], strict=True):
        prefix = _PREFIX.match(said)
        told = _PYODBC_NUMBER.search(said)
        # Beside the driver's own messages stand numbers of the operating system.
        own = bool(prefix and _SERVER in prefix.group())
        number = int(told[1]) if told and own else None
        text = _PYODBC_NUMBER.sub("", said)
        yield _Record(own_state, number, _PREFIX.sub("", text, count=1).strip())


# What no line may hold (R8)

_KEYWORDS = re.compile(
    r"(?i)\b(pwd|password|uid|user id|accesstoken|access token|client_secret|token)\s*=\s*"
    r"(\{(?:[^}]|\}\})*\}?|'[^']*'|\"[^\"]*\"|[^;\s]*)"
)
_ADDRESS = re.compile(r"(?i)\b(mssql|postgres\w*)://[^\s/@]*@")
_TOKEN = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]+){0,2}")


def _scrubbed(text: str, secrets: Iterable[str]) -> str:
    for secret in _spellings(secrets):
        text = text.replace(secret, "***")
    text = _KEYWORDS.sub(r"\1=***", text)
    text = _ADDRESS.sub(r"\1://***@", text)
    return _TOKEN.sub("***", text)


def _spellings(secrets: Iterable[str]) -> Sequence[str]:
    found = set()
    for secret in filter(None, secrets):
        found |= {secret, quote(secret, safe=""), secret.replace("}", "}}")}
    return sorted(found, key=len, reverse=True)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
