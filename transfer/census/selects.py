"""The census' SELECTs: v2's answers and submissions with all that decides what becomes of them.

Written out, for models cannot compose their joins, and the same on every server but for what
transfer.census.dialect says. They are pieces: transfer.census.questions groups and counts them.
"""

from legacy_v2 import models as v2
from transfer.census.advice import LARGE_DOCUMENT
from transfer.census.dialect import Dialect, IdColumn
from transfer.mapping.numbers import MAX_NUMBER
from transfer.source import Source

NOWHERE = "-"  # in place of an own organization that v2 does not have

# The ids the statements name, under the aliases the tables have in all of them.
SUBMISSION = IdColumn("s", v2.FormSubmission, "id")
ITS_FORM = SUBMISSION._replace(attname="form_type_id")
ITS_STATUS = SUBMISSION._replace(attname="form_submission_status_id")
ITS_OWNER = SUBMISSION._replace(attname="organization_id")
ANSWER = IdColumn("a", v2.FormSubmissionMetaData, "id")
NAMED = ANSWER._replace(attname="form_submission_id")
ASKED = ANSWER._replace(attname="field_id")
CHOSEN = ANSWER._replace(attname="field_choice_map_id")
FORM = IdColumn("ft", v2.FormType, "id")
FORM_OWNER = FORM._replace(attname="organization_id")
STATUS = IdColumn("st", v2.FormSubmissionStatus, "id")
OWNER = IdColumn("o", v2.Organization, "id")
FIELD = IdColumn("f", v2.Field, "id")
FIELD_FORM = FIELD._replace(attname="form_type_id")
CHOICE = IdColumn("c", v2.Choice, "id")
MAP = IdColumn("m", v2.FieldChoiceMap, "id")
MAP_CHOICE = MAP._replace(attname="choice_id")


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
        own = say.shown(ITS_OWNER)
        if self._elsewhere:
            return own
        return (
            f"CASE WHEN {say.column(*ITS_OWNER)} IS NULL THEN NULL"
            f" WHEN {say.key(OWNER)} IS NULL THEN '{NOWHERE}' ELSE {own} END"
        )

    def join(self, to: IdColumn, named: IdColumn) -> str:
        """A join to a table that may have no row with the id that is named."""
        say = self.say
        return f"LEFT JOIN {say.table(to.model)} {to.alias} ON {say.same(to, named)}"

    def _homes(self, *, everyone: bool = False, and_: str = "1 = 1") -> str:
        """The form and the organization of a submission ``s``, and the conditions.

        Args:
            everyone: those that are left out too.
            and_: another condition.
        """
        joins = [self.join(FORM, ITS_FORM), self.join(OWNER, ITS_OWNER)]
        if self.without and not everyone:
            joins.append(f"LEFT JOIN ({self.without}) x ON x.id = {self.say.shown(SUBMISSION)}")
            and_ = f"x.id IS NULL AND {and_}"
        return " ".join([*joins, f"WHERE {and_}"])

    def _fields(self) -> str:
        """v2's fields and their forms, each once: a copy made by hand may hold one twice."""
        say = self.say
        own, form = say.key(FIELD), say.shown(FIELD_FORM)
        return (
            f"SELECT {own} AS id, MIN({form}) AS form FROM {say.table(v2.Field)} f GROUP BY {own}"
        )

    def _choices(self) -> tuple[str, str]:
        """What an answer's FieldChoiceMapId may name, and a choice be found (M15).

        Returns:
            The SELECT, to be called ``k``, and when a row of it is the answer's.
        """
        say = self.say
        alike = len({say.is_number(one) for one in (CHOICE, MAP, CHOSEN)}) == 1
        written = say.key if alike else say.shown
        choices, maps = say.table(v2.Choice), say.table(v2.FieldChoiceMap)
        select = (
            f"SELECT {written(MAP)} AS id FROM {maps} m JOIN {choices} c"
            f" ON {say.same(CHOICE, MAP_CHOICE)} WHERE {say.key(MAP)} IS NOT NULL UNION"
            f" SELECT {written(CHOICE)} AS id FROM {choices} c LEFT JOIN {maps} m"
            f" ON {say.same(MAP, CHOICE)} WHERE {say.key(MAP)} IS NULL"
        )
        return select, f"k.id = {written(CHOSEN)}"

    def odd_answer(self) -> str:
        """Whether an answer ``a`` may make its submission fail, or its text be cleaned."""
        say, model = self.say, v2.FormSubmissionMetaData
        text = say.column("a", model, "free_form_entry")
        tests = [
            say.odd_text(text),
            say.odd_id(ASKED, required=True),
            say.odd_id(CHOSEN, required=False),
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
                say.odd_own_id(SUBMISSION),
                say.odd_id(ITS_FORM, required=True),
                say.odd_id(ITS_STATUS, required=True),
                say.odd_id(ITS_OWNER, required=False),
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
        submission = say.key(SUBMISSION)
        text, choice = say.column("a", model, "free_form_entry"), say.column(*CHOSEN)
        choices, chosen = self._choices()
        sample = say.shown(ANSWER)
        if not self._source.has(model, "id"):
            parts = (f"COALESCE({say.shown(part)}, '')" for part in (NAMED, ASKED))
            sample = say.joined(next(parts), "'/'", next(parts))
        answers = f"{say.table(model)} a"
        # A choice that exists and no text, or text alone, to a field of the submission's form.
        dull = (
            f"fd.form = {say.shown(ITS_FORM)}"
            f" AND ({choice} IS NULL OR k.id IS NOT NULL AND {say.is_empty(text)})"
        )
        told = f"CASE WHEN {dull} THEN 0 ELSE 1 END = 1"
        if pairs:
            told = "1 = 1"
            named, asked = say.key(NAMED), say.key(ASKED)
            several = (
                f"SELECT {named} AS submission, {asked} AS field FROM {answers}"
                f" GROUP BY {named}, {asked} HAVING {say.count} > 1"
            )
            answers = (
                f"({several}) p JOIN {answers} ON {named} = p.submission AND {asked} = p.field"
            )
        return f"""
            SELECT {say.shown(FORM)} AS form, {self._own()} AS own,
                   {say.shown(FIELD, "fd.id")} AS field,
                   CASE WHEN {say.is_empty(text)} THEN 0 ELSE 1 END AS has_text,
                   CASE WHEN {choice} IS NULL THEN 0 WHEN k.id IS NULL THEN 2 ELSE 1 END AS choice,
                   CASE WHEN {submission} IS NULL THEN 0 ELSE 1 END AS there,
                   {sample} AS sample, {say.shown(SUBMISSION)} AS submission
              FROM {answers}
              {self.join(SUBMISSION, NAMED)}
              LEFT JOIN ({self._fields()}) fd ON {say.same(FIELD, ASKED, "fd.id")}
              LEFT JOIN ({choices}) k ON {chosen}
              {self._homes(and_=told)}
        """

    def submissions(self, *, everyone: bool = False) -> str:
        """Every submission with what decides its findings, and its claim to a number (M12)."""
        say, model = self.say, v2.FormSubmission
        code = say.column("s", model, "lookup_code")
        home = "''" if say.column(*FORM_OWNER) == "NULL" else say.shown(FORM_OWNER)
        return f"""
            SELECT {say.shown(FORM)} AS form, {self._own()} AS own, {say.shown(STATUS)} AS status,
                   CASE WHEN {say.is_empty(code)} THEN 'missing'
                        WHEN {say.is_dirty(code)} THEN ''
                        WHEN {say.longer_than(code, MAX_NUMBER)} THEN 'long' ELSE '' END AS fault,
                   {say.shown(SUBMISSION)} AS sample,
                   CASE WHEN {say.is_dirty(code)} OR {say.has_replacement(code)} THEN '*'
                        ELSE {say.code(code)} END AS code,
                   COALESCE({say.shown(ITS_OWNER)}, {home}) AS home
              FROM {say.table(model)} s
              {self.join(STATUS, ITS_STATUS)}
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
             GROUP BY d.form, d.own, d.field, d.submission HAVING {self.say.count} > 1
        """

    def documents(self) -> str:
        """Every submission whose texts are over 1,000,000 bytes."""
        say, model = self.say, v2.FormSubmissionMetaData
        named = say.key(NAMED)
        size = say.size(say.column("a", model, "free_form_entry"))
        return f"""
            SELECT {say.shown(FORM)} AS form, {self._own()} AS own,
                   {say.shown(SUBMISSION)} AS sample
              FROM (SELECT {named} AS id FROM {say.table(model)} a
                     GROUP BY {named} HAVING SUM({size}) > {LARGE_DOCUMENT}) t
              JOIN {say.table(v2.FormSubmission)} s ON {say.same(NAMED, SUBMISSION, "t.id")}
              {self._homes(everyone=True)}
        """

    def leave_out(self, *, strangers: bool) -> None:
        """Leave the odd submissions out of the groups from here on, and those with odd answers.

        Args:
            strangers: those with answers to other forms' fields too.
        """
        say = self.say
        own, submissions = say.shown(SUBMISSION), say.table(v2.FormSubmission)
        answered = (
            f"{say.table(v2.FormSubmissionMetaData)} a"
            f" JOIN {submissions} s ON {say.same(SUBMISSION, NAMED)}"
        )
        parts = [
            f"""
            SELECT {own} AS id FROM {submissions} s
              {self.join(STATUS, ITS_STATUS)}
             WHERE {self.odd_submission()}
            """,
            f"""
            SELECT {own} AS id FROM {answered}
             WHERE {self.odd_answer()}
            """,
        ]
        if strangers:
            parts.append(
                f"""
                SELECT {own} AS id FROM {answered}
                  JOIN {say.table(v2.Field)} f ON {say.same(FIELD, ASKED)}
                 WHERE NOT ({say.same(FIELD_FORM, ITS_FORM)})
                    OR {say.column(*FIELD_FORM)} IS NULL
                """
            )
        self.without = " UNION ".join(parts)
