"""Decisions that need a whole table: which email is a later one (M6), which number is taken (M12).

"Used before" means before in (CreatedOn, Id) order among all of v2's rows, also those that fail
or are not selected, and then v3's own. No batch can see that, and the order of batches is the
source's own. So the few columns that decide are read once, ahead of the batches, into a
temporary table of PostgreSQL, which compares ids as uuids and text by code point whatever v2's
collation; only the decisions about offenders are kept (migration_assignments), so a resumed run
finds the same ones.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from psycopg import sql

from transfer.copytext import copy_line
from transfer.lookup_codes import COPY_END, COPY_HEAD, Codes
from transfer.mapping.codes import Code
from transfer.mapping.numbers import FEWEST_DIGITS, MOST_DIGITS, Number
from transfer.mapping.users import email_key
from transfer.records import is_id
from transfer.target import Connection, Target

# v3's own users read at once.
PRESENT_AT_ONCE = 10_000
# Keys of codes that several submissions may share, held while those are looked for: some 6 MB.
SHARED_AT_MOST = 50_000
# Decisions of a table held for all its batches: some 3 MB. Beyond, each batch asks for its own.
DECISIONS_AT_MOST = 10_000
# Whether a row of v3 is one of v2's, brought by this migration or another: then its v2 row's
# claim speaks for it. A row from elsewhere keeps what it has, even under an id v2 has too.
FROM_V2 = sql.SQL(
    "present.metadata ? 'migration_batch'"
    " AND EXISTS (SELECT FROM claims AS own WHERE own.id = present.id)"
)


class Claim(NamedTuple):
    """One v2 user's wish for an email that must be unique in its organization, folded."""

    id: str
    organization_id: str
    created_on: str | None
    value: str


