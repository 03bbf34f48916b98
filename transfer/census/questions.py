"""The census' questions about submissions and answers, each one statement whatever their number.

Rows are grouped by v2: by form, own organization, field, status and the like, of which there are
as many as forms' design has. What the rules make of a group is for transfer.census.groups.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from legacy_v2 import models as v2
from transfer.census.selects import ITS_STATUS, STATUS, Selects
from transfer.source import Source

Form: TypeAlias = str | None
Own: TypeAlias = str | None


class AnswerGroup(NamedTuple):
    """Answers alike in all that decides what becomes of them.

    Args:
        form: the submission's form; None: v2 does not have it, or not the submission.
        own: the submission's own organization; None: it has none.
        field: the answer's field; None: v2 does not have it.
        has_text: 1: FreeFormEntry is not empty.
        choice: 0: none; 1: one that exists; 2: one that exists nowhere.
        there: 1: v2 has the submission.
        size: how many.
        first: one of them, as findings name it.
        last: another.
    """

    form: Form
    own: Own
    field: str | None
    has_text: int
    choice: int
    there: int
    size: int
    first: str
    last: str


class SubmissionGroup(NamedTuple):
    """Submissions alike in what decides their findings; see AnswerGroup.

    Args:
        form: as there.
        own: as there.
        status: the status row; None: v2 does not have it.
        fault: of the lookup code: ``''``, ``missing`` or ``long``.
        size: how many.
        first: the Id of one.
        last: of another.
    """

    form: Form
    own: Own
    status: str | None
    fault: str
    size: int
    first: str
    last: str


class MergedGroup(NamedTuple):
    """Pairs of a submission and a field that has several answers there; see AnswerGroup."""

    form: Form
    own: Own
    field: str
    size: int
    first: str
    last: str


class DocumentGroup(NamedTuple):
    """Submissions whose answers' texts are large; see AnswerGroup."""

    form: Form
    own: Own
    size: int
    first: str
    last: str


class Questions:
    """Asks v2.

    Args:
        source: v2.
        selects: what it is asked for.
    """

    def __init__(self, source: Source, selects: Selects) -> None:
        self._source = source
        self._selects = selects

    def answers(self) -> list[AnswerGroup]:
        """Answers with anything to be told, but for those of submissions left out, in groups."""
        return [
            AnswerGroup(*row)
            for row in self._groups(self._selects.answers(), AnswerGroup._fields[:6])
        ]

    def submissions(self) -> list[SubmissionGroup]:
        """All submissions but those left out, in groups."""
        rows = self._groups(self._selects.submissions(), SubmissionGroup._fields[:4])
        return [SubmissionGroup(*row) for row in rows]

    def merged(self) -> list[MergedGroup]:
        """Several answers to one field, but for submissions left out, in groups."""
        return [
            MergedGroup(*row)
            for row in self._groups(self._selects.merged(), MergedGroup._fields[:3])
        ]

    def large_documents(self) -> list[DocumentGroup]:
        """All submissions whose texts are over 1,000,000 bytes, in groups."""
        rows = self._groups(self._selects.documents(), DocumentGroup._fields[:2])
        return [DocumentGroup(*row) for row in rows]

    def _groups(self, rows: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        by = ", ".join(columns)
        statement = (
            f"SELECT {by}, {self._selects.say.count}, MIN(d.sample), MAX(d.sample)"
            f" FROM ({rows}) d GROUP BY {by}"
        )
        return [
            tuple(value.lower() if isinstance(value, str) else value for value in row)
            for row in self._source.select(statement)
        ]

    def examples(self, kind: str, where: Mapping[str, object], rows: int) -> list[str]:
        """Some of a group's rows, as findings name them.

        Args:
            kind: answers, submissions, merged or documents.
            where: the group's columns.
            rows: how many at most.
        """
        parts = {
            "answers": self._selects.answers,
            "submissions": self._selects.submissions,
            "merged": self._selects.merged,
            "documents": self._selects.documents,
        }
        tests = [f"d.{name} IS NULL" for name, value in where.items() if value is None]
        values = {name: value for name, value in where.items() if value is not None}
        tests += [f"d.{name} = %s" for name in values]
        statement = f"SELECT d.sample FROM ({parts[kind]()}) d WHERE {' AND '.join(tests)}"
        found = self._source.select(
            self._selects.say.limited(statement, rows), list(values.values())
        )
        return [str(row[0]) for row in found]

    def shared_codes(self, *, by_home: bool) -> tuple[int, str]:
        """How many submissions may share their lookup code, and a SELECT of their ids.

        Args:
            by_home: their organization is their own or that of their form's row in v2; else all
                that have one code count as sharing it.
        """
        rows = f"({self._selects.submissions(everyone=True)})"
        by, same = "d.code", "g.code = d.code"
        if by_home:
            by, same = "d.code, d.home", "g.code = d.code AND g.home = d.home"
        count = self._selects.say.count
        groups = (
            f"SELECT {by}, {count} AS n FROM {rows} d WHERE d.fault = ''"
            f" GROUP BY {by} HAVING {count} > 1"
        )
        total = self._source.select(f"SELECT COALESCE(SUM(g.n), 0) FROM ({groups}) g")
        ids = f"SELECT d.sample FROM {rows} d JOIN ({groups}) g ON {same} WHERE d.fault = ''"
        return int(total[0][0]), ids

    def any_odd(self) -> bool:
        """Whether there is anything no group can tell about, but for other forms' fields."""
        say = self._selects.say
        statements = (
            f"""
            SELECT {say.count} FROM {say.table(v2.FormSubmissionMetaData)} a
             WHERE {self._selects.odd_answer()}
            """,
            f"""
            SELECT {say.count} FROM {say.table(v2.FormSubmission)} s
              {self._selects.join(STATUS, ITS_STATUS)}
             WHERE {self._selects.odd_submission()}
            """,
        )
        return any(self._source.select(statement)[0][0] for statement in statements)

    @property
    def leaves_out(self) -> bool:
        """Whether any submission may be left out."""
        return bool(self._selects.without)

    def left_out(self, after: str, rows: int) -> list[str]:
        """The next ids of those left out, in their order."""
        say = self._selects.say
        beyond = " WHERE x.id > %s" if after else ""
        statement = f"SELECT x.id FROM ({self._selects.without}) x{beyond} ORDER BY x.id"
        found = self._source.select(say.limited(statement, rows), [after] if after else [])
        return [str(row[0]) for row in found]

    def ids(self, select: str, rows: int) -> list[str]:
        """The ids a SELECT of this class gives, at most so many."""
        return [
            str(row[0]).lower()
            for row in self._source.select(self._selects.say.limited(select, rows))
        ]
