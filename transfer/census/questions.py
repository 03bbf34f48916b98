"""The census' questions about submissions and answers, each one statement whatever their number.

Rows are grouped by v2: by form, own organization, field, status and the like, of which there are
as many as forms' design has. What the rules make of a group is for transfer.census.groups.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from legacy_v2 import models as v2
from transfer.census.advice import LARGE_DOCUMENT
from transfer.census.dialect import Dialect
from transfer.mapping.numbers import MAX_NUMBER
from transfer.source import Source

Form: TypeAlias = str | None
Own: TypeAlias = str | None
NOWHERE = "-"  # in place of an own organization that v2 does not have


class AnswerGroup(NamedTuple):
    """Answers alike in all that decides what becomes of them.

    Args:
        form: the submission's form; None: v2 does not have it, or not the submission.
        own: the submission's own organization; None: it has none.
        field: the answer's field; None: v2 does not have it.
        has_text: 1: FreeFormEntry is not empty.
        choice: 0: none; 1: one that exists; 2: one that exists nowhere.
        there: 1: v2 has the submission.
        odd: 1: it may hold what the mapping refuses.
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
    odd: int
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
        odd: as there.
        size: how many.
        first: the Id of one.
        last: of another.
    """

    form: Form
    own: Own
    status: str | None
    fault: str
    odd: int
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
        texts: answers whose text PostgreSQL could not store are odd too.
        in_utc: v2's times are read as UTC.
        elsewhere: v3 has organizations v2 has not: own organizations stay as they are.
    """

    def __init__(self, source: Source, *, texts: bool, in_utc: bool, elsewhere: bool) -> None:
        self._source = source
        self._say = Dialect(source)
        self._texts = texts
        self._in_utc = in_utc
        self._elsewhere = elsewhere
        self._without = ""  # the submissions that are left out, as a SELECT of their ids

    # The pieces.

    def _own(self) -> str:
        say = self._say
        own = say.shown(say.key("s", v2.FormSubmission, "organization_id"))
        if self._elsewhere:
            return own
        plain = say.column("s", v2.FormSubmission, "organization_id")
        home = say.key("o", v2.Organization, "id")
        return (
            f"CASE WHEN {plain} IS NULL THEN NULL WHEN {home} IS NULL THEN '{NOWHERE}'"
            f" ELSE {own} END"
        )

    def _join(self, alias: str, model: type, attname: str, to: str) -> str:
        say = self._say
        return f"LEFT JOIN {say.table(model)} {alias} ON {say.key(alias, model, attname)} = {to}"

    def _homes(self, *, everyone: bool = False) -> str:
        """The form and the organization of a submission ``s``; those left out are, mostly."""
        say = self._say
        joins = [
            self._join("ft", v2.FormType, "id", say.key("s", v2.FormSubmission, "form_type_id")),
            self._join(
                "o", v2.Organization, "id", say.key("s", v2.FormSubmission, "organization_id")
            ),
        ]
        if self._without and not everyone:
            own = say.shown(say.key("s", v2.FormSubmission, "id"))
            joins.append(f"LEFT JOIN ({self._without}) x ON x.id = {own} WHERE x.id IS NULL")
        return " ".join(joins)

    def _field(self) -> str:
        """v2's fields, each once: a copy made by hand may hold one twice."""
        say = self._say
        own = say.key("fl", v2.Field, "id")
        return f"(SELECT {own} AS id FROM {say.table(v2.Field)} fl GROUP BY {own})"

    def _choices(self) -> str:
        """What an answer's FieldChoiceMapId may name, and a choice be found (M15)."""
        say = self._say
        choice, mapped = say.key("c", v2.Choice, "id"), say.key("m", v2.FieldChoiceMap, "id")
        chosen = say.key("m", v2.FieldChoiceMap, "choice_id")
        choices, maps = say.table(v2.Choice), say.table(v2.FieldChoiceMap)
        return (
            f"(SELECT {mapped} AS id FROM {maps} m JOIN {choices} c ON {choice} = {chosen}"
            f" WHERE {mapped} IS NOT NULL UNION"
            f" SELECT {choice} AS id FROM {choices} c LEFT JOIN {maps} m ON {mapped} = {choice}"
            f" WHERE {mapped} IS NULL)"
        )

    def _odd_answer(self) -> str:
        say, model = self._say, v2.FormSubmissionMetaData
        text = say.column("a", model, "free_form_entry")
        tests = [
            say.odd_text(text),
            say.odd_id(say.column("a", model, "field_id"), required=True),
            say.odd_id(say.column("a", model, "field_choice_map_id"), required=False),
        ]
        if self._texts:
            tests.append(say.is_dirty(text))
        return " OR ".join(tests)

    def _odd_submission(self) -> str:
        say, model = self._say, v2.FormSubmission
        code = say.column("s", model, "lookup_code")
        times = (
            say.odd_time(
                say.column("s", model, name),
                required=name == "created_on",
                in_utc=self._in_utc,
            )
            for name in ("created_on", "last_updated_on")
        )
        return " OR ".join(
            [
                say.odd_own_id(say.column("s", model, "id")),
                say.odd_id(say.column("s", model, "form_type_id"), required=True),
                say.odd_id(say.column("s", model, "form_submission_status_id"), required=True),
                say.odd_id(say.column("s", model, "organization_id"), required=False),
                say.odd_text(code),
                say.is_dirty(code),
                say.has_replacement(code),
                say.odd_text(say.column("st", v2.FormSubmissionStatus, "name")),
                *times,
            ]
        )

    def _answers(self) -> str:
        """Every answer with what decides what becomes of it."""
        say, model = self._say, v2.FormSubmissionMetaData
        submission = say.key("s", v2.FormSubmission, "id")
        text = say.column("a", model, "free_form_entry")
        choice = say.column("a", model, "field_choice_map_id")
        named = say.shown(say.key("a", model, "form_submission_id"))
        asked = say.shown(say.key("a", model, "field_id"))
        sample = say.shown(say.key("a", model, "id"))
        if not self._source.has(model, "id"):
            sample = say.joined(f"COALESCE({named}, '')", "'/'", f"COALESCE({asked}, '')")
        return f"""
            SELECT {say.shown(say.key("ft", v2.FormType, "id"))} AS form, {self._own()} AS own,
                   {say.shown("fd.id")} AS field,
                   CASE WHEN {say.is_empty(text)} THEN 0 ELSE 1 END AS has_text,
                   CASE WHEN {choice} IS NULL THEN 0 WHEN k.id IS NULL THEN 2 ELSE 1 END AS choice,
                   CASE WHEN {submission} IS NULL THEN 0 ELSE 1 END AS there,
                   CASE WHEN {self._odd_answer()} THEN 1 ELSE 0 END AS odd,
                   {sample} AS sample, {say.shown(submission)} AS submission
              FROM {say.table(model)} a
              {self._join("s", v2.FormSubmission, "id", say.key("a", model, "form_submission_id"))}
              LEFT JOIN {self._field()} fd ON fd.id = {say.key("a", model, "field_id")}
              LEFT JOIN {self._choices()} k ON k.id = {say.key("a", model, "field_choice_map_id")}
              {self._homes()}
        """

    def _submissions(self, *, everyone: bool = False) -> str:
        """Every submission with what decides its findings, and its claim to a number (M12)."""
        say, model = self._say, v2.FormSubmission
        code = say.column("s", model, "lookup_code")
        state = say.key("s", model, "form_submission_status_id")
        form = say.column("ft", v2.FormType, "organization_id")
        home = say.shown(say.key("ft", v2.FormType, "organization_id")) if form != "NULL" else "''"
        own = say.shown(say.key("s", model, "organization_id"))
        return f"""
            SELECT {say.shown(say.key("ft", v2.FormType, "id"))} AS form, {self._own()} AS own,
                   {say.shown(say.key("st", v2.FormSubmissionStatus, "id"))} AS status,
                   CASE WHEN {say.is_empty(code)} THEN 'missing'
                        WHEN {say.is_dirty(code)} THEN ''
                        WHEN {say.longer_than(code, MAX_NUMBER)} THEN 'long' ELSE '' END AS fault,
                   CASE WHEN {self._odd_submission()} THEN 1 ELSE 0 END AS odd,
                   {say.shown(say.key("s", model, "id"))} AS sample,
                   CASE WHEN {say.is_dirty(code)} OR {say.has_replacement(code)} THEN '*'
                        ELSE {code} END AS code,
                   COALESCE({own}, {home}) AS home
              FROM {say.table(model)} s
              {self._join("st", v2.FormSubmissionStatus, "id", state)}
              {self._homes(everyone=everyone)}
        """

    def _merged(self) -> str:
        """Every pair of a submission and a field with several answers.

        Answers of no text whose choice exists nowhere are none (M17).
        """
        return f"""
            SELECT d.form, d.own, d.field, d.submission AS sample FROM ({self._answers()}) d
             WHERE d.there = 1 AND d.field IS NOT NULL AND (d.choice <> 2 OR d.has_text = 1)
             GROUP BY d.form, d.own, d.field, d.submission HAVING COUNT(*) > 1
        """

    def _documents(self) -> str:
        """Every submission whose texts are over 1,000,000 bytes."""
        say, model = self._say, v2.FormSubmissionMetaData
        named = say.key("a", model, "form_submission_id")
        size = say.size(say.column("a", model, "free_form_entry"))
        return f"""
            SELECT {say.shown(say.key("ft", v2.FormType, "id"))} AS form, {self._own()} AS own,
                   {say.shown("t.id")} AS sample
              FROM (SELECT {named} AS id FROM {say.table(model)} a
                     GROUP BY {named} HAVING SUM({size}) > {LARGE_DOCUMENT}) t
              JOIN {say.table(v2.FormSubmission)} s
                ON {say.key("s", v2.FormSubmission, "id")} = t.id
              {self._homes(everyone=True)}
        """

    # The questions.

    def answers(self) -> list[AnswerGroup]:
        """All answers but those of submissions left out, in groups."""
        return [AnswerGroup(*row) for row in self._groups(self._answers(), AnswerGroup._fields[:7])]

    def submissions(self) -> list[SubmissionGroup]:
        """All submissions but those left out, in groups."""
        rows = self._groups(self._submissions(), SubmissionGroup._fields[:5])
        return [SubmissionGroup(*row) for row in rows]

    def merged(self) -> list[MergedGroup]:
        """Several answers to one field, but for submissions left out, in groups."""
        return [MergedGroup(*row) for row in self._groups(self._merged(), MergedGroup._fields[:3])]

    def large_documents(self) -> list[DocumentGroup]:
        """All submissions whose texts are over 1,000,000 bytes, in groups."""
        rows = self._groups(self._documents(), DocumentGroup._fields[:2])
        return [DocumentGroup(*row) for row in rows]

    def _groups(self, rows: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        by = ", ".join(columns)
        statement = (
            f"SELECT {by}, COUNT(*), MIN(d.sample), MAX(d.sample) FROM ({rows}) d GROUP BY {by}"
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
            "answers": self._answers,
            "submissions": self._submissions,
            "merged": self._merged,
            "documents": self._documents,
        }
        tests = [f"d.{name} IS NULL" for name, value in where.items() if value is None]
        values = {name: value for name, value in where.items() if value is not None}
        tests += [f"d.{name} = %s" for name in values]
        statement = f"SELECT d.sample FROM ({parts[kind]()}) d WHERE {' AND '.join(tests)}"
        found = self._source.select(self._say.limited(statement, rows), list(values.values()))
        return [str(row[0]) for row in found]

    def shared_codes(self, *, by_home: bool) -> tuple[int, str]:
        """How many submissions may share their lookup code, and a SELECT of their ids.

        Args:
            by_home: their organization is their own or that of their form's row in v2; else all
                that have one code count as sharing it.
        """
        rows = f"({self._submissions(everyone=True)})"
        by, same = "d.code", "g.code = d.code"
        if by_home:
            by, same = "d.code, d.home", "g.code = d.code AND g.home = d.home"
        groups = (
            f"SELECT {by}, COUNT(*) AS n FROM {rows} d WHERE d.fault = ''"
            f" GROUP BY {by} HAVING COUNT(*) > 1"
        )
        total = self._source.select(f"SELECT COALESCE(SUM(g.n), 0) FROM ({groups}) g")
        ids = f"SELECT d.sample FROM {rows} d JOIN ({groups}) g ON {same} WHERE d.fault = ''"
        return int(total[0][0]), ids

    # What cannot be told by groups.

    def leave_out(self, *, strangers: bool) -> None:
        """Leave the odd submissions out of the groups from here on, and those with odd answers.

        Args:
            strangers: those with answers to other forms' fields too.
        """
        say, model = self._say, v2.FormSubmissionMetaData
        state = say.key("s", v2.FormSubmission, "form_submission_status_id")
        named = say.key("a", model, "form_submission_id")
        own = say.key("s", v2.FormSubmission, "id")
        parts = [
            f"""
            SELECT {say.shown(own)} AS id FROM {say.table(v2.FormSubmission)} s
              {self._join("st", v2.FormSubmissionStatus, "id", state)}
             WHERE {self._odd_submission()}
            """,
            f"""
            SELECT {say.shown(own)} AS id FROM {say.table(model)} a
              JOIN {say.table(v2.FormSubmission)} s ON {own} = {named}
             WHERE {self._odd_answer()}
            """,
        ]
        if strangers:
            home = say.column("f", v2.Field, "form_type_id")
            its, theirs = (
                say.key("f", v2.Field, "form_type_id"),
                say.key("s", v2.FormSubmission, "form_type_id"),
            )
            asked = f"{say.key('f', v2.Field, 'id')} = {say.key('a', model, 'field_id')}"
            parts.append(
                f"""
                SELECT {say.shown(own)} AS id FROM {say.table(model)} a
                  JOIN {say.table(v2.FormSubmission)} s ON {own} = {named}
                  JOIN {say.table(v2.Field)} f ON {asked}
                 WHERE {its} <> {theirs} OR {home} IS NULL
                """
            )
        self._without = " UNION ".join(parts)

    def left_out(self, after: str, rows: int) -> list[str]:
        """The next ids of those left out, in their order."""
        say = self._say
        beyond = " WHERE x.id > %s" if after else ""
        statement = f"SELECT x.id FROM ({self._without}) x{beyond} ORDER BY x.id"
        found = self._source.select(say.limited(statement, rows), [after] if after else [])
        return [str(row[0]) for row in found]

    def ids(self, select: str, rows: int) -> list[str]:
        """The ids a SELECT of this class gives, at most so many."""
        return [str(row[0]).lower() for row in self._source.select(self._say.limited(select, rows))]
