"""What a peer can be told to do wrong.

    peer.harm.fail(r"FROM .*FormSubmission", 1205, nth=3)
    peer.harm.cut("FormSubmissionMetaData", after=5000)
    peer.harm.login_error = (18456, "Login failed for user 'reader'.")

Patterns are regular expressions, searched in a statement's text whatever its case.
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pysqlbridge.tds.result import QueryError

from tests.sqlserver import cutting
from tests.sqlserver.tables import PeerTable

CUT = "@@cut"  # of a session: how many bytes of the answer are sent before the connection ends

MESSAGES = {
    229: "The SELECT permission was denied on the object '{0}', database '{1}', schema '{2}'.",
    262: "VIEW DATABASE STATE permission denied in database '{0}'.",
    1205: "Transaction (Process ID 52) was deadlocked on lock resources with another process and"
    " has been chosen as the deadlock victim. Rerun the transaction.",
    1222: "Lock request time out period exceeded.",
    3952: "Snapshot isolation transaction failed accessing database 'Pliers' because snapshot"
    " isolation is not allowed in this database. Use ALTER DATABASE to allow snapshot isolation.",
    3960: "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot"
    " isolation to access table 'dbo.FormSubmission' directly or indirectly in database 'Pliers'"
    " to update, delete, or insert the row that has been modified or deleted by another"
    " transaction. Retry the transaction or change the isolation level for the update/delete"
    " statement.",
    4060: 'Cannot open database "{0}" requested by the login. The login failed.',
    18456: "Login failed for user '{0}'.",
    40613: "Database 'Pliers' on server 'pliers' is not currently available. Please retry the"
    " connection later.",
}
_SEVERITIES = {229: 14, 262: 14, 1205: 13, 4060: 11, 18456: 14}


def error(number: int, *names: str, text: str | None = None) -> QueryError:
    """SQL Server's error of that number, in its own words where they are known here."""
    said = text or MESSAGES.get(number, f"Error {number}.").format(*names)
    return QueryError(said, number=number, severity=_SEVERITIES.get(number, 16))


@dataclass
class _Rule:
    pattern: re.Pattern[str]
    nth: int
    times: int
    act: Callable[[dict[str, Any]], None]
    seen: int = 0


@dataclass
class Harm:
    """Faults that wait for their statement; ``nth`` counts the statements that match from 1.

    Attributes:
        login_error: number and text that every login is refused with.
        login_errors: the same, of the next logins, one after the other.
        done: how many faults were done.
    """

    database: str
    login_error: tuple[int, str] | None = None
    login_errors: list[tuple[int, str]] = field(default_factory=list)
    deny_state: bool = False
    done: int = 0
    denied: set[str] = field(default_factory=set)
    _rules: list[_Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on(
        self, pattern: str, act: Callable[[dict[str, Any]], None], *, nth: int = 1, times: int = 1
    ) -> None:
        """Call ``act`` with the session's dictionary before such a statement is answered."""
        self._rules.append(_Rule(re.compile(pattern, re.IGNORECASE | re.DOTALL), nth, times, act))

    def fail(
        self, pattern: str, number: int, text: str | None = None, *, nth: int = 1, times: int = 1
    ) -> None:
        """Answer with an error instead."""

        def act(_session: dict[str, Any]) -> None:
            raise error(number, "dbo", self.database, "dbo", text=text)

        self.on(pattern, act, nth=nth, times=times)

    def cut(self, pattern: str, *, after: int = 0, nth: int = 1, times: int = 1) -> None:
        """Close the socket after so many bytes of the answer; half of a shorter one is sent."""

        def act(session: dict[str, Any]) -> None:
            session[CUT] = after

        cutting.get_ready()
        self.on(pattern, act, nth=nth, times=times)

    def slow(self, pattern: str, seconds: float, *, nth: int = 1, times: int = 1) -> None:
        """Wait before answering."""
        self.on(pattern, lambda _session: time.sleep(seconds), nth=nth, times=times)

    def deny(self, table: str) -> None:
        """Refuse reading a table (229)."""
        self.denied.add(table.lower())

    def deny_database_state(self) -> None:
        """Refuse what needs VIEW DATABASE STATE (262)."""
        self.deny_state = True

    def heal(self) -> None:
        """Do no harm any more."""
        self._rules.clear()
        self.denied.clear()
        self.login_errors.clear()
        self.login_error, self.deny_state = None, False

    # What the peer asks.

    def before(self, sql: str, session: dict[str, Any]) -> None:
        """Do what is to be done before a statement is answered.

        Raises:
            QueryError: it is to fail.
        """
        for rule in list(self._rules):
            if not rule.pattern.search(sql):
                continue
            with self._lock:
                rule.seen += 1
                due = rule.nth <= rule.seen < rule.nth + rule.times
                self.done += due
            if due:
                rule.act(session)

    def check_table(self, table: PeerTable) -> None:
        """Refuse a denied table.

        Raises:
            QueryError: 229.
        """
        if table.name.lower() in self.denied:
            raise error(229, table.name, self.database, table.schema)

    def check_database_state(self) -> None:
        """Refuse what needs VIEW DATABASE STATE, where it is denied.

        Raises:
            QueryError: 262.
        """
        if self.deny_state:
            raise error(262, self.database)
