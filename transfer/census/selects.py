"""The census' SELECTs: v2's answers and submissions with all that decides what becomes of them.

Written out, for models cannot compose their joins, and the same on every server but for what
transfer.census.dialect says. They are pieces: transfer.census.questions groups and counts them.
"""

from django.db.models import Model

from legacy_v2 import models as v2
from transfer.census.advice import LARGE_DOCUMENT
from transfer.census.dialect import Dialect
from transfer.mapping.numbers import MAX_NUMBER
from transfer.source import Source

NOWHERE = "-"  # in place of an own organization that v2 does not have


class Selects:
    """SELECTs out of v2.

    Args:
        source: v2.
        texts: answers whose text PostgreSQL could not store are odd too.
        in_utc: v2's times are read as UTC.
        elsewhere: v3 has organizations v2 has not: own organizations stay as they are.
    """

    def __init__(self, source: Source, *, texts: bool, in_utc: bool, elsewhere: bool) -> None:
        self._source = source
        self.say = Dialect(source)
        self._texts = texts
        self._in_utc = in_utc
        self._elsewhere = elsewhere
        self.without = ""  # the submissions that are left out, as a SELECT of their ids

    def _own(self) -> str:
        say = self.say
        own = say.shown(say.key("s", v2.FormSubmission, "organization_id"))
        if self._elsewhere:
            return own
        plain = say.column("s", v2.FormSubmission, "organization_id")
        home = say.key("o", v2.Organization, "id")
        return (
            f"CASE WHEN {plain} IS NULL THEN NULL WHEN {home} IS NULL THEN '{NOWHERE}'"
            f" ELSE {own} END"
        )

    def join(self, alias: str, model: type[Model], attname: str, to: str) -> str:
        """A join to a table that may have no such row."""
        say = self.say
        return f"LEFT JOIN {say.table(model)} {alias} ON {say.key(alias, model, attname)} = {to}"

    def _homes(self, *, everyone: bool = False, and_: str = "1 = 1") -> str:
        """The form and the organization of a submission ``s``, and the conditions.

        Args:
            everyone: those that are left out too.
            and_: another condition.
        """
        say = self.say
        joins = [
            self.join("ft", v2.FormType, "id", say.key("s", v2.FormSubmission, "form_type_id")),
            self.join(
                "o", v2.Organization, "id", say.key("s", v2.FormSubmission, "organization_id")
            ),
        ]
        if self.without and not everyone:
            own = say.shown(say.key("s", v2.FormSubmission, "id"))
            joins.append(f"LEFT JOIN ({self.without}) x ON x.id = {own}")
            and_ = f"x.id IS NULL AND {and_}"
        return " ".join([*joins, f"WHERE {and_}"])

    def _fields(self) -> str:
        """v2's fields and their forms, each once: a copy made by hand may hold one twice."""
        say = self.say
        own = say.key("f", v2.Field, "id")
        form = say.shown(say.key("f", v2.Field, "form_type_id"))
        fields = say.table(v2.Field)
        return f"(SELECT {own} AS id, MIN({form}) AS form FROM {fields} f GROUP BY {own})"

    def _choices(self) -> str:
        """What an answer's FieldChoiceMapId may name, and a choice be found (M15)."""
        say = self.say
        choice, mapped = say.key("c", v2.Choice, "id"), say.key("m", v2.FieldChoiceMap, "id")
        chosen = say.key("m", v2.FieldChoiceMap, "choice_id")
        choices, maps = say.table(v2.Choice), say.table(v2.FieldChoiceMap)
        return (
            f"(SELECT {mapped} AS id FROM {maps} m JOIN {choices} c ON {choice} = {chosen}"
            f" WHERE {mapped} IS NOT NULL UNION"
            f" SELECT {choice} AS id FROM {choices} c LEFT JOIN {maps} m ON {mapped} = {choice}"
            f" WHERE {mapped} IS NULL)"
        )

    def odd_answer(self) -> str:
        """Whether an answer ``a`` may make its submission fail, or its text be cleaned."""
        say, model = self.say, v2.FormSubmissionMetaData
        text = say.column("a", model, "free_form_entry")
        tests = [
            say.odd_text(text),
            say.odd_id(say.column("a", model, "field_id"), required=True),
            say.odd_id(say.column("a", model, "field_choice_map_id"), required=False),
        ]
        if self._texts:
            tests.append(say.is_dirty(text))
        return " OR ".join(tests)

    def odd_submission(self) -> str:
        """Whether a submission ``s`` may fail by itself, or its number depend on cleaning (M4)."""
        say, model = self.say, v2.FormSubmission
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

    def answers(self, *, pairs: bool = False) -> str:
        """Answers with what decides what becomes of them.

        Args:
            pairs: those to fields that have several; else those with anything to be told.
        """
        say, model = self.say, v2.FormSubmissionMetaData
        submission = say.key("s", v2.FormSubmission, "id")
        text = say.column("a", model, "free_form_entry")
        choice = say.column("a", model, "field_choice_map_id")
        named, asked = (say.key("a", model, name) for name in ("form_submission_id", "field_id"))
        shown_named, shown_asked = say.shown(named), say.shown(asked)
        sample = say.shown(say.key("a", model, "id"))
        if not self._source.has(model, "id"):
            sample = say.joined(
                f"COALESCE({shown_named}, '')", "'/'", f"COALESCE({shown_asked}, '')"
            )
        answers = f"{say.table(model)} a"
        form = say.shown(say.key("s", v2.FormSubmission, "form_type_id"))
        # A choice that exists and no text, or text alone, to a field of the submission's form.
        dull = (
            f"fd.form = {form} AND ({choice} IS NULL OR k.id IS NOT NULL AND {say.is_empty(text)})"
        )
        told = f"CASE WHEN {dull} THEN 0 ELSE 1 END = 1"
        if pairs:
            told = "1 = 1"
            several = (
                f"SELECT {named} AS submission, {asked} AS field FROM {answers}"
                f" GROUP BY {named}, {asked} HAVING COUNT(*) > 1"
            )
            answers = (
                f"({several}) p JOIN {answers} ON {named} = p.submission AND {asked} = p.field"
            )
        return f"""
            SELECT {say.shown(say.key("ft", v2.FormType, "id"))} AS form, {self._own()} AS own,
                   {say.shown("fd.id")} AS field,
                   CASE WHEN {say.is_empty(text)} THEN 0 ELSE 1 END AS has_text,
                   CASE WHEN {choice} IS NULL THEN 0 WHEN k.id IS NULL THEN 2 ELSE 1 END AS choice,
                   CASE WHEN {submission} IS NULL THEN 0 ELSE 1 END AS there,
                   {sample} AS sample, {say.shown(submission)} AS submission
              FROM {answers}
              {self.join("s", v2.FormSubmission, "id", named)}
              LEFT JOIN {self._fields()} fd ON fd.id = {asked}
              LEFT JOIN {self._choices()} k ON k.id = {say.key("a", model, "field_choice_map_id")}
              {self._homes(and_=told)}
        """

    def submissions(self, *, everyone: bool = False) -> str:
        """Every submission with what decides its findings, and its claim to a number (M12)."""
        say, model = self.say, v2.FormSubmission
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
                   {say.shown(say.key("s", model, "id"))} AS sample,
                   CASE WHEN {say.is_dirty(code)} OR {say.has_replacement(code)} THEN '*'
                        ELSE {code} END AS code,
                   COALESCE({own}, {home}) AS home
              FROM {say.table(model)} s
              {self.join("st", v2.FormSubmissionStatus, "id", state)}
              {self._homes(everyone=everyone)}
        """

    def merged(self) -> str:
        """Every pair of a submission and a field with several answers.

        Answers of no text whose choice exists nowhere are none (M17).
        """
        return f"""
            SELECT d.form, d.own, d.field, d.submission AS sample
              FROM ({self.answers(pairs=True)}) d
             WHERE d.there = 1 AND d.field IS NOT NULL AND (d.choice <> 2 OR d.has_text = 1)
             GROUP BY d.form, d.own, d.field, d.submission HAVING COUNT(*) > 1
        """

    def documents(self) -> str:
        """Every submission whose texts are over 1,000,000 bytes."""
        say, model = self.say, v2.FormSubmissionMetaData
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

    def leave_out(self, *, strangers: bool) -> None:
        """Leave the odd submissions out of the groups from here on, and those with odd answers.

        Args:
            strangers: those with answers to other forms' fields too.
        """
        say, model = self.say, v2.FormSubmissionMetaData
        state = say.key("s", v2.FormSubmission, "form_submission_status_id")
        named = say.key("a", model, "form_submission_id")
        own = say.key("s", v2.FormSubmission, "id")
        parts = [
            f"""
            SELECT {say.shown(own)} AS id FROM {say.table(v2.FormSubmission)} s
              {self.join("st", v2.FormSubmissionStatus, "id", state)}
             WHERE {self.odd_submission()}
            """,
            f"""
            SELECT {say.shown(own)} AS id FROM {say.table(model)} a
              JOIN {say.table(v2.FormSubmission)} s ON {own} = {named}
             WHERE {self.odd_answer()}
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
        self.without = " UNION ".join(parts)
