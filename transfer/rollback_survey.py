"""What rolling a migration back would remove, what it would keep, and what stands in its way.

The answer is worked out inside v3, in temporary tables that hold keys only: the rows to be kept
(``rollback_kept_N``: those the application changed, and what they refer to), and the rows that
refer to what goes (``rollback_found_N``), each found through the foreign keys of rollback_graph.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from transfer.rollback_graph import Graph, Reference, Table
from transfer.rollback_report import Referring, Survey, TableCount
from transfer.target import Connection

SAMPLES = 5  # keys shown of the rows that refer to what goes, of each table
# A key that no index serves is looked for by reading the referring table; for a larger one the
# preview says so.
LARGE_TABLE_BYTES = 32 * 1024 * 1024
# The planner may take an index that misses, or a table of one migration, for small; a scan over
# another migration's million rows is what an index is there to avoid.
BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off;"
# What a row that a rollback kept has in metadata: when the migration that wrote it had begun.
MARK = "kept_by_rollback"
# Their updated_at is the migration's start (M14); users and submissions have v2's.
AT_THE_START = ("organizations", "forms")


@dataclass(frozen=True, slots=True)
class Doomed:
    """Which rows of a migrated table a rollback is about.

    Args:
        migration: the migration's name.
        started_at: when it began; what changed later was changed by the application (M14).
        include_modified: such rows go, too.
    """

    migration: str
    started_at: datetime
    include_modified: bool = False

    def parameters(self, **more: Any) -> dict[str, Any]:
        """What the conditions' placeholders stand for, and others."""
        return {"migration": self.migration, "started_at": self.started_at} | more

    def written(self, alias: str) -> sql.Composed:
        """The condition that the migration wrote a row, as the index of M2 has it."""
        return sql.SQL("{}.metadata->>'migration_batch' = %(migration)s").format(
            sql.Identifier(alias)
        )

    def written_whatever_index(self, alias: str) -> sql.Composed:
        """The same, said so that no index serves it: for rows that are looked up by their keys.

        The index still lists rows that earlier batches removed; a batch that went through it
        would pass over all of them again.
        """
        return sql.SQL("{}.metadata->'migration_batch' = to_jsonb(%(migration)s::text)").format(
            sql.Identifier(alias)
        )

    def modified(self, table: Table, alias: str) -> sql.Composed:
        """The condition that the application changed a row since the migration wrote it (M14).

        What the migration wrote is known of an organization's and a form's updated_at (the
        start), of a user's or submission's that v2 had later than the start (it stands beside it,
        as Python writes it), of a submitted_at (the same) and of deleted_at. Any other updated_at
        v2 alone knows, and what counts is whether it is later than the start. A row that an
        earlier rollback kept stays a changed one, whenever the migration began anew since.
        """
        if table.name in AT_THE_START:
            changed = "{row}.updated_at <> %(started_at)s"
        else:
            changed = (
                "CASE WHEN {row}.metadata ? 'legacy_updated_at'"
                " THEN {row}.metadata->>'legacy_updated_at'"
                " IS DISTINCT FROM replace(to_char({row}.updated_at AT TIME ZONE 'UTC',"
                """ 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'), '.000000', '')"""
                " ELSE {row}.updated_at > %(started_at)s END"
            )
        if table.name == "submissions":
            changed += (
                " OR ({row}.submitted_at IS NOT NULL AND {row}.submitted_at <> {row}.updated_at)"
            )
        return sql.SQL("({marked} OR {row}.deleted_at IS NOT NULL OR {changed})").format(
            marked=self.marked(alias),
            row=sql.Identifier(alias),
            changed=sql.SQL(changed).format(row=sql.Identifier(alias)),
        )

    def marked(self, alias: str) -> sql.Composed:
        """The condition that an earlier rollback kept a row."""
        return sql.SQL("{}.metadata ? {}").format(sql.Identifier(alias), sql.Literal(MARK))