class Assignments:
    """The decisions of one migration about one table.

    Args:
        migration: the migration's name.
        table: the v3 table.
        dry: keep them in a temporary table.
    """

    def __init__(self, migration: str, table: str, *, dry: bool) -> None:
        self._migration = migration
        self._table = table
        self._dry = dry
        self._into = sql.Identifier("dry_run_assignments" if dry else "migration_assignments")
        self._few: dict[str, Number] | None = None
        self._are_many = False

    def decide_emails(self, connection: Connection, claims: Iterable[Claim]) -> None:
        """Find the users whose email an earlier one of their organization has (M6)."""
        self._forget(connection)
        self._stage(connection, (copy_line((*claim, None)) for claim in claims))
        self._stage_present_emails(connection)
        # v3's own users come after v2's, but one that is there keeps its email all the same.
        self._insert(
            connection,
            """
            SELECT id, 'email_duplicate', NULL
              FROM (SELECT id, row_number() OVER (
                               PARTITION BY organization_id, value
                               ORDER BY created_on NULLS LAST, id) AS place
                      FROM claims WHERE value IS NOT NULL) AS ranked
             WHERE place > 1
             UNION
            SELECT claims.id, 'email_duplicate', NULL
              FROM claims
              JOIN present_emails USING (organization_id, value)
            """,
        )

    def _stage_present_emails(self, connection: Connection) -> None:
        """Put the emails of v3's own users beside the claims, folded as theirs are.

        Not by PostgreSQL's lower(): it knows other letters in every locale, and none folds as
        ``email_key`` does.
        """
        connection.execute(
            """
            CREATE TEMPORARY TABLE present_emails (
                organization_id uuid NOT NULL, value text COLLATE "C"
            ) ON COMMIT DROP
            """
        )
        own = sql.SQL(
            "SELECT organization_id::text, email FROM users AS present WHERE NOT ({})"
        ).format(FROM_V2)
        statement = "COPY present_emails (organization_id, value) FROM STDIN"
        with connection.cursor("present_users") as reading:
            reading.execute(own)
            while rows := reading.fetchmany(PRESENT_AT_ONCE):
                with connection.cursor() as cursor, cursor.copy(statement) as copy:
                    for organization, email in rows:
                        copy.write(copy_line((organization, email_key(email))))

    def decide_numbers(self, connection: Connection, codes: Codes) -> None:
        """Find the submissions that cannot keep their lookup code, and their numbers (M12).

        Where v3 is empty only those are claims that may share a code, or have none that can be a
        number, or one that another may be given: nobody else can need a number, or be in the way.
        """
        self._forget(connection)
        wishes = codes.wishes()
        if not connection.execute("SELECT 1 FROM submissions LIMIT 1").fetchall():
            shared, faulty = self._shared(connection, codes)
            if not shared and not faulty:
                return
            if len(shared) <= SHARED_AT_MOST:
                wishes = (some.suspects(shared) for some in wishes)
        self._stage(connection, (some.copy_lines() for some in wishes))
        query = sql.SQL(
            """
            CREATE TEMPORARY TABLE homeless ON COMMIT DROP AS
            WITH shared AS (
                SELECT organization_id, value
                  FROM claims WHERE value IS NOT NULL
                 GROUP BY organization_id, value HAVING count(*) > 1
            ), later AS (
                SELECT id FROM (
                    SELECT claims.id, row_number() OVER (
                               PARTITION BY claims.organization_id, claims.value
                               ORDER BY claims.created_on NULLS LAST, claims.id) AS place
                      FROM claims JOIN shared USING (organization_id, value)) AS ranked
                 WHERE place > 1
            ), beaten AS (
                SELECT claims.id
                  FROM claims
                  JOIN submissions AS present
                    ON present.organization_id = claims.organization_id
                   AND present.submission_number = claims.value
                 WHERE NOT ({from_v2})
            )
            SELECT id, organization_id, created_on,
                   replace(id::text, '-', '') AS digits,
                   coalesce(fault, 'number_duplicate') AS fault
              FROM claims
             WHERE value IS NULL OR id IN (SELECT id FROM later) OR id IN (SELECT id FROM beaten)
            """
        )
        connection.execute(query.format(from_v2=FROM_V2))
        for digits in range(FEWEST_DIGITS, MOST_DIGITS + 1):
            row = connection.execute("SELECT EXISTS (SELECT FROM homeless)").fetchone()
            if row is None or not row[0]:
                break
            self._house(connection, digits)

    def _shared(self, connection: Connection, codes: Codes) -> tuple[set[int], bool]:
        """Keys that several submissions have, and whether any code can be no number.

        One key more than SHARED_AT_MOST where there are more than these.
        """
        connection.execute("CREATE TEMPORARY TABLE code_keys (key bigint NOT NULL) ON COMMIT DROP")
        statement = "COPY code_keys FROM STDIN (FORMAT binary)"
        faulty = False
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(COPY_HEAD)
            for some in codes.all_keys():
                copy.write(some.copy_rows())
                faulty |= some.faulty
            copy.write(COPY_END)
        found = connection.execute(
            "SELECT key FROM code_keys GROUP BY key HAVING count(*) > 1 LIMIT %s",
            (SHARED_AT_MOST + 1,),
        ).fetchall()
        connection.execute("DROP TABLE code_keys")
        return {key for (key,) in found}, faulty

    def _house(self, connection: Connection, digits: int) -> None:
        """Give each number of this length to the first who wants it, unless it is taken."""
        connection.execute("DROP TABLE IF EXISTS housed")
        query = sql.SQL(
            """
            CREATE TEMPORARY TABLE housed ON COMMIT DROP AS
            SELECT DISTINCT ON (wish.organization_id, wish.number) wish.id, wish.fault, wish.number
              FROM (SELECT *, 'V2-' || left(digits, %(digits)s) AS number FROM homeless) AS wish
             WHERE NOT EXISTS (
                    SELECT FROM claims AS taken
                     WHERE taken.organization_id = wish.organization_id
                       AND taken.value = wish.number)
               AND NOT EXISTS (
                    SELECT FROM submissions AS present
                     WHERE present.organization_id = wish.organization_id
                       AND present.submission_number = wish.number
                       AND NOT ({from_v2}))
             ORDER BY wish.organization_id, wish.number, wish.created_on NULLS LAST, wish.id
            """
        )
        connection.execute(query.format(from_v2=FROM_V2), {"digits": digits})
        self._insert(connection, "SELECT id, fault, number FROM housed")
        connection.execute("DELETE FROM homeless USING housed WHERE homeless.id = housed.id")

    def lookup(self, target: Target, ids: list[str]) -> dict[str, Number]:
        """The decisions about these rows: id → value and code.

        Where a table has few, they are read once for all its batches.
        """
        if self._few is None and not self._are_many:
            few = dict(self._read(target, sql.SQL("LIMIT {}").format(DECISIONS_AT_MOST + 1)))
            self._are_many = len(few) > DECISIONS_AT_MOST
            self._few = None if self._are_many else few
        if self._few is not None:
            return {own: self._few[own] for own in self._few.keys() & ids}
        # About what is no id nothing was decided.
        known = list(filter(is_id, ids))
        return dict(self._read(target, sql.SQL("AND record_id = ANY(%s::uuid[])"), known))

    def _read(
        self, target: Target, which: sql.SQL | sql.Composed, *parameters: object
    ) -> Iterator[tuple[str, Number]]:
        query = sql.SQL(
            "SELECT record_id::text, coalesce(value, ''), code FROM {table} "
            "WHERE migration_name = %s AND table_name = %s {which}"
        ).format(table=self._into, which=which)
        for record_id, value, code in target.read(
            query, (self._migration, self._table, *parameters)
        ):
            yield record_id, Number(value, Code(code))

    def _forget(self, connection: Connection) -> None:
        """Forget what was decided: now, or before the answer to the commit was lost."""
        self._few, self._are_many = None, False
        if self._dry:
            connection.execute(
                "CREATE TEMPORARY TABLE IF NOT EXISTS dry_run_assignments"
                " (LIKE migration_assignments INCLUDING ALL)"
            )
        forget = sql.SQL("DELETE FROM {} WHERE migration_name = %s AND table_name = %s")
        connection.execute(forget.format(self._into), (self._migration, self._table))

    def _stage(self, connection: Connection, lines: Iterable[bytes]) -> None:
        """Put claims into a temporary table, as lines of COPY's text format."""
        connection.execute(
            """
            CREATE TEMPORARY TABLE claims (
                id uuid NOT NULL, organization_id uuid NOT NULL, created_on timestamp,
                value text COLLATE "C", fault text
            ) ON COMMIT DROP
            """
        )
        statement = "COPY claims (id, organization_id, created_on, value, fault) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for some in lines:
                copy.write(some)
        connection.execute("ANALYZE claims")

    def _insert(self, connection: Connection, select: str) -> None:
        query = sql.SQL(
            "INSERT INTO {into} (migration_name, table_name, record_id, code, value) "
            "SELECT %s, %s, found.id, found.code, found.value "
            "FROM ({select}) AS found (id, code, value)"
        ).format(into=self._into, select=sql.SQL(select))
        connection.execute(query, (self._migration, self._table))


def present_emails(target: Target, organizations: Collection[str]) -> dict[tuple[str, str], str]:
    """The emails of v3's users in these organizations: (organization, folded email) → user."""
    query = sql.SQL(
        "SELECT id::text, organization_id::text, email FROM users"
        " WHERE organization_id = ANY(%s::uuid[]) AND (%s = '' OR id > NULLIF(%s, '')::uuid)"
        " ORDER BY users.id LIMIT %s"  # not its text: all that are left would be sorted
    )
    known = sorted(filter(is_id, organizations))
    found: dict[tuple[str, str], str] = {}
    last = ""
    while known:
        rows = target.read(query, (known, last, last, PRESENT_AT_ONCE))
        found |= {(organization, email_key(email)): user for user, organization, email in rows}
        if len(rows) < PRESENT_AT_ONCE:
            break
        last = rows[-1][0]
    return found


def mark_decided(connection: Connection, migration: str, table: str) -> None:
    """Note in the checkpoint that the table's decisions are made, in the open transaction."""
    connection.execute(
        "UPDATE migration_progress SET ledger = ledger || '{\"prepared\": true}'"
        " WHERE migration_name = %s AND table_name = %s AND partition = 0",
        (migration, table),
    )