class Surveyor:
    """Works out a survey; its temporary tables stay with the connection.

    Args:
        graph: the tables and foreign keys.
        doomed: which rows it is about.
    """

    def __init__(self, graph: Graph, doomed: Doomed) -> None:
        self.graph = graph
        self.doomed = doomed
        self._has_kept: set[Table] = set()
        # Tables of which rows were found that refer to what goes.
        self.has_found: set[Table] = set()

    def survey(self, connection: Connection) -> Survey:
        """Look anew; what an earlier survey found is forgotten."""
        with connection.transaction():
            connection.execute(BY_INDEX)
            self._has_kept.clear()
            self.has_found.clear()
            counts = {table: self._count(connection, table) for table in self.graph.migrated}
            if any(one.kept_modified for one in counts.values()):
                self._keep(connection, counts)
            self._find(connection)
            survey = Survey([counts[table] for table in reversed(self.graph.migrated)])
            for table in self.graph.tables:
                if table in self.has_found:
                    self._told(connection, table, survey)
        for reference in self.graph.references:
            if not reference.indexed and reference.child.size > LARGE_TABLE_BYTES:
                survey.remarks.append(_slow(reference))
        return survey

    # The tables of keys

    def _make(self, connection: Connection, table: Table, name: sql.Identifier) -> None:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS pg_temp.{}").format(name))
        connection.execute(
            sql.SQL(
                "CREATE TEMPORARY TABLE {name} AS SELECT {columns}, 0 AS round,"
                " NULL::text AS batch FROM {table} AS c WHERE false"
            ).format(name=name, columns=_keys(table, "c"), table=table.identifier)
        )
        connection.execute(
            sql.SQL(
                "ALTER TABLE pg_temp.{name}"
                " ADD n bigint GENERATED ALWAYS AS IDENTITY UNIQUE, ADD UNIQUE ({keys})"
            ).format(name=name, keys=_numbered(table))
        )

    def _make_kept(self, connection: Connection, table: Table) -> None:
        if table not in self._has_kept:
            self._make(connection, table, kept(table))
            self._has_kept.add(table)

    def _count(self, connection: Connection, table: Table) -> TableCount:
        query = sql.SQL(
            "SELECT count(*), count(*) FILTER (WHERE {modified}), count(*) FILTER (WHERE {marked})"
            " FROM {table} AS t WHERE {written}"
        ).format(
            modified=self.doomed.modified(table, "t"),
            marked=self.doomed.marked("t"),
            table=table.identifier,
            written=self.doomed.written("t"),
        )
        ((rows, *stay),) = connection.execute(query, self.doomed.parameters()).fetchall()
        changed, before = (0, 0) if self.doomed.include_modified else stay
        return TableCount(table.label, rows, changed, kept_before=before)

    # What stays

    def _keep(self, connection: Connection, counts: dict[Table, TableCount]) -> None:
        """Keep the changed rows, and what they refer to, and what that refers to."""
        fresh = set()
        for table, count in counts.items():
            if count.kept_modified:
                self._make_kept(connection, table)
                connection.execute(
                    sql.SQL(
                        "INSERT INTO pg_temp.{kept} ({keys}, round) SELECT {columns}, 0"
                        " FROM {table} AS t WHERE {written} AND {modified}"
                    ).format(
                        kept=kept(table),
                        keys=_numbered(table),
                        columns=_keys(table, "t"),
                        table=table.identifier,
                        written=self.doomed.written("t"),
                        modified=self.doomed.modified(table, "t"),
                    ),
                    self.doomed.parameters(),
                )
                fresh.add(table)
        number = 0
        while fresh:
            number += 1
            fresh = {
                reference.parent
                for reference in self.graph.references
                if reference.child in fresh and self._keep_parents(connection, reference, number)
            }
        for table, count in counts.items():
            if table not in self._has_kept:
                continue
            query = sql.SQL(
                "SELECT count(*) FROM pg_temp.{kept} AS k JOIN {table} AS t ON {same}"
                " WHERE round > 0 AND {written}"
            ).format(
                kept=kept(table),
                table=table.identifier,
                same=same_row(table, "k", "t"),
                written=self.doomed.written_whatever_index("t"),
            )
            ((count.kept_parents,),) = connection.execute(
                query, self.doomed.parameters()
            ).fetchall()

    def _keep_parents(self, connection: Connection, reference: Reference, number: int) -> int:
        child, parent = reference.child, reference.parent
        self._make_kept(connection, parent)
        query = sql.SQL(
            """
            INSERT INTO pg_temp.{kept} ({keys}, round)
            SELECT DISTINCT {numbered}, %(round)s
              FROM pg_temp.{kept_children} AS k
             CROSS JOIN LATERAL (SELECT {own} FROM {child} AS c WHERE {same} OFFSET 0) AS c
             CROSS JOIN LATERAL (SELECT {columns} FROM {parent} AS t WHERE {matches} OFFSET 0) AS t
             WHERE k.round = %(round)s - 1
            ON CONFLICT DO NOTHING
            """
        ).format(
            kept=kept(parent),
            keys=_numbered(parent),
            numbered=_numbered(parent, "t"),
            columns=_keys(parent, "t"),
            own=_columns(reference.columns, "c"),
            kept_children=kept(child),
            child=child.identifier,
            same=same_row(child, "k", "c"),
            parent=parent.identifier,
            matches=reference.matches("c", "t"),
        )
        return connection.execute(query, {"round": number}).rowcount

    # What refers to what goes

    def _find(self, connection: Connection) -> None:
        fresh = set()
        for reference in self.graph.references:
            if reference.parent.migrated and self._find_first(connection, reference):
                fresh.add(reference.child)
        number = 1
        while fresh:
            number += 1
            fresh = {
                reference.child
                for reference in self.graph.references
                if reference.parent in fresh and self._find_more(connection, reference, number)
            }
        for table in self.has_found:
            connection.execute(sql.SQL("ANALYZE pg_temp.{}").format(found(table)))

    def _find_first(self, connection: Connection, reference: Reference) -> int:
        """Rows that refer to rows of the migration that go."""
        parent = reference.parent
        stays: sql.Composable = sql.SQL("")
        if parent in self._has_kept:
            stays = sql.SQL(" AND NOT EXISTS (SELECT FROM pg_temp.{} AS k WHERE {})").format(
                kept(parent), same_row(parent, "k", "t")
            )
        parents = sql.SQL("(SELECT {} FROM {} AS t WHERE {}{}) AS t").format(
            _columns(reference.parent_columns, "t"),
            parent.identifier,
            self.doomed.written("t"),
            stays,
        )
        return self._insert_found(connection, reference, parents, 1)

    def _find_more(self, connection: Connection, reference: Reference, number: int) -> int:
        """Rows that refer to rows which were found a round before."""
        parent = reference.parent
        parents = sql.SQL(
            "(SELECT t.* FROM pg_temp.{} AS f CROSS JOIN LATERAL"
            " (SELECT {} FROM {} AS t WHERE {} OFFSET 0) AS t"
            " WHERE f.round = %(round)s - 1 AND f.batch IS NULL) AS t"
        ).format(
            found(parent),
            _columns(reference.parent_columns, "t"),
            parent.identifier,
            same_row(parent, "f", "t"),
        )
        return self._insert_found(connection, reference, parents, number)

    def _insert_found(
        self, connection: Connection, reference: Reference, parents: sql.Composed, number: int
    ) -> int:
        child = reference.child
        of_others = sql.SQL("")
        batch = sql.SQL("NULL::text")
        if child.migrated:
            of_others = sql.SQL(
                " AND c.metadata->>'migration_batch' IS DISTINCT FROM %(migration)s"
            )
            batch = sql.SQL("c.metadata->>'migration_batch'")
        # By index, row by row; without one by reading the referring table once.
        rows = sql.SQL(
            "{parents} CROSS JOIN LATERAL (SELECT {columns}, {batch} AS batch FROM {child} AS c"
            " WHERE {matches}{of_others}{optional}) AS c"
        ).format(
            parents=parents,
            columns=_keys(child, "c"),
            batch=batch,
            child=child.identifier,
            matches=reference.matches("c", "t"),
            of_others=of_others,
            optional=sql.SQL(" OFFSET 0" if reference.indexed else ""),
        )
        parameters = self.doomed.parameters(round=number)
        if child not in self.has_found:
            query = sql.SQL("SELECT count(*) FROM {}").format(rows)
            if connection.execute(query, parameters).fetchall() == [(0,)]:
                return 0
            self._make(connection, child, found(child))
            self.has_found.add(child)
        query = sql.SQL(
            "INSERT INTO pg_temp.{found} ({keys}, round, batch)"
            " SELECT DISTINCT {numbered}, %(round)s, c.batch FROM {rows} ON CONFLICT DO NOTHING"
        ).format(
            found=found(child), keys=_numbered(child), numbered=_numbered(child, "c"), rows=rows
        )
        return connection.execute(query, parameters).rowcount

    def _told(self, connection: Connection, table: Table, survey: Survey) -> None:
        counted = connection.execute(
            sql.SQL("SELECT batch, count(*) FROM pg_temp.{} GROUP BY batch ORDER BY batch").format(
                found(table)
            )
        ).fetchall()
        for batch, rows in counted:
            if batch is not None:
                survey.others.setdefault(batch, {})[table.label] = rows
                continue
            samples = connection.execute(
                sql.SQL(
                    "SELECT concat_ws(' ', {}) FROM pg_temp.{} WHERE batch IS NULL"
                    " ORDER BY n LIMIT %s"
                ).format(_numbered(table), found(table)),
                (SAMPLES,),
            ).fetchall()
            through = [
                f"{', '.join(one.columns)} → {one.parent.label}" for one in self.graph.of(table)
            ]
            survey.referring.append(
                Referring(table.label, rows, through, [sample for (sample,) in samples])
            )


def kept(table: Table) -> sql.Identifier:
    """The temporary table of a table's rows that stay."""
    return sql.Identifier(f"rollback_kept_{table.number}")


def found(table: Table) -> sql.Identifier:
    """The temporary table of rows that refer to what goes; ``n`` numbers them."""
    return sql.Identifier(f"rollback_found_{table.number}")


def same_row(table: Table, keys: str, row: str) -> sql.Composed:
    """The condition that a row of the temporary table means that row of the table."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(row, column), sql.Identifier(keys, f"k{number}"))
        for number, column in enumerate(table.key)
    )


def _keys(table: Table, alias: str) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} AS {}").format(sql.Identifier(alias, column), sql.Identifier(f"k{number}"))
        for number, column in enumerate(table.key)
    )


def _columns(names: Iterable[str], alias: str) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in names)


def _numbered(table: Table, alias: str = "") -> sql.Composed:
    names: Iterable[tuple[str, ...]] = ((f"k{number}",) for number in range(len(table.key)))
    prefix = (alias,) if alias else ()
    return sql.SQL(", ").join(sql.Identifier(*prefix, *name) for name in names)


def _slow(reference: Reference) -> str:
    columns = ", ".join(reference.columns)
    megabytes = reference.child.size / 1024 / 1024
    label = reference.child.label
    return (
        f"{label} ({columns}) has no index and {megabytes:,.0f} MB: PostgreSQL reads all of it for"
        f" each row of {reference.parent.label} that goes. Faster with an index on these columns."
    )
